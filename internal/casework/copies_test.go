package casework_test

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

func TestALaterResponseThatChangesTheCustomerIsToldByEveryCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", nil)
	value := decimal.RequireFromString("10.5")
	in := from("c-1", 3)
	in.Customer.Country, in.Customer.Company, in.Customer.Segment = text("BR"), text("ACME"), text("Gold")
	first := w.submit(in)
	w.later(time.Minute)
	second := w.submit(from("c-1", 4))
	w.move(first.Case.ID, model.Closed)

	w.later(time.Minute)
	in = from("c-1", 9)
	in.Customer.Country, in.Customer.Company, in.Customer.LifetimeValue = text("DE"), cleared(), graphql.OmittableOf(&value)
	in.Customer.Segment, in.Customer.AccountManagerEmail = text("Gold"), text("am@x.example") // the segment as it was
	third := w.submit(in)

	for name, c := range map[string]struct {
		id      model.CaseID
		version int
	}{"the closed one": {first.Case.ID, 3}, "the open one": {second.Case.ID, 2}} {
		row := read[model.Case](w, c.id)
		if row.Version != c.version || *row.Country != "DE" || row.CompanyFold != nil || *row.SegmentFold != "gold" || !row.LifetimeValue.Equal(value) ||
			!row.UpdatedAt.Equal(w.now()) {
			t.Errorf("%s: %+v", name, row)
		}
		events := w.events(c.id)
		last := events[len(events)-1]
		if last.Type != model.EventDetailsChanged || last.ActorID != nil || last.Version != c.version || !last.At.Equal(w.now()) ||
			!slices.Equal(last.Changed, []string{"customer.accountManagerEmail", "customer.company", "customer.country", "customer.lifetimeValue"}) {
			t.Errorf("%s: %+v", name, last)
		}
	}
	if events := w.events(third.Case.ID); len(events) != 1 || events[0].Type != model.EventOpened {
		t.Errorf("the case that was opened with it tells more than that: %+v", events)
	}
	for _, r := range []*model.Response{first.Response, second.Response, third.Response} {
		if row := read[model.Response](w, r.ID); *row.Country != "DE" || row.CompanyFold != nil || *row.SegmentFold != "gold" {
			t.Errorf("a response's copies: %+v", row)
		}
	}
	w.recount()
}

func TestAResponseThatSaysNothingNewOfTheCustomerIsNoEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", func(r *model.Rule) { r.Scores = []int{3} })
	value := decimal.RequireFromString("10.50")
	in := from("c-1", 3)
	in.Customer.Country, in.Customer.LifetimeValue = text("BR"), graphql.OmittableOf(&value)
	in.Customer.Attributes = []*customer.AttributeInput{{Key: "a", Value: "1"}}
	c := w.submit(in).Case
	w.later(time.Minute)
	same := decimal.RequireFromString("10.5")
	in.Score, in.Customer.Country, in.Customer.LifetimeValue = 9, text("Brazil"), graphql.OmittableOf(&same)
	w.submit(in)
	if events := w.events(c.ID); len(events) != 1 {
		t.Errorf("%d events: %v", len(events), events[len(events)-1].Changed)
	}
}

func TestEveryFieldOfTheCustomerIsNamedWhereItChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("all", func(r *model.Rule) { r.Scores = []int{3} })
	value := decimal.NewFromInt(1)
	first := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: text("ana@x.example")}})
	for name, c := range map[string]customer.CustomerInput{
		"firstName": {FirstName: text("Ana")}, "lastName": {LastName: text("Souza")}, "phone": {Phone: text("1")}, "company": {Company: text("ACME")},
		"country": {Country: text("BR")}, "segment": {Segment: text("gold")}, "lifetimeValue": {LifetimeValue: graphql.OmittableOf(&value)},
		"accountManagerEmail": {AccountManagerEmail: text("am@x.example")}, "agentEmail": {AgentEmail: text("agent@x.example")},
		"attributes": {Attributes: []*customer.AttributeInput{{Key: "a", Value: "1"}}},
		"email":      {Email: text("Ana@x.example")}, "externalId": {ExternalID: new("c-1")},
	} {
		w.later(time.Minute)
		if _, given := c.Email.ValueOK(); !given {
			c.Email = text(*read[model.Customer](w, first.Response.CustomerID).Email)
		}
		w.submit(intake.SubmitResponseInput{Score: 9, Customer: &c})
		events := w.events(first.Case.ID)
		if got := events[len(events)-1].Changed; !slices.Equal(got, []string{"customer." + name}) {
			t.Errorf("%s: changed %v", name, got)
		}
	}
	w.recount()
}

