package webhook

import (
	"encoding/json"
	"time"

	"github.com/closeloop/closeloop/model"
)

// body is what is posted of an event, as docs/webhook.schema.json has it. Names and ids are the API's.
func body(b bound, e *model.LoggedEvent) ([]byte, error) {
	data := map[string]any{
		"id": e.ID.String(), "type": e.Type, "cursor": e.Cursor, "at": e.At.UTC(), "actorId": id(e.ActorID), "noteId": id(e.NoteID),
		"matches": b.matches(e), "snapshot": snapshot(e.Then),
	}
	details(data, e)
	return json.Marshal(struct {
		Type      model.CaseEventType `json:"type"`
		Timestamp time.Time           `json:"timestamp"`
		Data      any                 `json:"data"`
	}{e.Type, e.At.UTC(), data})
}

// details adds what events of one type have.
func details(data map[string]any, e *model.LoggedEvent) {
	switch e.Type {
	case model.EventOpened:
		data["origin"], data["ruleId"] = e.Then.Case.Origin, id(e.RuleID)
	case model.EventAssigned:
		data["previousAssigneeId"], data["assigneeId"] = id(e.PreviousAssigneeID), id(e.AssigneeID)
	case model.EventStatusChanged:
		data["previousStatus"], data["status"] = e.PreviousStatus, e.Status
	case model.EventDetailsChanged:
		data["changed"] = list(e.Changed)
	case model.EventOverdue:
		data["dueAt"] = e.Then.Case.DueAt
	case model.EventOutreachRecorded:
		data["channel"], data["offer"], data["outcome"], data["nextSurveyAt"] = e.Channel, e.Offer, e.Outcome, e.NextSurveyAt
	case model.EventCustomerReplied:
		data["improvement"] = e.Improvement
	case model.EventEscalated:
		data["step"], data["after"], data["ruleId"] = e.Step, e.After, id(e.RuleID)
	case model.EventRootCauseSet:
		data["whys"] = list(e.Whys)
	}
}

// snapshot is the API's CaseSnapshot, and what another system knows case and customer by.
func snapshot(s *model.Snapshot) map[string]any {
	f := s.Flat()
	rules := make([]string, len(s.RuleIDs))
	for i, rule := range s.RuleIDs {
		rules[i] = rule.String()
	}
	refs := s.ExternalRefs
	if refs == nil {
		refs = []model.ExternalRef{}
	}
	return map[string]any{
		"caseId": f.CaseID.String(), "number": f.Number, "version": f.Version, "status": f.Status, "origin": f.Origin,
		"assigneeId": id(f.AssigneeID), "assigneeName": f.AssigneeName, "openedAt": f.OpenedAt, "dueAt": f.DueAt,
		"firstFollowUpAt": f.FirstFollowUpAt, "closedAt": f.ClosedAt,
		"responseId": id(f.ResponseID), "score": f.Score, "category": f.Category, "comment": f.Comment,
		"contactRequested": f.ContactRequested, "respondedAt": f.RespondedAt, "survey": f.Survey,
		"customerId": f.CustomerID.String(), "customerName": f.CustomerName, "company": f.Company, "country": f.Country,
		"segment": f.Segment, "lifetimeValue": f.LifetimeValue,
		"customerExternalId": s.Customer.ExternalID, "customerEmail": s.Customer.Email,
		"ruleIds": rules, "externalRefs": refs,
	}
}

// id is a global id, or null.
func id[T interface {
	model.AnyID
	String() string
}](of *T) *string {
	if of == nil {
		return nil
	}
	s := (*of).String()
	return &s
}

func list[S ~[]string](of S) []string { return append([]string{}, of...) }
