package privacy_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

const day = 24 * time.Hour

// keeps sets the retention time.
func (w *world) keeps(days int) {
	w.T.Helper()
	w.Must("UPDATE settings SET erase_after_days = $1", days)
}

// forgets asserts how many customers are erased now.
func (w *world) forgets(want int) {
	w.T.Helper()
	if n, err := privacy.New(w.DB, w.Work).EraseForgotten(w.T.Context()); err != nil || n != want {
		w.T.Fatalf("%d customers erased (%v), not %d", n, err, want)
	}
}

// erased tells whether the customer with this country was erased: it is what stays of them.
func (w *world) erased(country string) bool {
	w.T.Helper()
	return w.Count("SELECT count(*) FROM customers WHERE country = $1 AND erased_at IS NOT NULL", country) == 1
}

// known makes a customer, recognisable by the country, with a response from now.
func (w *world) known(country string) *intake.SubmitResponsePayload {
	w.T.Helper()
	in := worktest.From(country, 3)
	in.Customer.Country, in.Customer.FirstName = worktest.Given(country), worktest.Given("Penelope")
	return w.Submit(in)
}

func (w *world) caseOf(response *model.Response) model.CaseID {
	w.T.Helper()
	out, err := w.Work.OpenCase(w.T.Context(), w.Agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "Why."})
	if err != nil {
		w.T.Fatal(err)
	}
	return out.Case.ID
}

func TestEraseForgotten(t *testing.T) {
	t.Parallel()
	t.Run("erases customers without activity for the retention time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.known("AT")
		open := w.caseOf(w.known("BE").Response)
		closed := w.caseOf(w.known("BR").Response)
		w.Move(closed, model.Closed)
		noted := w.caseOf(w.known("CA").Response)
		w.Move(noted, model.Closed)
		w.known("CH")
		w.known("DE")

		w.Later(200 * day)
		w.forgets(0) // no retention time is set: never
		w.keeps(365)
		if _, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: noted, Body: "She called."}); err != nil {
			t.Fatal(err)
		}
		again := worktest.From("CH", 9)
		w.Submit(again)
		late := worktest.From("DE", 9) // given long ago, and come in now
		late.RespondedAt = new(worktest.Start.Add(-day))
		w.Submit(late)
		w.known("ES") // new
		old := worktest.From("FR", 3)
		old.Customer.Country, old.RespondedAt = worktest.Given("FR"), new(worktest.Start.Add(-900*day))
		w.Submit(old) // an import of the past is not gone as soon as it is in

		w.Later(165 * day) // 365 after the first: not past it yet
		w.forgets(0)
		w.Later(time.Second)
		w.forgets(2)
		w.forgets(0)
		if !w.erased("AT") || !w.erased("BR") {
			t.Error("those of whom nothing was heard are still there")
		}
		events := w.Events(closed)
		if last := events[len(events)-1]; last.Type != model.EventCustomerErased || last.ActorID != nil {
			t.Errorf("the log ends with %+v", last)
		}
		w.Move(open, model.Closed)
		w.Later(200 * day)
		w.forgets(5) // Canada, Switzerland, Germany, Spain, France
		if w.erased("BE") {
			t.Error("whose case was closed the other day is erased")
		}
		w.Later(165*day + time.Second)
		w.forgets(1)
		if n := w.Count("SELECT count(*) FROM customers WHERE erased_at IS NULL"); n != 0 || len(w.TablesWith("Penelope")) > 0 {
			t.Errorf("%d customers are left", n)
		}
	})

	t.Run("erases each customer once on several servers and skips locked customers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var batch []intake.Submission
		for range 50 {
			batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
		}
		w.SubmitAll(intake.SubmitOptions{}, batch...)
		busy := w.known("GR").Response
		moved := w.caseOf(busy)
		w.Move(moved, model.Closed)
		w.keeps(30)
		w.Later(31 * day)

		tx, err := w.DB.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if _, err := tx.Exec(t.Context(), "SELECT id FROM customers WHERE id = $1 FOR SHARE", busy.CustomerID.UUID); err != nil {
			t.Fatal(err)
		}
		worktest.AtOnce(3, func(int) {
			for w.Count("SELECT count(*) FROM customers WHERE erased_at IS NULL") > 1 {
				if _, err := privacy.New(w.DB, w.Work).EraseForgotten(t.Context()); err != nil {
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
		if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'CUSTOMER_ERASED'"); n != 1 {
			t.Errorf("%d events say that one customer with one case was erased", n)
		}
	})
}
