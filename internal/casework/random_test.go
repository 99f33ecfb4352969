package casework_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// A few hundred writes of all kinds by several people at once; then all copies are what they are copies of.
func TestTheCopiesAreWhatTheyAreCopiesOfAfterManyWrites(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	agents := []*model.User{w.agent.User, w.user("bo@care.example", model.Agent), w.user("cy@care.example", model.Manager)}
	w.rule("detractors", func(r *model.Rule) {
		r.Scores, r.Strategy, r.UserID = []int{0, 1, 2}, model.ToUser, &agents[1].ID
	})
	w.rule("brazil", func(r *model.Rule) {
		r.Scores, r.Filter = []int{2, 9}, json.RawMessage(`{"customer":{"country":{"in":["BR","DE"]}}}`)
	})
	atOnce(4, func(i int) {
		random := rand.New(rand.NewPCG(seed, uint64(i)))
		for n := range 80 {
			if err := w.anything(random, agents); err != nil {
				var mend *fault.Error
				if !errors.As(err, &mend) {
					t.Errorf("write %d of %d: %v", n, i, err)
				}
			}
		}
	})
	w.recount()
	for table, least := range map[string]int{"cases": 40, "case_events": 200, "notes": 20} {
		if n := w.count("SELECT count(*) FROM " + table); n < least {
			t.Errorf("only %d rows of %s: the writes do too little to tell anything", n, table)
		}
	}
}

// anything is one random write.
func (w *world) anything(random *rand.Rand, agents []*model.User) error {
	ctx := w.t.Context()
	w.later(time.Second)
	var id model.CaseID
	var response model.ResponseID
	var about model.CustomerID
	for table, into := range map[string]any{"cases": &id, "responses": &response, "customers": &about} {
		_ = w.db.Pool.QueryRow(ctx, "SELECT id FROM "+table+" ORDER BY md5(id::text || $1) LIMIT 1", fmt.Sprint(random.Uint64())).Scan(into)
	}
	assignee := &agents[random.IntN(len(agents))].ID
	if random.IntN(4) == 0 {
		assignee = nil
	}
	text := func(values ...string) string { return values[random.IntN(len(values))] }
	outreach := &casework.OutreachInput{
		Channel: model.OutreachChannel(text("PHONE", "EMAIL")), Outcome: model.OutreachOutcome(text("REACHED", "MESSAGE_SENT", "NO_ANSWER")),
	}
	if random.IntN(2) == 0 {
		outreach.Offer = new(model.OutreachOffer(text("VOUCHER", "THANK_YOU")))
	}
	var err error
	switch random.IntN(16) {
	case 0:
		_, err = w.work.AssignCase(ctx, w.agent, casework.AssignCaseInput{CaseID: id, AssigneeID: assignee})
	case 1:
		status := []model.CaseStatus{model.Open, model.InProgress, model.Closed}[random.IntN(3)]
		_, err = w.work.UpdateCaseStatus(ctx, w.agent, casework.UpdateCaseStatusInput{CaseID: id, Status: status, Note: "Called them."})
	case 2:
		_, err = w.work.AddNote(ctx, w.agent, casework.AddNoteInput{CaseID: id, Body: "They are right."})
	case 3:
		_, err = w.work.OpenCase(ctx, w.agent, casework.OpenCaseInput{ResponseID: &response, Note: "They called.", AssigneeID: assignee})
	case 4, 5:
		_, err = w.work.RecordOutreach(ctx, w.agent, casework.RecordOutreachInput{CaseID: id, Outreach: outreach, Note: "Called them."})
	case 6:
		_, err = w.work.RecordReply(ctx, w.agent, casework.RecordReplyInput{CaseID: id, Improvement: new("Be on time.")})
	case 7:
		_, err = w.work.LinkCase(ctx, w.agent, casework.LinkCaseInput{CaseID: id, System: text("Zendesk", "jira", "SAP"), ID: text("1", "2")})
	case 8:
		_, err = w.work.SetRootCause(ctx, w.agent, casework.SetRootCauseInput{CaseID: id, Whys: []string{"It was late.", text("Rain.", "Strike.")}})
	case 9:
		_, err = customer.New(w.work).Update(ctx, w.agent, customer.UpdateCustomerInput{ID: about, Company: graphql.OmittableOf(new(text("ACME", "Straße")))})
	case 10:
		_, err = w.work.UpdateCaseStatus(ctx, w.agent, casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Called them.", Outreach: outreach})
	default:
		_, err = intake.New(w.work).SubmitAll(ctx, w.agent, submissions(random, w.now()), intake.SubmitOptions{})
	}
	return err
}

// submissions are one or two responses of sixteen customers, some of them old, who are known by id, by address, or both.
func submissions(random *rand.Rand, now time.Time) []intake.Submission {
	batch := make([]intake.Submission, 1+random.IntN(2))
	pick := func(values ...string) graphql.Omittable[*string] {
		switch i := random.IntN(len(values) + 2); i {
		case 0:
			return graphql.Omittable[*string]{}
		case 1:
			return cleared()
		default:
			return text(values[i-2])
		}
	}
	for i := range batch {
		who := random.IntN(16)
		responded := now.Add(-time.Duration(random.IntN(100)) * time.Second)
		in := intake.SubmitResponseInput{Score: random.IntN(11), RespondedAt: &responded, Customer: &customer.CustomerInput{
			FirstName: pick("Ana", "Bo"), Company: pick("ACME", "Acme", "Straße"), Country: pick("BR", "DE", "FR"), Segment: pick("gold", "GOLD", "ＳＩＬＶＥＲ"),
		}}
		for n := range random.IntN(3) {
			in.Drivers = append(in.Drivers, []string{"Crew", `A "b" \c, {d}`, "Preis"}[n])
			in.Attributes = append(in.Attributes, &customer.AttributeInput{Key: fmt.Sprint(n), Value: "Straße"})
			in.Customer.Attributes = append(in.Customer.Attributes, &customer.AttributeInput{Key: "Plan", Value: fmt.Sprint("GOLD ", random.IntN(3))})
		}
		in.Survey, in.Comment = new([]string{"", "Relationship", "FLIGHT"}[random.IntN(3)]), new([]string{"", "Too LATE", "Ὀδυσσεύς"}[random.IntN(3)])
		if random.IntN(3) > 0 {
			in.Customer.ExternalID = new(fmt.Sprintf("c-%d", who))
		}
		if in.Customer.ExternalID == nil || random.IntN(2) == 0 {
			in.Customer.Email = text(fmt.Sprintf("c-%d@x.example", who))
		}
		if random.IntN(2) == 0 {
			value := decimal.New(int64(random.IntN(50_000)), -2)
			in.Customer.LifetimeValue = graphql.OmittableOf(&value)
		}
		batch[i] = intake.Submission{SubmitResponseInput: in}
	}
	return batch
}
