package httpd

import (
	"os"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// Each field that a query can select, and each field of its inputs, is marked @timed or @own in the schema, or listed in
// testdata/rows.txt: then it depends on rows alone. So nobody adds a field without thinking of it.
func TestEachFieldIsMarkedOrListed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/rows.txt")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if of, fields, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			for field := range strings.FieldsSeq(fields) {
				listed[of+"."+field] = false
			}
		}
	}
	check := func(at string, directives ast.DirectiveList) {
		_, rows := listed[at]
		listed[at] = true
		switch marked := directives.ForName("timed") != nil || directives.ForName("own") != nil; {
		case !marked && !rows:
			t.Errorf("%s: does it depend on the time, or on who asks? If so, mark it @timed or @own in the schema; else list it in testdata/rows.txt", at)
		case marked && rows:
			t.Errorf("%s is marked, and listed in testdata/rows.txt too", at)
		}
	}
	schema := graph.Schema()
	seen := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		d := schema.Types[name]
		if seen[name] || d == nil || d.BuiltIn {
			return
		}
		seen[name] = true
		for _, value := range d.EnumValues {
			check(name+"."+value.Name, value.Directives)
		}
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			check(name+"."+f.Name, f.Directives)
			visit(f.Type.Name())
			for _, a := range f.Arguments {
				visit(a.Type.Name())
			}
		}
		for _, possible := range schema.GetPossibleTypes(d) {
			visit(possible.Name)
		}
	}
	visit("Query")
	for at, there := range listed {
		if !there {
			t.Errorf("%s is listed in testdata/rows.txt, but no query can ask for it", at)
		}
	}
}

func TestMarksIn(t *testing.T) {
	t.Parallel()
	m := marksOf(graph.Schema())
	for _, name := range []string{"overdue", "withinLast", "withinNext", "DAY", "WEEK", "MONTH", "QUARTER"} {
		if !m.timed[name] {
			t.Errorf("%s is not timed", name)
		}
	}
	for _, c := range []struct {
		query      string
		variables  map[string]any
		scope      string
		timed, own bool
	}{
		{query: `{cases {nodes {number customer {displayName}}}}`},
		{query: `{cases {nodes {overdue}}}`, timed: true},
		{query: `{cases {nodes {...c}}} fragment c on Case {customer {cases {edges {node {timeSinceOpen}}}}}`, timed: true},
		{query: `{cases {nodes {... on Case {businessTimeSinceOpen}}}}`, timed: true},
		{query: `{cases(filter: {or: [{not: {openedAt: {withinLast: "P1D"}}}]}) {totalCount}}`, timed: true},
		{query: `query ($f: CaseFilter = {overdue: true}) {cases(filter: $f) {totalCount}}`, timed: true},
		{query: `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`},
		{query: `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`, variables: map[string]any{"f": map[string]any{"and": []any{map[string]any{"overdue": true}}}}, timed: true},
		{query: `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`, variables: map[string]any{"f": map[string]any{"mine": true}}, own: true},
		{query: `query ($by: CaseGroupBy) {recoveryReport(groupBy: $by) {groups {label}}}`, variables: map[string]any{"by": "DAY"}, timed: true},
		{query: `query ($by: CaseGroupBy) {recoveryReport(groupBy: $by) {groups {label}}}`, variables: map[string]any{"by": "COUNTRY"}},
		{query: `{npsReport(groupBy: WEEK) {groups {label}}}`, timed: true},
		{query: `{caseSummary {open groups(groupBy: ASSIGNEE) {label open}}}`},
		{query: `{caseSummary {open groups(groupBy: ASSIGNEE) {label overdue}}}`, timed: true},
		{query: `{node(id: "x") {id}}`, own: true},
		{query: `{webhooks {url}}`, own: true},
		{query: `{viewer {user {name}}}`, timed: true, own: true},
		{query: `{exportCustomer(id: "x")}`, timed: true, own: true},
		{query: `{customers {totalCount}}`, scope: `{"nextSurveyAt": {"withinNext": "P1D"}}`, timed: true},
	} {
		doc, errs := gqlparser.LoadQueryWithRules(graph.Schema(), c.query, nil)
		if errs != nil {
			t.Errorf("%s: %v", c.query, errs)
			continue
		}
		u := &model.User{Role: model.Agent}
		if c.scope != "" {
			u.ScopeCustomer = []byte(c.scope)
		}
		timed, own := m.in(doc.Operations[0], c.variables, auth.Viewer{User: u})
		if timed != c.timed || own != c.own {
			t.Errorf("%s with %v, scope %q: timed %t, own %t", c.query, c.variables, c.scope, timed, own)
		}
	}
	if !m.own["mine"] {
		t.Error("mine is not own")
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	tag := tagOf(mediaJSON, []byte("{}"))
	if tag == tagOf(mediaResponse, []byte("{}")) || tag == tagOf(mediaJSON, []byte("[]")) || !strings.HasPrefix(tag, `W/"`) {
		t.Errorf("tag %s", tag)
	}
	for header, want := range map[string]bool{"": false, tag: true, strings.TrimPrefix(tag, "W/"): true, `"a", ` + tag: true, "*": true, `"a"`: false, tag[:len(tag)-2]: false} {
		if matches([]string{header}, tag) != want {
			t.Errorf("%s: %t", header, !want)
		}
	}
}
