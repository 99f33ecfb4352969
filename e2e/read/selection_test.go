package read

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// place is where a document shows objects of a type. %s stands for what it selects of them; the path leads to them, with a
// star for each list on the way.
type place struct {
	of, document, path string
}

var places = []place{
	{"Case", `cases {nodes {%s}}`, "nodes.*"},
	{"Case", `cases(filter: {status: [OPEN, CLOSED]}, orderBy: [{field: STATUS, direction: ASC}]) {edges {node {%s}}}`, "edges.*.node"},
	{"Case", `case(number: 1) {%s}`, ""},
	{"Case", `customers(first: 8) {nodes {cases(last: 2, orderBy: [{field: SCORE, direction: DESC}]) {nodes {%s}}}}`, "nodes.*.cases.nodes.*"},
	{"Case", `users(first: 4) {nodes {assignedCases(first: 3) {edges {node {%s}}}}}`, "nodes.*.assignedCases.edges.*.node"},
	{"Case", `responses {nodes {case {%s}}}`, "nodes.*.case"},
	{"Response", `responses {nodes {%s}}`, "nodes.*"},
	{"Response", `responses(orderBy: [{field: EFFORT, direction: ASC}]) {edges {node {%s}}}`, "edges.*.node"},
	{"Response", `passives(prioritizeBy: [SCORE]) {nodes {%s}}`, "nodes.*"},
	{"Response", `cases {nodes {response {%s}}}`, "nodes.*.response"},
	{"Response", `case(number: 1) {response {%s}}`, "response"},
	{"Response", `customers(first: 8) {nodes {responses(first: 2) {nodes {%s}}}}`, "nodes.*.responses.nodes.*"},
	{"Customer", `customers {nodes {%s}}`, "nodes.*"},
	{"Customer", `customers(orderBy: [{field: COMPANY, direction: DESC}]) {edges {node {%s}}}`, "edges.*.node"},
	{"Customer", `cases {edges {node {customer {%s}}}}`, "edges.*.node.customer"},
	{"Customer", `case(number: 1) {customer {%s}}`, "customer"},
	{"Customer", `responses {nodes {customer {%s}}}`, "nodes.*.customer"},
	{"Customer", `passives(prioritizeBy: [SCORE]) {nodes {customer {%s}}}`, "nodes.*.customer"},
	{"Customer", `cases {nodes {response {customer {%s}}}}`, "nodes.*.response.customer"},
	{"User", `users {nodes {%s}}`, "nodes.*"},
	{"User", `cases {nodes {assignee {%s}}}`, "nodes.*.assignee"},
	{"User", `case(number: 1) {assignee {%s}}`, "assignee"},
	{"User", `case(number: 1) {notes {nodes {author {%s}}}}`, "notes.nodes.*.author"},
	{"User", `notes {nodes {author {%s}}}`, "nodes.*.author"},
	{"Note", `notes {nodes {%s}}`, "nodes.*"},
	{"Note", `case(number: 1) {notes(last: 10) {edges {node {%s}}}}`, "notes.edges.*.node"},
	{"Note", `cases {nodes {notes(first: 1) {nodes {%s}}}}`, "nodes.*.notes.nodes.*"},
}

