package intake_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// house is a world in which a manager changes what decides about responses.
type house struct {
	*world
	root     auth.Viewer
	rules    *rule.Rules
	themes   *theme.Themes
	settings *settings.Settings
	users    *user.Users
}

func newHouse(t *testing.T, opts ...pgtest.Option) *house {
	t.Helper()
	w := &world{worktest.NewWithAgent(t, opts...)}
	return &house{
		world: w, root: w.Viewer(model.Admin), rules: rule.New(w.DB, w.Revisions, w.Now), themes: theme.New(w.Revisions, w.Queue, w.Now),
		settings: settings.New(w.Revisions), users: user.New(w.Revisions, w.Work, w.Log, w.Now),
	}
}

func (h *house) submit(in *intake.Intake, score int) (*intake.SubmitResponsePayload, error) {
	return in.Submit(h.T.Context(), h.Agent, intake.SubmitResponseInput{Score: score, Comment: new("much too late")})
}

// found is what was decided about a response: its rules, themes and mails, and the case's assignee.
func (h *house) found(out *intake.SubmitResponsePayload) string {
	h.T.Helper()
	var text string
	err := h.DB.Pool.QueryRow(h.T.Context(), `SELECT concat_ws(' ',
			(SELECT string_agg(r.name, ',' ORDER BY r.name) FROM response_rules m JOIN rules r ON r.id = m.rule_id WHERE m.response_id = $1),
			(SELECT string_agg(t.name, ',' ORDER BY t.name) FROM response_themes m JOIN themes t ON t.id = m.theme_id WHERE m.response_id = $1),
			(SELECT string_agg(n."to", ',' ORDER BY n."to") FROM notifications n WHERE n.response_id = $1 AND n.kind = 'NEW_RESPONSE'),
			(SELECT u.name FROM cases c JOIN users u ON u.id = c.assignee_id WHERE c.response_id = $1))`, out.Response.ID.UUID).Scan(&text)
	if err != nil {
		h.T.Fatal(err)
	}
	return text
}

// houseChange is a change of what decides about responses, of each kind.
type houseChange struct {
	before, after string
	make          func(h *house) error
}

// changes are made in a house where the rule "all" assigns to Ana, mails the central addresses, and where the theme "Late" has
// keywords.
func (h *house) changes() map[string]houseChange {
	ana, bo := h.User("ana", model.Agent), h.User("bo", model.Agent)
	all := h.Rule("all", func(r *model.Rule) {
		r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &ana.ID, &bo.ID
		r.Recipients = []model.Recipient{{Kind: model.RecipientCentral}}
	})
	late := h.Theme("Late", "late")
	h.Must(`UPDATE settings SET central_addresses = '["desk@care.example"]'`)
	const was = "all Late desk@care.example ana"
	ctx := h.T.Context()
	return map[string]houseChange{
		"a rule that is deleted": {was, "Late", func(h *house) error {
			_, err := h.rules.Delete(ctx, h.root, rule.DeleteRuleInput{RuleID: all.ID})
			return err
		}},
		"a rule that gets other recipients": {was, "all Late bo ana", func(h *house) error {
			_, err := h.rules.Update(ctx, h.root, rule.UpdateRuleInput{RuleID: all.ID, Notify: graphql.OmittableOf([]*rule.RecipientInput{{Kind: model.RecipientUser, UserID: &bo.ID}})})
			return err
		}},
		"a theme that is deleted": {was, "all desk@care.example ana", func(h *house) error {
			_, err := h.themes.Delete(ctx, h.root, theme.DeleteThemeInput{ThemeID: late.ID})
			return err
		}},
		"other central addresses": {was, "all Late new@care.example ana", func(h *house) error {
			_, err := h.settings.Update(ctx, h.root, settings.UpdateSettingsInput{CentralAddresses: graphql.OmittableOf([]string{"new@care.example"})})
			return err
		}},
		"a user who leaves": {was, "all Late desk@care.example bo", func(h *house) error {
			_, err := h.users.Update(ctx, h.root, user.UpdateUserInput{UserID: ana.ID, Active: worktest.Given(false)})
			return err
		}},
	}
}

func TestConfigurationIsReadOnceWhileItStays(t *testing.T) {
	t.Parallel()
	for name := range newHouse(t).changes() {
		t.Run("and again after "+name, func(t *testing.T) {
			t.Parallel()
			count := &pgtest.Counter{}
			h := newHouse(t, pgtest.WithTracer(count))
			change := h.changes()[name]
			in := intake.New(h.Work)
			for i, want := range []string{change.before, change.before, change.after, change.after} {
				if i == 2 {
					if err := change.make(h); err != nil {
						t.Fatal(err)
					}
				}
				count.Reset()
				out, err := h.submit(in, 3)
				if err != nil {
					t.Fatal(err)
				}
				sent := count.Statements()
				if got := h.found(out); got != want {
					t.Errorf("response %d is decided by %q, not by %q", i, got, want)
				}
				var read []string
				for _, table := range []string{"rules", "rule_recipients", "rule_assignees", "themes", "users", "settings"} {
					if slices.ContainsFunc(sent, func(s string) bool { return strings.Contains(s, `FROM "`+table+`"`) }) {
						read = append(read, table)
					}
				}
				if want := i % 2 * 6; len(read) != 6-want {
					t.Errorf("response %d reads %q", i, read)
				}
			}
		})
	}
}

