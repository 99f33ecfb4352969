package casework_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/model"
)

const day = 24 * time.Hour

// keeps sets the retention time.
func (w *world) keeps(days int) {
	w.t.Helper()
	w.must("UPDATE settings SET erase_after_days = $1", days)
}

// forgets asserts how many customers are erased now.
func (w *world) forgets(want int) {
	w.t.Helper()
	if n, err := privacy.New(w.db, w.work).EraseForgotten(w.t.Context()); err != nil || n != want {
		w.t.Fatalf("%d customers erased (%v), not %d", n, err, want)
	}
}

// erased tells whether the customer with this country was erased: it is what stays of them.
func (w *world) erased(country string) bool {
	w.t.Helper()
	return w.count("SELECT count(*) FROM customers WHERE country = $1 AND erased_at IS NOT NULL", country) == 1
}

// known makes a customer who is told from others by the country, with a response from now.
func (w *world) known(country string) *intake.SubmitResponsePayload {
	w.t.Helper()
	in := from(country, 3)
	in.Customer.Country, in.Customer.FirstName = text(country), text("Penelope")
	return w.submit(in)
}

func (w *world) caseOf(response *model.Response) model.CaseID {
	w.t.Helper()
	out, err := w.work.OpenCase(w.t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "Why."})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.Case.ID
}

func TestCustomersNotHeardOfForTheRetentionTimeAreErased(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.known("AT")
	open := w.caseOf(w.known("BE").Response)
	closed := w.caseOf(w.known("BR").Response)
	w.move(closed, model.Closed)
	noted := w.caseOf(w.known("CA").Response)
	w.move(noted, model.Closed)
	w.known("CH")
	w.known("DE")

	w.later(200 * day)
	w.forgets(0) // no retention time is set: never
	w.keeps(365)
	if _, err := w.work.AddNote(t.Context(), w.agent, casework.AddNoteInput{CaseID: noted, Body: "She called."}); err != nil {
		t.Fatal(err)
	}
	again := from("CH", 9)
	w.submit(again)
	late := from("DE", 9) // given long ago, and come in now
	late.RespondedAt = new(start.Add(-day))
	w.submit(late)
	w.known("ES") // new
	old := from("FR", 3)
	old.Customer.Country, old.RespondedAt = text("FR"), new(start.Add(-900*day))
	w.submit(old) // an import of the past is not gone as soon as it is in

	w.later(165 * day) // 365 after the first: not past it yet
	w.forgets(0)
	w.later(time.Second)
	w.forgets(2)
	w.forgets(0)
	if !w.erased("AT") || !w.erased("BR") {
		t.Error("those of whom nothing was heard are still there")
	}
	events := w.events(closed)
	if last := events[len(events)-1]; last.Type != model.EventCustomerErased || last.ActorID != nil {
		t.Errorf("the log ends with %+v", last)
	}
	w.move(open, model.Closed)
	w.later(200 * day)
	w.forgets(5) // Canada, Switzerland, Germany, Spain, France
	if w.erased("BE") {
		t.Error("whose case was closed the other day is erased")
	}
	w.later(165*day + time.Second)
	w.forgets(1)
	if n := w.count("SELECT count(*) FROM customers WHERE erased_at IS NULL"); n != 0 || len(w.tablesWith("Penelope")) > 0 {
		t.Errorf("%d customers are left", n)
	}
}

func TestServersThatEraseAtOnceEraseEachOnceAndPassOverWhoIsBeingWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var batch []intake.Submission
	for range 50 {
		batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
	}
	w.submitAll(intake.SubmitOptions{}, batch...)
	busy := w.known("GR").Response
	moved := w.caseOf(busy)
	w.move(moved, model.Closed)
	w.keeps(30)
	w.later(31 * day)

	tx, err := w.db.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(t.Context()) }()
	if _, err := tx.Exec(t.Context(), "SELECT id FROM customers WHERE id = $1 FOR SHARE", busy.CustomerID.UUID); err != nil {
		t.Fatal(err)
	}
	atOnce(3, func(int) {
		for w.count("SELECT count(*) FROM customers WHERE erased_at IS NULL") > 1 {
			if _, err := privacy.New(w.db, w.work).EraseForgotten(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if w.erased("GR") {
		t.Error("a customer was erased whom somebody was writing")
	}
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.forgets(1)
	if n := w.count("SELECT count(*) FROM case_events WHERE type = 'CUSTOMER_ERASED'"); n != 1 {
		t.Errorf("%d events say that one customer with one case was erased", n)
	}
}