// A list reads only the columns of the fields that are selected. Each field that is selected alone must have the value that
// it has among all others, also for a user who may not see personal data.
func TestSelections(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	fillAll(s)
	s.AddUser("WALLBOARD", vars{"role": "AGENT", "scope": setup.British, "personalData": false})
	schema, filled := setup.Schema(), map[string]bool{}
	for _, role := range []model.Role{model.Manager, "WALLBOARD"} {
		for _, at := range places {
			fields := setup.FieldsOf(schema.Types[at.of])
			var document, all strings.Builder
			for i, f := range fields {
				text := selected(schema, f)
				fmt.Fprintf(&document, "f%d: "+at.document+"\n", i, text)
				all.WriteString(text + " ")
			}
			fmt.Fprintf(&document, "all: "+at.document, all.String())
			got := s.Do(role, "{"+document.String()+"}", nil)
			if role == model.Manager && len(got.Errors) > 0 || got.V == nil {
				t.Fatalf("%s as %s: %+v", at.document, role, got.Errors)
			}
			whole := objects(got.At("all"), at.path)
			if role == model.Manager && len(whole) == 0 {
				t.Errorf("%s: no %s, which proves nothing", at.document, at.of)
			}
			for i, f := range fields {
				alone := objects(got.At(fmt.Sprint("f", i)), at.path)
				if len(alone) != len(whole) {
					t.Errorf("%s as %s: %d objects with %s alone, %d with all fields", at.document, role, len(alone), f.Name, len(whole))
					continue
				}
				for n, x := range whole {
					if a, b := alone[n].At(f.Name).V, x.At(f.Name).V; !reflect.DeepEqual(a, b) {
						t.Errorf("%s as %s: %s alone is %v, and %v with all fields", at.document, role, f.Name, a, b)
					} else if !empty(b) {
						filled[at.of+"."+f.Name] = true
					}
				}
			}
		}
	}
	for _, name := range []string{"Case", "Response", "Customer", "User", "Note"} {
		for _, f := range setup.FieldsOf(schema.Types[name]) {
			if !filled[name+"."+f.Name] {
				t.Errorf("no %s of this test has a %s, so nothing is proved of it", name, f.Name)
			}
		}
	}
}

// The cursors of a list do not depend on what is selected of its rows.
func TestSelectionsAndCursors(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	fillAll(s)
	schema := setup.Schema()
	for list, object := range map[string]string{"cases": "Case", "responses": "Response", "customers": "Customer"} {
		for _, field := range schema.Types[object+"OrderField"].EnumValues {
			var all strings.Builder
			for _, f := range setup.FieldsOf(schema.Types[object]) {
				all.WriteString(selected(schema, f) + " ")
			}
			ordered := fmt.Sprintf("%s(orderBy: [{field: %s, direction: DESC}])", list, field.Name)
			got := s.OK(model.Manager, fmt.Sprintf("{alone: %s {edges {cursor}} all: %[1]s {edges {cursor node {%s}}}}", ordered, all.String()), nil)
			alone, whole := objects(got.At("alone"), "edges.*.cursor"), objects(got.At("all"), "edges.*.cursor")
			if len(whole) < 3 || !reflect.DeepEqual(alone, whole) {
				t.Errorf("%s: the cursors alone are %v, and %v with all fields", ordered, alone, whole)
			}
		}
	}
}

// selected selects a field, with the scalar fields of what is below it.
func selected(schema *ast.Schema, f *ast.FieldDefinition) string {
	d := schema.Types[f.Type.Name()]
	switch {
	case d.Kind == ast.Scalar || d.Kind == ast.Enum:
		return f.Name
	case d.Fields.ForName("nodes") != nil:
		return f.Name + " {nodes {" + scalars(schema, schema.Types[d.Fields.ForName("nodes").Type.Name()]) + "} pageInfo {startCursor endCursor}}"
	}
	return f.Name + " {" + scalars(schema, d) + "}"
}

func scalars(schema *ast.Schema, d *ast.Definition) string {
	names := []string{"__typename"}
	for _, f := range setup.FieldsOf(d) {
		kind := schema.Types[f.Type.Name()].Kind
		if (kind == ast.Scalar || kind == ast.Enum) && len(f.Arguments) == 0 {
			names = append(names, f.Name)
		}
	}
	return strings.Join(names, " ")
}

// objects are what the path leads to, without what is missing.
func objects(from setup.Tree, path string) (found []setup.Tree) {
	if path == "" {
		if from.V == nil {
			return nil
		}
		return []setup.Tree{from}
	}
	step, rest, _ := strings.Cut(path, ".")
	if step != "*" {
		return objects(from.At(step), rest)
	}
	items, _ := from.V.([]any)
	for _, item := range items {
		found = append(found, objects(setup.Tree{V: item}, rest)...)
	}
	return found
}

func empty(v any) bool {
	list, is := v.([]any)
	return v == nil || v == "" || is && len(list) == 0
}

