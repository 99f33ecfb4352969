package privacy_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// penelope submits a response, works on its case, and puts the name Penelope into every table that can hold personal data.
func (w *world) penelope() (id model.CustomerID, opened model.CaseID) {
	w.T.Helper()
	in := intake.SubmitResponseInput{
		ExternalID: new("penelope-1"), Score: 3, Comment: new("I am Penelope."), Survey: new("spring"), Drivers: []string{"Price", "Other: Penelope"},
		Attributes: []*customer.AttributeInput{{Key: "seat of Penelope", Value: "Penelope's 7A"}},
		Customer: &customer.CustomerInput{
			ExternalID: new("crm-Penelope"), FirstName: worktest.Given("Penelope"), LastName: worktest.Given("Penelope"), Email: worktest.Given("Penelope@example.com"),
			Phone: worktest.Given("+30 penelope"), Company: worktest.Given("Penelope Ltd"), Country: worktest.Given("GR"), Segment: worktest.Given("gold"),
			LifetimeValue: graphql.OmittableOf(new(decimal.NewFromInt(7))), AgentEmail: worktest.Given("agent-of-penelope@example.com"),
			Attributes: []*customer.AttributeInput{{Key: "penelope", Value: "Penelope"}},
		},
	}
	submitted := w.Submit(in)
	out, err := w.Work.OpenCase(w.T.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &submitted.Response.ID}, Note: "Penelope called.", AssigneeID: &w.Agent.User.ID})
	if err != nil {
		w.T.Fatal(err)
	}
	opened = out.Case.ID
	w.Move(opened, model.InProgress)
	ctx := w.T.Context()
	_, err1 := w.Work.LinkCase(ctx, w.Agent, casework.LinkCaseInput{CaseID: opened, System: "crm", ExternalID: "of Penelope", URL: new("https://crm.example.com/penelope")})
	_, err2 := w.Work.RecordReply(ctx, w.Agent, casework.RecordReplyInput{CaseID: opened, Note: new("Penelope wrote."), Improvement: new("Ask Penelope.")})
	_, err3 := w.Work.SetRootCause(ctx, w.Agent, casework.SetRootCauseInput{CaseID: opened, Whys: []string{"Penelope waited.", "Nobody saw Penelope."}})
	_, err4 := customer.New(w.Work).Update(ctx, w.Agent, customer.UpdateCustomerInput{CustomerID: submitted.Response.CustomerID, Email: worktest.Given("penelope@new.example.com")})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		w.T.Fatal(err)
	}
	w.Must(`UPDATE notifications SET last_error = '550 no mail about Penelope'`)
	return submitted.Response.CustomerID, opened
}

func (w *world) erase(id model.CustomerID) *privacy.EraseCustomerPayload {
	w.T.Helper()
	out, err := privacy.New(w.DB, w.Work).EraseCustomer(w.T.Context(), w.Agent, privacy.EraseCustomerInput{CustomerID: id})
	if err != nil {
		w.T.Fatalf("erase a customer: %v", err)
	}
	return out
}

