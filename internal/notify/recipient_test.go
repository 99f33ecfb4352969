package notify

import (
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

func TestRecipient(t *testing.T) {
	t.Parallel()
	t.Run("must be active when the mail is sent", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		events := w.start(w.mailer("smtp://" + s.listen()))
		bo := w.user("Bo Berg", "Bo@example.com")
		if err := w.DB.Gorm.Model(bo).Update("active", false).Error; err != nil {
			t.Fatal(err)
		}
		id := w.alert("bo@Example.com") // the address of a rule, which names no user
		w.until(events, river.EventKindJobCompleted)
		n := w.row(id)
		if n.Status != model.NotificationFailed || n.SentAt != nil || text(n.LastError) != errInactive.Error() {
			t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
		}
		s.none()

		if err := w.DB.Gorm.Model(bo).Update("active", true).Error; err != nil {
			t.Fatal(err)
		}
		if err := w.DB.Tx(t.Context(), func(tx *gorm.DB) error { return w.Queue.Requeue(t.Context(), tx, &n) }); err != nil {
			t.Fatal(err)
		}
		w.until(events, river.EventKindJobCompleted)
		header, _, _ := read(t, s.one().data)
		if got := header.Get("Message-Id"); !strings.Contains(got, id.String()) {
			t.Errorf("the mail has the Message-ID %s", got)
		}
		if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
			t.Errorf("the row is %+v", n)
		}
	})

	t.Run("receives only what the scope allows", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		events := w.start(w.mailer("smtp://" + s.listen()))
		set := func(u *model.User, column string, value any) {
			t.Helper()
			if err := w.DB.Gorm.Model(u).Update(column, value).Error; err != nil {
				t.Fatal(err)
			}
		}
		masked, british, own := w.user("Vi", "vi@example.com"), w.user("Brit", "brit@example.com"), w.user("Own", "own@example.com")
		set(masked, "personal_data_hidden", true)
		set(british, "scope_customer", []byte(`{"country": {"eq": "GB"}}`))
		set(own, "own_cases_only", true)
		from := func(country string) *model.Response {
			return w.response(w.customer(model.Customer{
				FirstName: new("Ana"), LastName: new("Souza"), Email: new("ana@acme.example"), Company: new("ACME"), Country: &country,
			}), model.Response{Score: 3, Comment: new("Too slow."), Drivers: []string{"Billing"}})
		}
		brazil, britain := from("BR"), from("GB")
		ownCase, unassigned := w.open(brazil, own, nil), w.open(britain, nil, nil)
		for _, c := range []struct {
			to      *model.User
			about   *model.Response
			opened  *model.Case
			allowed bool
		}{
			{masked, brazil, ownCase, true},
			{british, brazil, ownCase, false},
			{british, brazil, nil, false},
			{british, britain, unassigned, true},
			{british, britain, nil, true},
			{own, brazil, ownCase, true},
			{own, britain, unassigned, false},
		} {
			w.Must("DELETE FROM notifications") // an address gets one mail about a response
			n := model.Notification{Kind: model.NotifyNewResponse, To: c.to.Email, ResponseID: &c.about.ID}
			if c.opened != nil {
				n.CaseID = &c.opened.ID
			}
			id := w.mail(n)
			w.until(events, river.EventKindJobCompleted)
			row := w.row(id)
			if !c.allowed {
				if row.Status != model.NotificationFailed || text(row.LastError) != errOutside.Error() {
					t.Errorf("to %s: %+v, the last error %q", c.to.Name, row, text(row.LastError))
				}
				continue
			}
			if row.Status != model.NotificationSent {
				t.Fatalf("to %s: %+v, the last error %q", c.to.Name, row, text(row.LastError))
			}
			header, plain, html := read(t, s.one().data)
			whole := decoded(t, header.Get("Subject")) + plain + html
			for _, personal := range []string{"Ana", "Souza", "ana@", "Too slow"} {
				if shown := strings.Contains(whole, personal); shown == (c.to == masked) {
					t.Errorf("to %s, the mail contains %q: %v\n%s", c.to.Name, personal, shown, whole)
				}
			}
			if !strings.Contains(whole, "ACME") || !strings.Contains(whole, "3 of 10") {
				t.Errorf("to %s, the mail lacks fields that are not personal:\n%s", c.to.Name, whole)
			}
		}
		s.none()
	})

	t.Run("receives the same Message-ID at each try", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.next("TAKEN", reply(451, "try again")) // after the server accepted the mail
		events := w.start(w.mailer("smtp://" + s.listen()))
		id := w.alert("lead@example.com")
		w.until(events, river.EventKindJobSnoozed)
		w.until(events, river.EventKindJobCompleted)
		for range 2 {
			header, _, _ := read(t, s.one().data)
			if got := header.Get("Message-Id"); got != "<"+id.String()+"@example.com>" {
				t.Errorf("a try of %s has the Message-ID %s", id, got)
			}
		}
	})

	t.Run("receives the details of the alert in each kind of mail", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		w.start(w.mailer("smtp://" + s.listen()))
		bo := w.user("Bo Berg", "bo@example.com")
		response := w.response(w.customer(model.Customer{
			FirstName: new("Ana"), LastName: new("Souza"), Email: new("ana@acme.example"), Company: new("ACME"), Country: new("BR"),
		}), model.Response{Score: 3, Comment: new("Too slow."), Drivers: []string{"Billing", "Support"}})
		opened := w.open(response, bo, new(at.Add(48*time.Hour)))
		assigned := w.event(opened, model.Event{Version: 2, Type: model.EventAssigned, AssigneeID: &bo.ID})
		overdue := w.event(opened, model.Event{Version: 3, Type: model.EventOverdue})
		for _, n := range []model.Notification{
			{Kind: model.NotifyNewResponse, ResponseID: &response.ID},
			{Kind: model.NotifyNewResponse, ResponseID: &response.ID, CaseID: &opened.ID},
			{Kind: model.NotifyCaseAssigned, CaseID: &opened.ID, ResponseID: &response.ID, EventID: &assigned.ID},
			{Kind: model.NotifyCaseOverdue, CaseID: &opened.ID, ResponseID: &response.ID, EventID: &overdue.ID},
		} {
			n.To = "lead@example.com"
			if n.CaseID != nil {
				n.To = "bo@example.com"
			}
			w.mail(n)
			_, plain, html := read(t, s.one().data)
			link := "https://closeloop.example.com/"
			if n.CaseID != nil {
				link += "cases/1"
			}
			for _, want := range []string{"Ana Souza", "ana@acme.example", "ACME", "BR", "3 of 10", "Too slow.", "Billing, Support", link} {
				if !strings.Contains(plain, want) || !strings.Contains(html, want) {
					t.Errorf("%s has no %q:\n%s\n%s", n.Kind, want, plain, html)
				}
			}
		}
	})
}