// fillAll makes cases, responses, customers and notes so that every field has a value somewhere, and none elsewhere.
func fillAll(s *setup.Server) {
	s.T.Helper()
	var hours []vars
	for _, day := range []string{"MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"} {
		hours = append(hours, vars{"weekday": day, "from": "00:00", "to": "24:00"})
	}
	s.OK(model.Manager, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`, vars{"input": vars{"name": "Legroom", "keywords": []string{"legroom"}}})
	s.AddRule(vars{"calendar": vars{"timeZone": "UTC", "hours": hours}, "assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]},
		"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}})
	customer := func(n int) vars {
		return vars{"externalId": fmt.Sprint("c", n), "firstName": "Ana", "lastName": fmt.Sprint("Souza ", n), "email": fmt.Sprintf("ana%d@example.com", n),
			"phone": "+44 1", "company": fmt.Sprint("ACME ", n), "country": "GB", "segment": "Gold", "lifetimeValue": "1234.50",
			"accountManagerEmail": "am@example.com", "agentEmail": "agent@example.com", "attributes": []vars{{"key": "plan", "value": "Basic"}}}
	}
	response := func(n int) vars {
		return vars{"externalId": fmt.Sprint("r", n), "score": n % 11, "survey": "Flight", "comment": "No legroom.", "drivers": []string{"Price"}, "customer": customer(n % 3),
			"contactRequested": true, "quoteConsent": true, "testimonialLikelihood": 0.25, "attributes": []vars{{"key": "seat", "value": "12A"}}}
	}
	var opened []string
	for n := range 9 {
		if _, id := s.Submit(response(n)); id != "" {
			opened = append(opened, id)
		}
	}
	s.Submit(vars{"score": 1})                                      // nothing that can be left out
	s.Submit(vars{"score": 8, "customer": vars{"externalId": "p"}}) // a passive customer without a name
	bare := s.OK(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {response {id customer {id}}}}`,
		vars{"input": vars{"score": 10, "customer": vars{"externalId": "bare", "country": "GB"}}}).Text("submitResponse.response.customer.id")
	s.OK(model.Manager, `mutation ($assign: AssignCaseInput!, $out: RecordOutreachInput!, $why: SetRootCauseInput!, $link: LinkCaseInput!, $open: OpenCaseInput!, $survey: UpdateCustomerInput!) {
		assignCase(input: $assign) {case {id}} recordOutreach(input: $out) {case {id}} setRootCause(input: $why) {case {id}} linkCase(input: $link) {case {id}}
		openCase(input: $open) {case {id}} updateCustomer(input: $survey) {customer {id}}}`, vars{
		"assign": vars{"caseId": opened[0], "assigneeId": s.Users[model.Manager], "note": "Mine."},
		"out":    vars{"caseId": opened[0], "outreach": vars{"channel": "PHONE", "outcome": "REACHED"}, "note": "Called."},
		"why":    vars{"caseId": opened[0], "whys": []string{"No legroom", "Small seats"}},
		"link":   vars{"caseId": opened[0], "system": "SAP", "externalId": "7", "url": "https://sap.example.com/7"},
		"open":   vars{"subject": vars{"customerId": bare}, "note": "They called.", "dueAt": "2030-01-01T00:00:00Z"},
		"survey": vars{"customerId": bare, "nextSurveyAt": "2030-01-01T00:00:00Z"},
	})
	for _, id := range opened[:2] {
		s.AddNote(id, "A note on "+id)
	}
	s.ChangeStatus(opened[0], model.Closed)
	noted := s.OK(model.Manager, `{notes(first: 1) {nodes {id}}}`, nil).Text("notes.nodes.0.id")
	s.OK(model.Admin, `mutation ($input: RedactNoteInput!) {redactNote(input: $input) {note {id}}}`, vars{"input": vars{"noteId": noted}})
	erased := s.OK(model.Manager, `{customers(filter: {externalId: {eq: "p"}}) {nodes {id}}}`, nil).Text("customers.nodes.0.id")
	s.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {customer {id}}}`, vars{"input": vars{"customerId": erased}})
	s.AddUser("PARTNER OF GB", vars{"role": "PARTNER", "scope": setup.British})
}
