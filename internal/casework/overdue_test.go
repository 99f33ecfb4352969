package casework_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestMarkOverdue(t *testing.T) {
	t.Parallel()
	t.Run("marks a case once and notifies its assignee", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@example.com", model.Agent)
		due := worktest.Start.Add(time.Hour)
		response := w.Submit(worktest.From("c-1", 3)).Response
		opened, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "Why.", AssigneeID: &ana.ID, DueAt: &due})
		if err != nil {
			t.Fatal(err)
		}
		id := opened.Case.ID
		w.marks(0)
		w.Later(time.Hour) // the target is not past at the target itself
		w.marks(0)
		w.Later(time.Second)
		w.marks(1)
		w.marks(0)

		events := w.Events(id)
		last := events[len(events)-1]
		if last.Type != model.EventOverdue || last.ActorID != nil || !last.At.Equal(due.Add(time.Second)) || last.Version != 3 {
			t.Errorf("the last event is %+v", last)
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Version != 3 || c.OverdueAt == nil || !c.UpdatedAt.Equal(last.At) {
			t.Errorf("the case is %+v", c)
		}
		if to := w.MailsOf("CASE_OVERDUE"); !slices.Equal(to, []string{"ana@example.com"}) {
			t.Errorf("mails went to %v", to)
		}
		if err := w.Exec(`INSERT INTO case_events (id, case_id, version, type, at, snapshot, before) SELECT gen_random_uuid(), $1, 9, 'OVERDUE', now(), '{}', '{}'`, id.UUID); err == nil {
			t.Error("the database accepted a second OVERDUE event")
		}
	})

	t.Run("notifies the central addresses of an unassigned case, never its customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Must(`UPDATE settings SET central_addresses = '["care@example.com", "Customer@example.com"]'`)
		customer := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: worktest.Given("customer@example.com")}}).Response.CustomerID
		target := model.Duration(time.Minute)
		if _, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &customer}, Note: "Why.", FollowUpTarget: &target}); err != nil {
			t.Fatal(err)
		}
		w.Later(time.Hour)
		w.marks(1)
		if to := w.MailsOf("CASE_OVERDUE"); !slices.Equal(to, []string{"care@example.com"}) {
			t.Errorf("mails went to %v", to)
		}
	})

	t.Run("notifies the central addresses when the assignee is inactive", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Must(`UPDATE settings SET central_addresses = '["care@example.com"]'`)
		ana, customer := w.User("ana@example.com", model.Agent), w.Open(nil).CustomerID
		in := casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &customer}, Note: "Why.", AssigneeID: &ana.ID, FollowUpTarget: new(model.Duration(time.Hour))}
		if _, err := w.Work.OpenCase(t.Context(), w.Agent, in); err != nil {
			t.Fatal(err)
		}
		w.Must("UPDATE users SET active = false WHERE id = $1", ana.ID.UUID)
		w.Later(2 * time.Hour)
		w.marks(1)
		if to := w.MailsOf("CASE_OVERDUE"); !slices.Equal(to, []string{"care@example.com"}) {
			t.Errorf("mails went to %v", to)
		}
	})

	t.Run("skips cases that were followed up, or late from the start", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(48 * time.Hour)) })
		old := worktest.From("old", 3)
		old.RespondedAt = new(worktest.Start.Add(-72 * time.Hour))
		w.Submit(old)
		working := w.Submit(worktest.From("working", 3)).Case
		w.Move(working.ID, model.InProgress)
		closed := w.Submit(worktest.From("closed", 3)).Case
		w.Move(closed.ID, model.Closed)
		w.Submit(worktest.From("waiting", 3))

		w.Later(49 * time.Hour)
		w.marks(1)
		if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'OVERDUE'"); n != 1 {
			t.Errorf("got %d OVERDUE events, want 1", n)
		}
		if n := w.Count("SELECT count(*) FROM case_events e JOIN cases c ON c.id = e.case_id JOIN customers p ON p.id = c.customer_id WHERE e.type = 'OVERDUE' AND p.external_id = 'waiting'"); n != 1 {
			t.Error("the OVERDUE event belongs to another case")
		}
	})

	t.Run("marks each case once on several servers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(time.Hour)) })
		const cases = 250
		var batch []intake.Submission
		for range cases {
			batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
		}
		if _, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, intake.SubmitOptions{}); err != nil {
			t.Fatal(err)
		}
		w.Later(2 * time.Hour)
		var marked atomic.Int64
		worktest.AtOnce(4, func(int) {
			for {
				n, err := w.Work.MarkOverdue(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				marked.Add(int64(n))
				if n == 0 && w.Count("SELECT count(*) FROM cases WHERE overdue_at IS NULL") == 0 {
					return
				}
			}
		})
		if marked.Load() != cases || w.Count("SELECT count(DISTINCT case_id) FROM case_events WHERE type = 'OVERDUE'") != cases {
			t.Errorf("%d cases were marked, want %d", marked.Load(), cases)
		}
	})
}

// marks calls MarkOverdue, and checks how many cases it marked.
func (w *world) marks(want int) {
	w.T.Helper()
	if n, err := w.Work.MarkOverdue(w.T.Context()); err != nil || n != want {
		w.T.Fatalf("%d cases were marked (%v), want %d", n, err, want)
	}
}