func TestEraseCustomer(t *testing.T) {
	t.Parallel()
	t.Run("leaves figures and no words", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, opened := w.penelope()
		if found := w.TablesWith("penelope"); len(found) < 6 {
			t.Fatalf("tables with personal data before the erasure: want at least 6, got %v", found)
		}
		was := *worktest.Read[model.Case](w.T, w.DB, opened)
		w.Later(time.Hour)
		out := w.erase(id)
		if found := w.TablesWith("penelope"); len(found) > 0 {
			t.Errorf("tables with personal data after the erasure: want none, got %v", found)
		}
		c := out.Customer
		if out.ResponsesKept != 1 || c.ErasedAt == nil || !c.ErasedAt.Equal(w.Now()) || *c.Country != "GR" || *c.Segment != "gold" || !c.LifetimeValue.Equal(decimal.NewFromInt(7)) ||
			c.DisplayName() != fmt.Sprint("Customer ", c.Number) || c.Number == 0 {
			t.Errorf("the payload is wrong: %+v", out)
		}
		if stored := worktest.Read[model.Customer](w.T, w.DB, id); !worktest.SameJSON(t, stored, c) {
			t.Errorf("stored customer: want %+v as in the payload, got %+v", c, stored)
		}
		var response model.Response
		if err := w.DB.Gorm.Where("customer_id = ?", id).Take(&response).Error; err != nil {
			t.Fatal(err)
		}
		if response.Score != 3 || *response.Survey != "spring" || len(response.Drivers) != 1 || *response.Country != "GR" || *response.SegmentFold != "gold" ||
			response.ContactStatus != model.Replied || response.ExternalID != nil || response.CompanyFold != nil {
			t.Errorf("the stored response is wrong: %+v", response)
		}
		k := worktest.Read[model.Case](w.T, w.DB, opened)
		if k.Status != model.InProgress || *k.AssigneeID != *was.AssigneeID || k.Version != was.Version+1 || len(k.RootCause) != 2 || *k.Score != 3 || *k.Country != "GR" || k.CompanyFold != nil {
			t.Errorf("the stored case is wrong: %+v", k)
		}
		for _, n := range w.Notes(opened) {
			if n.Body != model.Erased || n.RedactedAt == nil || !n.RedactedAt.Equal(w.Now()) {
				t.Errorf("want an erased note, got %+v", n)
			}
		}
		events := w.Events(opened)
		last := events[len(events)-1]
		if last.Type != model.EventCustomerErased || last.ActorID == nil || *last.ActorID != w.Agent.User.ID || !last.At.Equal(w.Now()) {
			t.Errorf("last event: want CUSTOMER_ERASED by %v, got %+v", w.Agent.User.ID, last)
		}
		w.CheckLog(opened)
	})

	t.Run("changes nothing the second time and answers the same", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id, _ := w.penelope()
		first := w.erase(id)
		before := w.Fingerprint()
		w.Later(time.Hour)
		second := w.erase(id)
		if !worktest.SameJSON(t, first, second) {
			t.Errorf("second call: want %+v, got %+v", first, second)
		}
		if after := w.Fingerprint(); after != before {
			t.Error("the second call changed the database")
		}
	})

	t.Run("refuses an unknown customer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		_, err := privacy.New(w.DB, w.Work).EraseCustomer(t.Context(), w.Agent, privacy.EraseCustomerInput{CustomerID: model.CustomerID{UUID: model.NewUUID()}})
		worktest.Refused(t, "an unknown customer", err, fault.CodeNotFound, "input.customerId")
	})

	t.Run("allows no change or follow-up by hand afterwards", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		response := w.Submit(worktest.From("c-1", 3)).Response
		w.erase(response.CustomerID)
		_, err := customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{CustomerID: response.CustomerID, FirstName: worktest.Given("Ana")})
		worktest.Refused(t, "an update of the customer", err, fault.CodeConflict, "input.customerId")
		_, err = w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &response.CustomerID}, Note: "Why."})
		worktest.Refused(t, "a new case of the customer", err, fault.CodeConflict, "input.subject.customerId")
		_, err = w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "Why."})
		worktest.Refused(t, "a new case of the response", err, fault.CodeConflict, "input.subject.responseId")
	})

	t.Run("refuses the erased responses and makes a new customer of a new one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		first := worktest.From("crm-1", 3)
		first.ExternalID, first.Customer.Email = new("answer-1"), worktest.Given("ana@example.com")
		submitted := w.Submit(first)
		byName := w.SubmitAll(intake.SubmitOptions{}, intake.Submission{
			SubmitResponseInput: intake.SubmitResponseInput{Score: 4, ExternalID: new("answer-2")}, NameKey: "bo"})[0]
		w.erase(submitted.Response.CustomerID)
		w.erase(byName.Response.CustomerID)

		again := w.Submit(first)
		if again.Created || again.Response.ID != submitted.Response.ID || again.Response.ExternalID != nil || again.Response.Score != 3 {
			t.Errorf("the erased response sent again: want the erased response, not created; got created %t, %+v", again.Created, again.Response)
		}
		if n := w.Count("SELECT count(*) FROM customers WHERE external_id IS NOT NULL OR email IS NOT NULL"); n != 0 {
			t.Errorf("customers with an identity: want 0, got %d", n)
		}
		if n := w.Count("SELECT count(*) FROM erased_response_ids WHERE encode(hash, 'escape') LIKE '%answer%' OR hash IN (sha256('answer-1'), sha256('answer-2'))"); n != 0 {
			t.Error("the stored hash shows the id, or is a hash without the key")
		}
		next := first
		next.ExternalID = new("answer-3")
		if fresh := w.Submit(next); !fresh.Created || fresh.Response.CustomerID == submitted.Response.CustomerID {
			t.Error("a new response with the same ids: want a new customer, got the erased one")
		}
		named := w.SubmitAll(intake.SubmitOptions{}, intake.Submission{
			SubmitResponseInput: intake.SubmitResponseInput{Score: 4, ExternalID: new("answer-4")}, NameKey: "bo"})[0]
		if named.Response.CustomerID == byName.Response.CustomerID {
			t.Error("a new response with the same name: want a new customer, got the erased one")
		}
	})

	// If the response comes first, the erasure removes its personal data. If the erasure comes first, the response is complete
	// and belongs to a new customer.
	t.Run("is safe while responses of the customer come in", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("all", nil)
		for round := range 20 {
			email := fmt.Sprintf("ana%d@example.com", round)
			answer := func(id string) intake.SubmitResponseInput {
				return intake.SubmitResponseInput{ExternalID: new(fmt.Sprint(id, round)), Score: 2, Comment: new("It is " + email),
					Customer: &customer.CustomerInput{Email: worktest.Given(email)}}
			}
			id := w.Submit(answer("first")).Response.CustomerID
			var replayed, opened atomic.Int64
			worktest.AtOnce(4, func(i int) {
				var err error
				switch i {
				case 0, 1:
					_, err = privacy.New(w.DB, w.Work).EraseCustomer(t.Context(), w.Agent, privacy.EraseCustomerInput{CustomerID: id})
				case 2:
					var out *intake.SubmitResponsePayload
					if out, err = intake.New(w.Work).Submit(t.Context(), w.Agent, answer("second")); err == nil && out.Case != nil {
						opened.Add(1)
					}
				case 3:
					var out *intake.SubmitResponsePayload
					if out, err = intake.New(w.Work).Submit(t.Context(), w.Agent, answer("first")); err == nil && !out.Created {
						replayed.Add(1)
					}
				}
				if err != nil {
					t.Error(err)
				}
			})
			if replayed.Load() != 1 || opened.Load() != 1 {
				t.Errorf("round %d: want the first response replayed and a case for the second; got %d replayed, %d opened", round, replayed.Load(), opened.Load())
			}
			// The customer may be stored again, once, with the second response only.
			personal := w.Count("SELECT count(*) FROM responses r JOIN customers c ON c.id = r.customer_id WHERE r.comment LIKE '%' || $1 AND (c.id = $2 OR c.email <> $1 OR c.erased_at IS NOT NULL OR r.external_id NOT LIKE 'second%')", email, id.UUID)
			erased := w.Count("SELECT count(*) FROM case_events e JOIN cases k ON k.id = e.case_id WHERE k.customer_id = $1 AND e.type = 'CUSTOMER_ERASED'", id.UUID)
			cases := w.Count("SELECT count(*) FROM cases WHERE customer_id = $1", id.UUID)
			if personal != 0 || erased != cases {
				t.Errorf("round %d: %d responses with personal data belong to the wrong customer; %d of %d cases have a CUSTOMER_ERASED event", round, personal, erased, cases)
			}
			if n := w.Count("SELECT count(*) FROM case_events e JOIN cases k ON k.id = e.case_id WHERE k.customer_id = $1 AND e::text LIKE '%' || $2 || '%'", id.UUID, email); n > 0 {
				t.Errorf("round %d: events with the erased address: want 0, got %d", round, n)
			}
		}
	})

	t.Run("cancels queued mails to the customer's address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("desk", func(r *model.Rule) {
			r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("Desk@example.com")}, {Kind: model.RecipientAddress, Address: new("other@example.com")}}
		})
		submitted := w.Submit(worktest.From("c-1", 2))
		if _, err := customer.New(w.Work).Update(t.Context(), w.Agent, customer.UpdateCustomerInput{CustomerID: submitted.Response.CustomerID, Email: worktest.Given("desk@example.com")}); err != nil {
			t.Fatal(err)
		}
		w.erase(submitted.Response.CustomerID)
		if n := w.Count(`SELECT count(*) FROM notifications WHERE status = 'NOT_SENT' AND "to" = id || '@erased.invalid'`); n != 1 {
			t.Errorf("mails to the erased address that will not be sent: want 1, got %d", n)
		}
		if n := w.Count(`SELECT count(*) FROM notifications WHERE status = 'QUEUED' AND "to" = 'other@example.com'`); n != 1 {
			t.Errorf("queued mails to another address: want 1, got %d", n)
		}
	})
}
