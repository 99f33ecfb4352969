package assignment_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// choosing creates a rule that chooses one of the users by the strategy.
func (w *world) choosing(strategy model.AssignmentStrategy, users ...*model.User) *model.Rule {
	w.T.Helper()
	r := w.Rule(string(strategy), func(r *model.Rule) { r.Strategy = strategy })
	for i, u := range users {
		w.Create(&model.Assignee{RuleID: r.ID, Ordinal: i, UserID: u.ID})
	}
	return r
}

func TestRoundRobin(t *testing.T) {
	t.Parallel()
	t.Run("takes turns when many responses come at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		a, b, c := w.User("a@example.com", model.Agent), w.User("b@example.com", model.Agent), w.User("c@example.com", model.Manager)
		w.choosing(model.RoundRobin, a, b, c)
		for _, want := range []*model.User{a, b, c, a} {
			if got := w.Submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != want.ID {
				t.Fatalf("the case is assigned to %v, want %s", got.AssigneeID, want.Email)
			}
		}
		worktest.AtOnce(32, func(int) { w.Submit(intake.SubmitResponseInput{Score: 1}) })
		if a, b, c := w.CasesOf(a), w.CasesOf(b), w.CasesOf(c); a != 12 || b != 12 || c != 12 {
			t.Errorf("the users have %d, %d and %d cases, want 12 each", a, b, c)
		}
	})

	t.Run("skips inactive users", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		a, inactive, c := w.User("a@example.com", model.Agent), w.User("inactive@example.com", model.Agent, worktest.Inactive), w.User("c@example.com", model.Agent)
		w.choosing(model.RoundRobin, a, inactive, c)
		for range 6 {
			w.Submit(intake.SubmitResponseInput{Score: 1})
		}
		if a, none, c := w.CasesOf(a), w.CasesOf(inactive), w.CasesOf(c); a != 3 || none != 0 || c != 3 {
			t.Errorf("the users have %d, %d and %d cases, want 3, 0 and 3", a, none, c)
		}
	})

	t.Run("loses no turn to a rollback", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		a, b := w.User("a@example.com", model.Agent), w.User("b@example.com", model.Agent)
		r := w.choosing(model.RoundRobin, a, b)
		w.Must("ALTER TABLE notifications ADD CONSTRAINT refuse CHECK (false)")
		if _, err := intake.New(w.Work).Submit(t.Context(), w.Agent, intake.SubmitResponseInput{Score: 1}); err == nil {
			t.Fatal("the response was stored although its mail was refused")
		}
		w.Must("ALTER TABLE notifications DROP CONSTRAINT refuse")
		if turn := w.Count("SELECT turn FROM rules WHERE id = $1", r.ID.UUID); turn != 0 {
			t.Errorf("the rule has used %d turns, want 0", turn)
		}
		if got := w.Submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != a.ID {
			t.Error("the first turn was lost")
		}
	})
}

func TestLeastBusyIsEvenWhenManyResponsesComeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy, idle, third := w.User("busy@example.com", model.Agent), w.User("idle@example.com", model.Agent), w.User("third@example.com", model.Agent)
	for range 6 {
		c := w.Open(nil)
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &busy.ID}); err != nil {
			t.Fatal(err)
		}
	}
	done := w.Open(nil)
	if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: done.ID, AssigneeID: &idle.ID}); err != nil {
		t.Fatal(err)
	}
	w.Move(done.ID, model.Closed) // a closed case does not count as load

	w.choosing(model.LeastBusy, busy, idle, third)
	if got := w.Submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != idle.ID {
		t.Errorf("the case is assigned to %v, want the first user without an open case", got.AssigneeID)
	}
	worktest.AtOnce(23, func(int) { w.Submit(intake.SubmitResponseInput{Score: 1}) })
	if a, b, c := w.CasesOf(busy), w.CasesOf(idle)-1, w.CasesOf(third); a != 10 || b != 10 || c != 10 {
		t.Errorf("the users have %d, %d and %d new or open cases, want 10 each", a, b, c)
	}
}

// Whoever has worked for years has thousands of closed cases, which are not read for each response that comes in.
func TestLeastBusyReadsOpenCasesOnly(t *testing.T) {
	t.Parallel()
	var counter pgtest.Counter
	w := &world{worktest.NewWithAgent(t, pgtest.WithTracer(&counter))}
	a, b := w.User("a@example.com", model.Agent), w.User("b@example.com", model.Agent)
	customer := w.Open(nil).CustomerID
	w.Must(`INSERT INTO cases (id, status, origin, opened_by_id, customer_id, assignee_id, assigned_at, opened_at, updated_at, closed_at, version)
		SELECT gen_random_uuid(), 'CLOSED', 'MANUAL', $1, $2, CASE WHEN i % 2 = 0 THEN $3::uuid ELSE $4 END, now(), now(), now(), now(), 1
		FROM generate_series(1, 4000) i`, a.ID.UUID, customer.UUID, a.ID.UUID, b.ID.UUID)
	w.Must("VACUUM ANALYZE cases")
	w.choosing(model.LeastBusy, a, b)
	counter.Reset()
	w.Submit(intake.SubmitResponseInput{Score: 1})
	sent := counter.Statements()
	at := slices.IndexFunc(sent, func(sql string) bool { return strings.HasPrefix(sql, "SELECT assignee_id, count(*)") })
	if at < 0 {
		t.Fatalf("nothing counts the users' cases: %q", sent)
	}
	var plan []string
	rows, err := w.DB.Pool.Query(t.Context(), "EXPLAIN "+sent[at], []uuid.UUID{a.ID.UUID, b.ID.UUID})
	if err == nil {
		plan, err = pgx.CollectRows(rows, pgx.RowTo[string])
	}
	if text := strings.Join(plan, "\n"); err != nil || !strings.Contains(text, "using cases_load on cases") {
		t.Errorf("%v: the plan is\n%s", err, text)
	}
}

func TestFallbackGetsTheCaseWhenNoUserCanBeChosen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	inactive, fallback := w.User("inactive@example.com", model.Agent, worktest.Inactive), w.User("fallback@example.com", model.Agent)
	r := w.choosing(model.LeastBusy, inactive)
	w.Must("UPDATE rules SET fallback_user_id = $1 WHERE id = $2", fallback.ID.UUID, r.ID.UUID)
	if got := w.Submit(intake.SubmitResponseInput{Score: 1}).Case; got.AssigneeID == nil || *got.AssigneeID != fallback.ID {
		t.Errorf("the case is assigned to %v, want the fallback", got.AssigneeID)
	}
}
