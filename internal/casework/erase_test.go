package casework_test

import (
	"errors"
	"fmt"
	"strings"
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
	"github.com/closeloop/closeloop/model"
)

// penelope answers, has a case that was worked on, and is in all that the program keeps.
func (w *world) penelope() (id model.CustomerID, opened model.CaseID) {
	w.t.Helper()
	in := intake.SubmitResponseInput{
		ExternalID: new("penelope-1"), Score: 3, Comment: new("I am Penelope."), Survey: new("spring"), Drivers: []string{"Price", "Other: Penelope"},
		Attributes: []*customer.AttributeInput{{Key: "seat of Penelope", Value: "Penelope's 7A"}},
		Customer: &customer.CustomerInput{
			ExternalID: new("crm-Penelope"), FirstName: text("Penelope"), LastName: text("Penelope"), Email: text("Penelope@example.com"),
			Phone: text("+30 penelope"), Company: text("Penelope Ltd"), Country: text("GR"), Segment: text("gold"),
			LifetimeValue: graphql.OmittableOf(new(decimal.NewFromInt(7))), AgentEmail: text("agent-of-penelope@example.com"),
			Attributes: []*customer.AttributeInput{{Key: "penelope", Value: "Penelope"}},
		},
	}
	made := w.submit(in)
	out, err := w.work.OpenCase(w.t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &made.Response.ID, Note: "Penelope called.", AssigneeID: &w.agent.User.ID})
	if err != nil {
		w.t.Fatal(err)
	}
	opened = out.Case.ID
	w.move(opened, model.InProgress)
	ctx := w.t.Context()
	_, err1 := w.work.LinkCase(ctx, w.agent, casework.LinkCaseInput{CaseID: opened, System: "crm", ID: "of Penelope", URL: new("https://crm.example.com/penelope")})
	_, err2 := w.work.RecordReply(ctx, w.agent, casework.RecordReplyInput{CaseID: opened, Note: new("Penelope wrote."), Improvement: new("Ask Penelope.")})
	_, err3 := w.work.SetRootCause(ctx, w.agent, casework.SetRootCauseInput{CaseID: opened, Whys: []string{"Penelope waited.", "Nobody saw Penelope."}})
	_, err4 := customer.New(w.work).Update(ctx, w.agent, customer.UpdateCustomerInput{ID: made.Response.CustomerID, Email: text("penelope@new.example.com")})
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		w.t.Fatal(err)
	}
	w.must(`UPDATE notifications SET last_error = '550 no mail about Penelope'`)
	return made.Response.CustomerID, opened
}

func (w *world) erase(id model.CustomerID) *privacy.EraseCustomerPayload {
	w.t.Helper()
	out, err := privacy.New(w.db, w.work).EraseCustomer(w.t.Context(), w.agent, privacy.EraseCustomerInput{CustomerID: id})
	if err != nil {
		w.t.Fatalf("erase a customer: %v", err)
	}
	return out
}

func TestErasingACustomerLeavesFiguresAndNoWords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, opened := w.penelope()
	if found := w.tablesWith("penelope"); len(found) < 6 {
		t.Fatalf("she is only in %v", found)
	}
	was := *read[model.Case](w, opened)
	w.later(time.Hour)
	out := w.erase(id)
	if found := w.tablesWith("penelope"); len(found) > 0 {
		t.Errorf("she is still in %v", found)
	}
	c := out.Customer
	if out.ResponsesKept != 1 || c.ErasedAt == nil || !c.ErasedAt.Equal(w.now()) || *c.Country != "GR" || *c.Segment != "gold" || !c.LifetimeValue.Equal(decimal.NewFromInt(7)) ||
		c.DisplayName() != fmt.Sprint("Customer ", c.Number) || c.Number == 0 {
		t.Errorf("the answer: %+v", out)
	}
	if kept := read[model.Customer](w, id); !sameJSON(t, kept, c) {
		t.Errorf("the row is not what was answered: %+v", kept)
	}
	var response model.Response
	if err := w.db.Gorm.Where("customer_id = ?", id).Take(&response).Error; err != nil {
		t.Fatal(err)
	}
	if response.Score != 3 || *response.Survey != "spring" || len(response.Drivers) != 1 || *response.Country != "GR" || *response.SegmentFold != "gold" ||
		response.ContactStatus != model.Replied || response.ExternalID != nil || response.CompanyFold != nil {
		t.Errorf("the response: %+v", response)
	}
	k := read[model.Case](w, opened)
	if k.Status != model.InProgress || *k.AssigneeID != *was.AssigneeID || k.Version != was.Version+1 || len(k.RootCause) != 2 || *k.Score != 3 || *k.Country != "GR" || k.CompanyFold != nil {
		t.Errorf("the case: %+v", k)
	}
	for _, n := range w.notes(opened) {
		if n.Body != model.Erased || n.RedactedAt == nil || !n.RedactedAt.Equal(w.now()) {
			t.Errorf("a note: %+v", n)
		}
	}
	events := w.events(opened)
	last := events[len(events)-1]
	if last.Type != model.EventCustomerErased || last.ActorID == nil || *last.ActorID != w.agent.User.ID || !last.At.Equal(w.now()) {
		t.Errorf("the log ends with %+v", last)
	}
	w.logTells(opened)
}

