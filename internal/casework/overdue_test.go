package casework_test

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

func TestACaseFallsOverdueOnceAndItsAssigneeIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@example.com", model.Agent)
	due := start.Add(time.Hour)
	response := w.submit(from("c-1", 3)).Response
	opened, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "Why.", AssigneeID: &ana.ID, DueAt: &due})
	if err != nil {
		t.Fatal(err)
	}
	id := opened.Case.ID
	w.marks(0)
	w.later(time.Hour) // at the target itself it is not past it
	w.marks(0)
	w.later(time.Second)
	w.marks(1)
	w.marks(0)

	events := w.events(id)
	last := events[len(events)-1]
	if last.Type != model.EventOverdue || last.ActorID != nil || !last.At.Equal(due.Add(time.Second)) || last.Version != 3 {
		t.Errorf("the last event: %+v", last)
	}
	if c := read[model.Case](w, id); c.Version != 3 || c.OverdueAt == nil || !c.UpdatedAt.Equal(last.At) {
		t.Errorf("the case: %+v", c)
	}
	if to := w.told("CASE_OVERDUE"); !slices.Equal(to, []string{"ana@example.com"}) {
		t.Errorf("told: %v", to)
	}
	if err := w.exec(`INSERT INTO case_events (id, case_id, version, type, at, snapshot, before) SELECT gen_random_uuid(), $1, 9, 'OVERDUE', now(), '{}', '{}'`, id.UUID); err == nil {
		t.Error("the database takes a second overdue event")
	}
}

func TestNobodysCaseIsToldToTheCentralAddressesButNeverToItsCustomer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(`UPDATE settings SET central_addresses = '["care@example.com", "Customer@example.com"]'`)
	customer := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: text("customer@example.com")}}).Response.CustomerID
	target := model.Duration(time.Minute)
	if _, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{CustomerID: &customer, Note: "Why.", FollowUpTarget: &target}); err != nil {
		t.Fatal(err)
	}
	w.later(time.Hour)
	w.marks(1)
	if to := w.told("CASE_OVERDUE"); !slices.Equal(to, []string{"care@example.com"}) {
		t.Errorf("told: %v", to)
	}
}

func TestTheCaseOfWhoHasLeftIsToldToTheCentralAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(`UPDATE settings SET central_addresses = '["care@example.com"]'`)
	ana, customer := w.user("ana@example.com", model.Agent), w.open().CustomerID
	in := casework.OpenCaseInput{CustomerID: &customer, Note: "Why.", AssigneeID: &ana.ID, FollowUpTarget: new(model.Duration(time.Hour))}
	if _, err := w.work.OpenCase(t.Context(), w.agent, in); err != nil {
		t.Fatal(err)
	}
	w.must("UPDATE users SET active = false WHERE id = $1", ana.ID.UUID)
	w.later(2 * time.Hour)
	w.marks(1)
	if to := w.told("CASE_OVERDUE"); !slices.Equal(to, []string{"care@example.com"}) {
		t.Errorf("told: %v", to)
	}
}

func TestWhatWasFollowedUpOrPastItsTargetFromTheStartNeverFallsOverdue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(48 * time.Hour)) })
	old := from("old", 3)
	old.RespondedAt = new(start.Add(-72 * time.Hour))
	w.submit(old)
	working := w.submit(from("working", 3)).Case
	w.move(working.ID, model.InProgress)
	closed := w.submit(from("closed", 3)).Case
	w.move(closed.ID, model.Closed)
	w.submit(from("waiting", 3))

	w.later(49 * time.Hour)
	w.marks(1)
	if n := w.count("SELECT count(*) FROM case_events WHERE type = 'OVERDUE'"); n != 1 {
		t.Errorf("%d events", n)
	}
	if n := w.count("SELECT count(*) FROM case_events e JOIN cases c ON c.id = e.case_id JOIN customers p ON p.id = c.customer_id WHERE e.type = 'OVERDUE' AND p.external_id = 'waiting'"); n != 1 {
		t.Error("the event is of another case")
	}
}

func TestSeveralServersMarkEachCaseOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", func(r *model.Rule) { r.FollowUpTarget = new(model.Duration(time.Hour)) })
	const cases = 250
	var batch []intake.Submission
	for range cases {
		batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
	}
	if _, err := intake.New(w.work).SubmitAll(t.Context(), w.agent, batch, intake.SubmitOptions{}); err != nil {
		t.Fatal(err)
	}
	w.later(2 * time.Hour)
	var marked atomic.Int64
	atOnce(4, func(int) {
		for {
			n, err := w.work.MarkOverdue(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			marked.Add(int64(n))
			if n == 0 && w.count("SELECT count(*) FROM cases WHERE overdue_at IS NULL") == 0 {
				return
			}
		}
	})
	if marked.Load() != cases || w.count("SELECT count(DISTINCT case_id) FROM case_events WHERE type = 'OVERDUE'") != cases {
		t.Errorf("%d marked", marked.Load())
	}
}

// marks asserts how many cases fall overdue now.
func (w *world) marks(want int) {
	w.t.Helper()
	if n, err := w.work.MarkOverdue(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("%d cases marked (%v), not %d", n, err, want)
	}
}

// told are the addresses that mails of a kind are queued for.
func (w *world) told(kind string) (to []string) {
	w.t.Helper()
	err := w.db.Gorm.Raw(`SELECT "to" FROM notifications WHERE kind = ? ORDER BY "to"`, kind).Scan(&to).Error
	if err != nil {
		w.t.Fatal(err)
	}
	return to
}
