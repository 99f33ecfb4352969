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

// setRetention sets the retention time.
func (w *world) setRetention(days int) {
	w.T.Helper()
	w.Must("UPDATE settings SET erase_after_days = $1", days)
}

// checkForgotten runs EraseForgotten and checks how many customers it erased.
func (w *world) checkForgotten(want int) {
	w.T.Helper()
	if n, err := privacy.New(w.DB, w.Work).EraseForgotten(w.T.Context()); err != nil || n != want {
		w.T.Fatalf("erased customers: want %d, got %d, %v", want, n, err)
	}
}

// erased reports whether the customer with this country was erased. An erased customer keeps the country.
func (w *world) erased(country string) bool {
	w.T.Helper()
	return w.Count("SELECT count(*) FROM customers WHERE country = $1 AND erased_at IS NOT NULL", country) == 1
}

// newCustomer submits a response of a new customer, who is identified by the country.
func (w *world) newCustomer(country string) *intake.SubmitResponsePayload {
	w.T.Helper()
	in := worktest.From(country, 3)
	in.Customer.Country, in.Customer.FirstName = worktest.Given(country), worktest.Given("Penelope")
	return w.Submit(in)
}

func (w *world) caseOf(response *model.Response) model.CaseID {
	w.T.Helper()
	out, err := w.Work.OpenCase(w.T.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "Why."})
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
		w.newCustomer("AT")
		open := w.caseOf(w.newCustomer("BE").Response)
		closed := w.caseOf(w.newCustomer("BR").Response)
		w.Move(closed, model.Closed)
		noted := w.caseOf(w.newCustomer("CA").Response)
		w.Move(noted, model.Closed)
		w.newCustomer("CH")
		w.newCustomer("DE")

		w.Later(200 * day)
		w.checkForgotten(0) // no retention time is set
		w.setRetention(365)
		if _, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: noted, Body: "She called."}); err != nil {
			t.Fatal(err)
		}
		again := worktest.From("CH", 9)
		w.Submit(again)
		late := worktest.From("DE", 9) // given long ago, received now
		late.RespondedAt = new(worktest.Start.Add(-day))
		w.Submit(late)
		w.newCustomer("ES") // new
		old := worktest.From("FR", 3)
		old.Customer.Country, old.RespondedAt = worktest.Given("FR"), new(worktest.Start.Add(-900*day))
		w.Submit(old) // an old response that is imported now counts as activity

		w.Later(165 * day) // exactly 365 days after the first customers: the time is not over yet
		w.checkForgotten(0)
		w.Later(time.Second)
		w.checkForgotten(2)
		w.checkForgotten(0)
		if !w.erased("AT") || !w.erased("BR") {
			t.Error("want both inactive customers erased")
		}
		events := w.Events(closed)
		if last := events[len(events)-1]; last.Type != model.EventCustomerErased || last.ActorID != nil {
			t.Errorf("last event: want CUSTOMER_ERASED without an actor, got %+v", last)
		}
		w.Move(open, model.Closed)
		w.Later(200 * day)
		w.checkForgotten(5) // Canada, Switzerland, Germany, Spain, France
		if w.erased("BE") {
			t.Error("a customer whose case was closed within the retention time was erased")
		}
		w.Later(165*day + time.Second)
		w.checkForgotten(1)
		if n := w.Count("SELECT count(*) FROM customers WHERE erased_at IS NULL"); n != 0 || len(w.TablesWith("Penelope")) > 0 {
			t.Errorf("want all customers erased, got %d not erased", n)
		}
	})

	t.Run("notes once in a retention time that a customer is active", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.newCustomer("AT")
		w.setRetention(30)
		noted := func() int {
			return w.Count("SELECT count(*) FROM customers WHERE active_at = last_response_at AND erased_at IS NULL")
		}
		w.Later(20 * day)
		w.Submit(worktest.From("AT", 9))
		w.checkForgotten(0)
		if noted() != 0 {
			t.Error("a customer was noted before the first retention time was over")
		}
		w.Later(11 * day)
		w.checkForgotten(0)
		if noted() != 1 {
			t.Error("a customer who responded again was not noted")
		}
		w.Submit(worktest.From("AT", 9))
		w.Later(10 * day)
		w.checkForgotten(0)
		if noted() != 0 {
			t.Error("a customer was noted twice")
		}
		w.Later(21 * day)
		w.checkForgotten(1)
	})

	t.Run("erases each customer once on several servers and skips locked customers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var batch []intake.Submission
		for range 50 {
			batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
		}
		w.SubmitAll(intake.SubmitOptions{}, batch...)
		locked := w.newCustomer("GR").Response
		moved := w.caseOf(locked)
		w.Move(moved, model.Closed)
		w.setRetention(30)
		w.Later(31 * day)

		tx, err := w.DB.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback(t.Context()) }()
		if _, err := tx.Exec(t.Context(), "SELECT id FROM customers WHERE id = $1 FOR SHARE", locked.CustomerID.UUID); err != nil {
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
			t.Error("a customer whose row was locked was erased")
		}
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.checkForgotten(1)
		if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'CUSTOMER_ERASED'"); n != 1 {
			t.Errorf("CUSTOMER_ERASED events of one case: want 1, got %d", n)
		}
	})
}