func TestErasingTwiceChangesNothingAndAnswersTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id, _ := w.penelope()
	first := w.erase(id)
	before := w.everything()
	w.later(time.Hour)
	second := w.erase(id)
	if !sameJSON(t, first, second) {
		t.Errorf("%+v\n%+v", first, second)
	}
	if after := w.everything(); after != before {
		t.Error("something was written")
	}
}

func TestErasingNobodyIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := privacy.New(w.db, w.work).EraseCustomer(t.Context(), w.agent, privacy.EraseCustomerInput{CustomerID: model.CustomerID{UUID: model.NewUUID()}})
	refused(t, "a customer who is not there", err, fault.CodeNotFound, "input.customerId")
}

func TestWhoIsErasedIsNeitherChangedNorFollowedUpByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	response := w.submit(from("c-1", 3)).Response
	w.erase(response.CustomerID)
	_, err := customer.New(w.work).Update(t.Context(), w.agent, customer.UpdateCustomerInput{ID: response.CustomerID, FirstName: text("Ana")})
	refused(t, "new data", err, fault.CodeConflict, "input.id")
	_, err = w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{CustomerID: &response.CustomerID, Note: "Why."})
	refused(t, "a case of the customer", err, fault.CodeConflict, "input.customerId")
	_, err = w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "Why."})
	refused(t, "a case of the response", err, fault.CodeConflict, "input.responseId")
}

func TestAnErasedResponseDoesNotComeBackAndItsCustomerIsNewWhenTheyAnswerAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := from("crm-1", 3)
	first.ExternalID, first.Customer.Email = new("answer-1"), text("ana@example.com")
	made := w.submit(first)
	byName := w.submitAll(intake.SubmitOptions{}, intake.Submission{
		SubmitResponseInput: intake.SubmitResponseInput{Score: 4, ExternalID: new("answer-2")}, NameKey: "bo"})[0]
	w.erase(made.Response.CustomerID)
	w.erase(byName.Response.CustomerID)

	again := w.submit(first)
	if again.Created || again.Response.ID != made.Response.ID || again.Response.ExternalID != nil || again.Response.Score != 3 {
		t.Errorf("the erased response, sent again: %+v", again.Response)
	}
	if n := w.count("SELECT count(*) FROM customers WHERE external_id IS NOT NULL OR email IS NOT NULL"); n != 0 {
		t.Error("the customer is back")
	}
	if n := w.count("SELECT count(*) FROM erased_response_ids WHERE encode(hash, 'escape') LIKE '%answer%' OR hash IN (sha256('answer-1'), sha256('answer-2'))"); n != 0 {
		t.Error("the hash tells the id without the key")
	}
	next := first
	next.ExternalID = new("answer-3")
	if fresh := w.submit(next); !fresh.Created || fresh.Response.CustomerID == made.Response.CustomerID {
		t.Error("a later response with the same ids is of the erased customer")
	}
	named := w.submitAll(intake.SubmitOptions{}, intake.Submission{
		SubmitResponseInput: intake.SubmitResponseInput{Score: 4, ExternalID: new("answer-4")}, NameKey: "bo"})[0]
	if named.Response.CustomerID == byName.Response.CustomerID {
		t.Error("the name alone finds the erased customer")
	}
}

