package intake

import (
	"reflect"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	response, opened := s.Submit(nil)
	_, other := s.Submit(nil)
	customer := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).Text("node.customer.id")
	const event = `event {id type cursor at note {id body} actor {id} snapshot {version status}}`
	outreach := vars{"channel": "PHONE", "outcome": "REACHED"}
	for name, call := range map[string]struct {
		query string
		input vars
	}{
		"submitResponse": {`mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id score} case {id number}}}`,
			vars{"score": 2, "customer": vars{"firstName": "Bo"}}},
		"openCase": {`mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id number} ` + event + `}}`,
			vars{"subject": vars{"customerId": customer}, "note": "They called."}},
		"addNote": {`mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id body createdAt author {id}} case {id}}}`,
			vars{"caseId": opened, "body": "Called."}},
		"recordOutreach": {`mutation ($input: RecordOutreachInput!) {recordOutreach(input: $input) {case {id} ` + event + `}}`,
			vars{"caseId": opened, "outreach": outreach, "note": "Rang."}},
		"recordOutreaches": {`mutation ($input: RecordOutreachesInput!) {recordOutreaches(input: $input) {cases {id}}}`,
			vars{"caseIds": []string{other, opened}, "outreach": outreach, "note": "Rang all."}},
		"recordReply": {`mutation ($input: RecordReplyInput!) {recordReply(input: $input) {case {id} ` + event + `}}`,
			vars{"caseId": opened, "improvement": "Be on time."}},
	} {
		call.input["idempotencyKey"] = name
		first := s.OK(model.Admin, call.query, vars{"input": call.input})
		s.AddNote(opened, "Between the two.")
		events := s.Count("case_events")
		if again := s.OK(model.Admin, call.query, vars{"input": call.input}); !reflect.DeepEqual(again.V, first.V) {
			t.Errorf("%s answers\n%s\nand then\n%s", name, first.Body, again.Body)
		}
		if n := s.Count("case_events"); n != events {
			t.Errorf("%s wrote %d events more", name, n-events)
		}
		if name != "submitResponse" {
			call.input["note"], call.input["body"] = "Otherwise.", "Otherwise."
			delete(call.input, map[bool]string{true: "note", false: "body"}[name == "addNote"])
			if a := s.Do(model.Admin, call.query, vars{"input": call.input}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "input.idempotencyKey" {
				t.Errorf("%s with another input: %s", name, a.Body)
			}
		}
	}
}
