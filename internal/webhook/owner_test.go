package webhook_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

func (p post) data(t *testing.T) (data struct {
	Type     model.CaseEventType
	Matches  bool
	Snapshot struct{ CustomerName, Comment, Country string }
}) {
	t.Helper()
	var whole struct{ Data json.RawMessage }
	if err := json.Unmarshal(p.body, &whole); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(whole.Data, &data); err != nil {
		t.Fatal(err)
	}
	return data
}

func (w *world) country(c *model.Case, to string) {
	w.T.Helper()
	_, err := customer.New(w.Work).Update(w.T.Context(), w.Admin, customer.UpdateCustomerInput{CustomerID: c.CustomerID, Country: graphql.OmittableOf(&to)})
	w.must(err)
}

func TestSelection(t *testing.T) {
	t.Parallel()
	t.Run("contains the new events of the types that match the filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		old := w.open("DE")
		r := newReceiver(t, nil)
		h := w.hook(r, func(in *webhook.CreateWebhookInput) {
			in.Filter = caseFilter(w.T, `{"customer": {"country": {"eq": "de"}}}`)
			in.Events = []model.CaseEventType{model.EventNoteAdded, model.EventDetailsChanged, model.EventNoteAdded}
		})
		w.run(w.DB, w.Log)
		w.note(old)
		w.note(w.open("FR")) // this case never matches
		w.country(old, "FR") // the old case stops matching
		w.note(old)          // it does not match
		w.country(old, "DE") // it matches again
		w.note(w.open("DE")) // OPENED is not one of the types
		w.delivered(h, 4)
		var have []string
		for _, p := range r.all() {
			d := p.data(t)
			have = append(have, string(d.Type), d.Snapshot.Country, map[bool]string{true: "in", false: "left"}[d.Matches])
		}
		// The last event is of another case, so it may arrive earlier.
		if got := strings.Join(have, " "); strings.Count(got, "NOTE_ADDED DE in") != 2 || strings.Count(got, "DETAILS_CHANGED FR left") != 1 ||
			strings.Count(got, "DETAILS_CHANGED DE in") != 1 || len(r.all()) != 4 {
			t.Errorf("the posts are %s", got)
		}
		w.update(webhook.UpdateWebhookInput{WebhookID: h.ID, Filter: graphql.OmittableOf(caseFilter(w.T, `{"customer": {"country": {"eq": "FR"}}}`)), Events: graphql.OmittableOf([]model.CaseEventType{model.EventOpened})})
		w.note(old)
		w.open("DE")
		c := w.open("FR")
		w.delivered(h, 5)
		same(t, "after the change", r.accepted(c), w.events(c)[:1])
	})

	t.Run("contains the erasure of a customer whatever the filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		c := w.open("DE")
		h := w.hook(r, func(in *webhook.CreateWebhookInput) {
			in.Filter = caseFilter(w.T, `{"customer": {"company": {"eq": "ACME"}}}`)
		})
		w.note(c) // does not match
		_, err := privacy.New(w.DB, w.Work).EraseCustomer(t.Context(), w.Admin, privacy.EraseCustomerInput{CustomerID: c.CustomerID})
		w.must(err)
		w.run(w.DB, w.Log)
		w.delivered(h, 1)
		same(t, "the erased customer's case", r.accepted(c), w.events(c)[2:])
	})

	t.Run("is empty for an inactive owner, and the webhook is disabled", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		other := w.User("other@care.example", model.Admin)
		r := newReceiver(t, nil)
		h := w.hook(r)
		_, err := user.New(w.Revisions, w.Work, w.Log, w.Now).Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: w.Admin.User.ID, Active: graphql.OmittableOf(new(false))})
		w.must(err)
		w.open("DE")
		w.run(w.DB, w.Log)
		w.until("the webhook is disabled", "SELECT NOT enabled AND disabled_reason LIKE '%owner%' FROM webhooks WHERE id = ?", h.ID)
		w.until("the other administrator gets a mail", `SELECT count(*) = 1 AND bool_and("to" = ?) FROM notifications WHERE kind = 'WEBHOOK_DISABLED'`, other.Email)
		if n := len(r.all()); n != 0 {
			t.Errorf("got %d posts, want none: the owner is inactive", n)
		}
	})

	t.Run("stays within the owner's scope at the event and at the post", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		h := w.hook(r)
		w.must(w.DB.Gorm.Exec(`UPDATE users SET role = 'PARTNER', personal_data_hidden = true, scope_customer = '{"country": {"eq": "GB"}}' WHERE id = ?`, w.Admin.User.ID).Error)
		in, out, moving := w.open("GB"), w.open("DE"), w.open("GB")
		w.note(moving)
		w.country(moving, "DE") // before anything is posted
		w.note(out)
		w.note(in)
		w.run(w.DB, w.Log)
		w.until("the visible events are delivered", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'DELIVERED'", h.ID)
		w.until("the other events are withheld", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND status = 'FAILED' AND attempts = 0 AND last_error LIKE '%may not see%'", h.ID)
		same(t, "the case in scope", r.accepted(in), w.events(in))
		for _, p := range r.all() {
			if p.caseID != in.ID.String() {
				t.Errorf("a case outside the scope was posted: %s", p.body)
			}
			for _, hidden := range []string{"Ana", "ana-", "Nobody called"} {
				if strings.Contains(string(p.body), hidden) {
					t.Errorf("personal data was posted: %s", p.body)
				}
			}
		}
	})
}
