package webhook

import (
	"encoding/json"
	"time"

	"github.com/closeloop/closeloop/model"
)

// body returns the body for an event, as docs/webhook.schema.json describes it. The body has the names and ids of the API.
func body(sel selection, e *model.LoggedEvent) ([]byte, error) {
	data := map[string]any{
		"id": e.ID.String(), "type": e.Type, "cursor": e.Cursor, "at": e.At.UTC(), "actorId": model.OptionalID(e.ActorID), "noteId": model.OptionalID(e.NoteID),
		"matches": sel.matches(e), "snapshot": snapshot(e.Then),
	}
	for _, field := range e.Type.Spec().Fields {
		data[field.Name] = field.Value(e)
	}
	return json.Marshal(struct {
		Type      model.CaseEventType `json:"type"`
		Timestamp time.Time           `json:"timestamp"`
		Data      any                 `json:"data"`
	}{e.Type, e.At.UTC(), data})
}

// snapshot returns the API's CaseSnapshot, with the ids of the case and the customer in other systems.
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
		"assigneeId": model.OptionalID(f.AssigneeID), "assigneeName": f.AssigneeName, "openedAt": f.OpenedAt, "dueAt": f.DueAt,
		"firstFollowUpAt": f.FirstFollowUpAt, "closedAt": f.ClosedAt,
		"responseId": model.OptionalID(f.ResponseID), "score": f.Score, "category": f.Category, "comment": f.Comment,
		"contactRequested": f.ContactRequested, "respondedAt": f.RespondedAt, "survey": f.Survey,
		"customerId": f.CustomerID.String(), "customerName": f.CustomerName, "company": f.Company, "country": f.Country,
		"segment": f.Segment, "lifetimeValue": f.LifetimeValue,
		"customerExternalId": s.Customer.ExternalID, "customerEmail": s.Customer.Email,
		"ruleIds": rules, "externalRefs": refs,
	}
}