func TestResponseIsDecidedByWhatIsThereAtItsCommit(t *testing.T) {
	t.Parallel()
	for name := range newHouse(t).changes() {
		t.Run(name+" waits for a response that is being saved", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			change := h.changes()[name]
			bar := h.Gate.Hold(`INSERT INTO "responses"`)
			saved := make(chan *intake.SubmitResponsePayload, 1)
			go func() {
				out, err := h.submit(intake.New(h.Work), 3)
				if err != nil {
					t.Error(err)
				}
				saved <- out
			}()
			<-bar.Reached
			changed := make(chan struct{})
			go func() {
				defer close(changed)
				if err := change.make(h); err != nil {
					t.Error(err)
				}
			}()
			if !h.Waits(changed) {
				t.Error("the change did not wait for the response")
			}
			close(bar.Open)
			out := <-saved
			<-changed
			if out == nil {
				return
			}
			if got := h.found(out); got != change.before {
				t.Errorf("the response was decided by %q, not by %q", got, change.before)
			}
		})
		t.Run("a response waits for "+name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			change, in := h.changes()[name], intake.New(h.Work)
			if _, err := h.submit(in, 3); err != nil { // what decides is in memory
				t.Fatal(err)
			}
			bar := h.Gate.Hold(`INSERT INTO "audit_events"`)
			changed := make(chan error, 1)
			go func() { changed <- change.make(h) }()
			<-bar.Reached
			saved, out := make(chan struct{}), (*intake.SubmitResponsePayload)(nil)
			go func() {
				defer close(saved)
				var err error
				if out, err = h.submit(in, 3); err != nil {
					t.Error(err)
				}
			}()
			if !h.Waits(saved) {
				t.Error("the response did not wait for the change")
			}
			close(bar.Open)
			if err := <-changed; err != nil {
				t.Fatal(err)
			}
			<-saved
			if out == nil {
				return
			}
			if got := h.found(out); got != change.after {
				t.Errorf("the response was decided by %q, not by %q", got, change.after)
			}
		})
	}
}

// Rules come and go while two servers save responses. The order of commits is that in which deferred triggers, which run
// under the locks of their transactions, have numbered them.
func TestRulesComeAndGoWhileResponsesComeIn(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.Must(`CREATE TABLE commits (id uuid, gone boolean, number bigint GENERATED ALWAYS AS IDENTITY);
		CREATE FUNCTION number_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO commits (id, gone) VALUES (NEW.id, to_jsonb(NEW)->>'deleted_at' IS NOT NULL);
			RETURN NULL;
		END $$;
		CREATE CONSTRAINT TRIGGER number_commit AFTER INSERT ON responses DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_commit();
		CREATE CONSTRAINT TRIGGER number_commit AFTER INSERT OR UPDATE OF deleted_at ON rules DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION number_commit()`)
	servers := []*intake.Intake{intake.New(h.Work), intake.New(h.Work)}
	done := make(chan struct{})
	var writers sync.WaitGroup
	for i := range 6 {
		writers.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-done:
					return
				default:
				}
				if _, err := h.submit(servers[i%2], 3); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	made := 0
	for end := time.Now().Add(2 * time.Second); (made < 10 || time.Now().Before(end)) && !t.Failed(); made++ {
		out, err := h.rules.Create(t.Context(), h.root, rule.CreateRuleInput{Name: fmt.Sprint("rule ", made), Enabled: true, OpensCase: made%2 == 0})
		if err == nil {
			_, err = h.rules.Delete(t.Context(), h.root, rule.DeleteRuleInput{RuleID: out.Rule.ID})
		}
		if err != nil {
			t.Error(err)
		}
	}
	close(done)
	writers.Wait()
	const lives = `FROM responses x JOIN commits r ON r.id = x.id, rules u JOIN commits c ON c.id = u.id AND NOT c.gone JOIN commits d ON d.id = u.id AND d.gone
		WHERE (r.number BETWEEN c.number AND d.number)`
	const matched = `EXISTS (SELECT 1 FROM response_rules m WHERE m.response_id = x.id AND m.rule_id = u.id)`
	if n := h.Count("SELECT count(*) " + lives + " <> " + matched); n != 0 {
		t.Errorf("%d responses were decided by a rule that was not there at their commit, or not by one that was", n)
	}
	responses, hits := h.Count("SELECT count(*) FROM responses"), h.Count("SELECT count(*) FROM response_rules")
	t.Logf("%d responses, %d rules, %d matches, %d deadlocks", responses, made, hits, h.Deadlocks.Load())
	if hits == 0 || hits == responses*made {
		t.Errorf("too little happened: %d responses, %d rules, %d matches", responses, made, hits)
	}
	if n := h.Deadlocks.Load(); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}