// recount compares every copy with what it is a copy of.
func (w *world) recount() {
	w.t.Helper()
	for what, sql := range map[string]string{
		"responses differ from their customers": `responses r JOIN customers c ON c.id = r.customer_id
			WHERE (r.country, r.company_fold, r.segment_fold, r.lifetime_value) IS DISTINCT FROM (c.country, c.company_fold, c.segment_fold, c.lifetime_value)`,
		"cases differ from their customers": `cases k JOIN customers c ON c.id = k.customer_id WHERE (k.country, k.company_fold, k.segment_fold, k.lifetime_value)
			IS DISTINCT FROM (c.country, c.company_fold, c.segment_fold, c.lifetime_value)`,
		"cases differ from their responses": `cases k JOIN responses r ON r.id = k.response_id WHERE (k.score, k.category, k.responded_at, k.contact_requested, k.survey_fold, k.customer_id)
			IS DISTINCT FROM (r.score, r.category, r.responded_at, r.contact_requested, r.survey_fold, r.customer_id)`,
		"cases are at another version than their log": `cases k WHERE k.version <> (SELECT count(*) FROM case_events e WHERE e.case_id = k.id)
			OR k.version <> (SELECT max(version) FROM case_events e WHERE e.case_id = k.id)`,
		"logs are out of order": `case_events a JOIN case_events b ON b.case_id = a.case_id AND b.version > a.version AND b.seq < a.seq`,
		"customers are older than their newest response": `customers c
			WHERE c.last_response_at IS DISTINCT FROM (SELECT max(responded_at) FROM responses r WHERE r.customer_id = c.id)`,
	} {
		if n := w.count("SELECT count(*) FROM " + sql); n != 0 {
			w.t.Errorf("%d %s", n, what)
		}
	}
	var customers []model.Customer
	if err := w.db.Gorm.Find(&customers).Error; err != nil {
		w.t.Fatal(err)
	}
	for _, c := range customers {
		row := read[model.CustomerRow](w, c.ID)
		if want := c.Row(); !sameJSON(w.t, folds(row), folds(want)) {
			w.t.Errorf("a customer is not folded as they are written: %+v; want %+v", row, want)
		}
	}
	var responses []model.Response
	if err := w.db.Gorm.Find(&responses).Error; err != nil {
		w.t.Fatal(err)
	}
	for _, r := range responses {
		row, want := read[model.ResponseRow](w, r.ID), r.Row()
		if !same(row.ExternalIDFold, want.ExternalIDFold) || !same(row.SurveyFold, want.SurveyFold) {
			w.t.Errorf("a response is not folded as it is written: %+v", row)
		}
		w.textsOf(&r)
	}
	var ids []model.CaseID
	if err := w.db.Gorm.Model(&model.Case{}).Pluck("id", &ids).Error; err != nil {
		w.t.Fatal(err)
	}
	for _, id := range ids {
		w.logTells(id)
	}
}

func folds(c *model.CustomerRow) []any {
	return []any{c.EmailFold, c.CompanyFold, c.SegmentFold, c.ExternalIDFold, c.FirstNameFold, c.LastNameFold, c.PhoneFold, c.AccountManagerEmailFold,
		c.AgentEmailFold, c.AttributesFold, c.SearchFold}
}

// textsOf compares a response's folded texts with the response.
func (w *world) textsOf(r *model.Response) {
	w.t.Helper()
	var rows []struct {
		CommentFold                 *string
		DriversFold, AttributesFold json.RawMessage
	}
	err := w.db.Gorm.Raw("SELECT comment_fold, to_jsonb(drivers_fold) AS drivers_fold, attributes_fold FROM response_texts WHERE response_id = ?", r.ID).
		Scan(&rows).Error
	if err != nil {
		w.t.Fatal(err)
	}
	want := r.Texts()
	if want == nil || len(rows) != 1 {
		if want != nil || len(rows) != 0 {
			w.t.Errorf("%d rows of texts for %+v", len(rows), r)
		}
		return
	}
	var have model.ResponseTexts
	if err := errors.Join(json.Unmarshal(rows[0].DriversFold, &have.DriversFold), json.Unmarshal(rows[0].AttributesFold, &have.AttributesFold)); err != nil {
		w.t.Fatal(err)
	}
	if !same(rows[0].CommentFold, want.CommentFold) || !slices.Equal(have.DriversFold, want.DriversFold) || !maps.Equal(have.AttributesFold, want.AttributesFold) {
		w.t.Errorf("the texts of %+v are folded to %s, %s and %+v", r, rows[0].DriversFold, rows[0].AttributesFold, rows[0].CommentFold)
	}
}