// Whoever comes first: the response is the erased customer's and emptied, or a new customer's and whole.
func TestSubmittingAndErasingAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", nil)
	for round := range 20 {
		email := fmt.Sprintf("ana%d@example.com", round)
		answer := func(id string) intake.SubmitResponseInput {
			return intake.SubmitResponseInput{ExternalID: new(fmt.Sprint(id, round)), Score: 2, Comment: new("It is " + email),
				Customer: &customer.CustomerInput{Email: text(email)}}
		}
		id := w.submit(answer("first")).Response.CustomerID
		var known, opened atomic.Int64
		atOnce(4, func(i int) {
			var err error
			switch i {
			case 0, 1:
				_, err = privacy.New(w.db, w.work).EraseCustomer(t.Context(), w.agent, privacy.EraseCustomerInput{CustomerID: id})
			case 2:
				var out *intake.SubmitResponsePayload
				if out, err = intake.New(w.work).Submit(t.Context(), w.agent, answer("second")); err == nil && out.Case != nil {
					opened.Add(1)
				}
			case 3:
				var out *intake.SubmitResponsePayload
				if out, err = intake.New(w.work).Submit(t.Context(), w.agent, answer("first")); err == nil && !out.Created {
					known.Add(1)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
		if known.Load() != 1 || opened.Load() != 1 {
			t.Errorf("round %d: the first response was taken for new, or the second opened no case", round)
		}
		// She may be there again, once, with the second response alone.
		personal := w.count("SELECT count(*) FROM responses r JOIN customers c ON c.id = r.customer_id WHERE r.comment LIKE '%' || $1 AND (c.id = $2 OR c.email <> $1 OR c.erased_at IS NOT NULL OR r.external_id NOT LIKE 'second%')", email, id.UUID)
		erased := w.count("SELECT count(*) FROM case_events e JOIN cases k ON k.id = e.case_id WHERE k.customer_id = $1 AND e.type = 'CUSTOMER_ERASED'", id.UUID)
		cases := w.count("SELECT count(*) FROM cases WHERE customer_id = $1", id.UUID)
		if personal != 0 || erased != cases {
			t.Errorf("round %d: %d responses are where they should not be; %d of %d cases say that she was erased", round, personal, erased, cases)
		}
		if n := w.count("SELECT count(*) FROM case_events e JOIN cases k ON k.id = e.case_id WHERE k.customer_id = $1 AND e::text LIKE '%' || $2 || '%'", id.UUID, email); n > 0 {
			t.Errorf("round %d: %d events name her", round, n)
		}
	}
}

func TestAMailThatWaitsForTheCustomersOwnAddressIsNotSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("desk", func(r *model.Rule) {
		r.Recipients = []model.Recipient{{Kind: model.RecipientAddress, Address: new("Desk@example.com")}, {Kind: model.RecipientAddress, Address: new("other@example.com")}}
	})
	made := w.submit(from("c-1", 2))
	if _, err := customer.New(w.work).Update(t.Context(), w.agent, customer.UpdateCustomerInput{ID: made.Response.CustomerID, Email: text("desk@example.com")}); err != nil {
		t.Fatal(err)
	}
	w.erase(made.Response.CustomerID)
	if n := w.count(`SELECT count(*) FROM notifications WHERE status = 'NOT_SENT' AND "to" = id || '@erased.invalid'`); n != 1 {
		t.Errorf("%d mails were held back", n)
	}
	if n := w.count(`SELECT count(*) FROM notifications WHERE status = 'QUEUED' AND "to" = 'other@example.com'`); n != 1 {
		t.Error("a colleague's mail was touched")
	}
}

func (w *world) notes(id model.CaseID) (notes []model.Note) {
	w.t.Helper()
	if err := w.db.Gorm.Where("case_id = ?", id).Order("created_at, id").Find(&notes).Error; err != nil {
		w.t.Fatal(err)
	}
	if len(notes) == 0 {
		w.t.Fatal("the case has no notes")
	}
	return notes
}

// tables are all that the database has, the queue's too.
func (w *world) tables() (names []string) {
	w.t.Helper()
	err := w.db.Gorm.Raw(`SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY 1`).Scan(&names).Error
	if err != nil || len(names) < 20 {
		w.t.Fatal(names, err)
	}
	return names
}

// tablesWith are those of which a row, as text, has the word in it.
func (w *world) tablesWith(word string) (found []string) {
	w.t.Helper()
	for _, table := range w.tables() {
		if w.count(`SELECT count(*) FROM "`+table+`" x WHERE x::text ILIKE '%' || $1 || '%'`, word) > 0 {
			found = append(found, table)
		}
	}
	return found
}

// everything is a fingerprint of all rows.
func (w *world) everything() string {
	w.t.Helper()
	var all strings.Builder
	for _, table := range w.tables() {
		var print string
		err := w.db.Gorm.Raw(`SELECT coalesce(md5(string_agg(x::text, ',' ORDER BY x::text)), '') FROM "` + table + `" x`).Scan(&print).Error
		if err != nil {
			w.t.Fatal(err)
		}
		fmt.Fprintln(&all, table, print)
	}
	return all.String()
}
