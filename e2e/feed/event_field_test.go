package feed

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// everyField selects everything that a type has: its leaves, and of its objects the fields that identify them. Fields with
// a required argument are left out.
func everyField(s *ast.Schema, d *ast.Definition, deep int) string {
	var b strings.Builder
	b.WriteString("__typename")
	for _, f := range setup.FieldsOf(d) {
		if slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil }) {
			continue
		}
		of := s.Types[f.Type.Name()]
		switch {
		case of.IsLeafType():
			b.WriteString(" " + f.Name)
		case deep > 0 && of.IsCompositeType():
			b.WriteString(" " + f.Name + " {" + everyField(s, of, deep-1) + "}")
		}
	}
	return b.String()
}

// A dashboard may select the fields of all event types side by side. Fields of one name must have one type, or GraphQL
// refuses the query (specification, section 5.3.2, Field Selection Merging).
func TestEventFields(t *testing.T) {
	t.Parallel()
	schema := setup.Schema()
	types := schema.GetPossibleTypes(schema.Types["CaseEvent"])
	values := schema.Types["CaseEventType"].EnumValues
	if len(types) < 10 || len(types) != len(values) {
		t.Errorf("there are %d types of events, and %d values of CaseEventType", len(types), len(values))
	}
	var b strings.Builder
	for _, d := range types {
		b.WriteString(" ... on " + d.Name + " {" + everyField(schema, d, 1) + "}")
	}
	selection := "cursor" + b.String()

	s := setup.NewServer(t)
	s.AddRule(vars{"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}})
	start := s.Cursor()
	_, opened := s.Submit(vars{"customer": vars{"externalId": "ana", "firstName": "Ana"}})
	s.AddNote(opened, "A note.")
	s.OK(model.Agent, `mutation ($input: RecordOutreachInput!) {recordOutreach(input: $input) {event {id}}}`, vars{"input": vars{"caseId": opened, "outreach": vars{"channel": "PHONE"}, "note": "Called."}})
	s.OK(model.Agent, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {event {id}}}`, vars{"input": vars{"caseId": opened, "improvement": "Answer the phone."}})
	s.OK(model.Agent, `mutation ($input: SetRootCauseInput!) {setRootCause(input: $input) {event {id}}}`, vars{"input": vars{"caseId": opened, "whys": []string{"Late."}}})
	s.ChangeStatus(opened, model.Closed)
	s.Submit(vars{"score": 9, "customer": vars{"externalId": "ana", "country": "DE"}})
	customer := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {customer {id}}}}`, vars{"id": opened}).Text("node.customer.id")
	s.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {customer {id}}}`, vars{"input": vars{"customerId": customer}})

	listed := s.OK(model.Manager, `query ($after: String) {caseEvents(first: 20, after: $after) {nodes {`+selection+`}}}`, vars{"after": start}).List("caseEvents.nodes")
	c := s.Watch(model.Manager, `(after: "`+start+`")`, selection)
	seen := map[string]bool{}
	for _, want := range listed {
		e := c.Next()
		seen[e.Text("type")] = true
		if e.Text("cursor") != want.Text("cursor") || e.Text("__typename") != want.Text("__typename") || e.Text("__typename") == "" {
			t.Errorf("the feed has %v, the list %v", e.V, want.V)
		}
		if e.Text("snapshot.caseId") != opened || e.Text("case.id") != opened {
			t.Errorf("an event of another case: %v", e.V)
		}
	}
	if len(seen) < 9 {
		t.Errorf("only %v happened", seen)
	}
}
