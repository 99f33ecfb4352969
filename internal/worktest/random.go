package worktest

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
	"github.com/shopspring/decimal"
)

// WriteAnything makes one random write, and gives its error. Assignees are some of the agents.
func (w *World) WriteAnything(random *rand.Rand, agents []*model.User) error {
	ctx := w.T.Context()
	w.Later(time.Second)
	var id model.CaseID
	var response model.ResponseID
	var about model.CustomerID
	for table, into := range map[string]any{"cases": &id, "responses": &response, "customers": &about} {
		_ = w.DB.Pool.QueryRow(ctx, "SELECT id FROM "+table+" ORDER BY md5(id::text || $1) LIMIT 1", fmt.Sprint(random.Uint64())).Scan(into)
	}
	assignee := &agents[random.IntN(len(agents))].ID
	if random.IntN(4) == 0 {
		assignee = nil
	}
	one := func(values ...string) string { return values[random.IntN(len(values))] }
	outreach := &casework.OutreachInput{
		Channel: model.OutreachChannel(one("PHONE", "EMAIL")), Outcome: model.OutreachOutcome(one("REACHED", "MESSAGE_SENT", "NO_ANSWER")),
	}
	if random.IntN(2) == 0 {
		outreach.Offer = new(model.OutreachOffer(one("VOUCHER", "THANK_YOU")))
	}
	var err error
	switch random.IntN(16) {
	case 0:
		_, err = w.Work.AssignCase(ctx, w.caller, casework.AssignCaseInput{CaseID: id, AssigneeID: assignee})
	case 1:
		status := []model.CaseStatus{model.Open, model.InProgress, model.Closed}[random.IntN(3)]
		_, err = w.Work.UpdateCaseStatus(ctx, w.caller, casework.UpdateCaseStatusInput{CaseID: id, Status: status, Note: "Called them."})
	case 2:
		_, err = w.Work.AddNote(ctx, w.caller, casework.AddNoteInput{CaseID: id, Body: "They are right."})
	case 3:
		_, err = w.Work.OpenCase(ctx, w.caller, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response}, Note: "They called.", AssigneeID: assignee})
	case 4, 5:
		_, err = w.Work.RecordOutreach(ctx, w.caller, casework.RecordOutreachInput{CaseID: id, Outreach: outreach, Note: "Called them."})
	case 6:
		_, err = w.Work.RecordReply(ctx, w.caller, casework.RecordReplyInput{CaseID: id, Improvement: new("Be on time.")})
	case 7:
		_, err = w.Work.LinkCase(ctx, w.caller, casework.LinkCaseInput{CaseID: id, System: one("Zendesk", "jira", "SAP"), ExternalID: one("1", "2")})
	case 8:
		_, err = w.Work.SetRootCause(ctx, w.caller, casework.SetRootCauseInput{CaseID: id, Whys: []string{"It was late.", one("Rain.", "Strike.")}})
	case 9:
		_, err = customer.New(w.Work).Update(ctx, w.caller, customer.UpdateCustomerInput{CustomerID: about, Company: graphql.OmittableOf(new(one("ACME", "Straße")))})
	case 10:
		_, err = w.Work.UpdateCaseStatus(ctx, w.caller, casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Called them.", Outreach: outreach})
	default:
		_, err = intake.New(w.Work).SubmitAll(ctx, w.caller, submissions(random, w.Now()), intake.SubmitOptions{})
	}
	return err
}

// submissions makes one or two responses of sixteen customers, who have an id, an address, or both. Some responses are old.
func submissions(random *rand.Rand, now time.Time) []intake.Submission {
	batch := make([]intake.Submission, 1+random.IntN(2))
	pick := func(values ...string) graphql.Omittable[*string] {
		switch i := random.IntN(len(values) + 2); i {
		case 0:
			return graphql.Omittable[*string]{}
		case 1:
			return Null[string]()
		default:
			return Given(values[i-2])
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
			in.Customer.Email = Given(fmt.Sprintf("c-%d@x.example", who))
		}
		if random.IntN(2) == 0 {
			value := decimal.New(int64(random.IntN(50_000)), -2)
			in.Customer.LifetimeValue = graphql.OmittableOf(&value)
		}
		if random.IntN(3) == 0 { // it may be stored already
			in.ExternalID, in.OnConflict = new(fmt.Sprintf("r-%d", random.IntN(60))), new([]intake.OnConflict{intake.OnConflictReject, intake.OnConflictUpdate}[random.IntN(2)])
		}
		batch[i] = intake.Submission{SubmitResponseInput: in}
	}
	return batch
}
