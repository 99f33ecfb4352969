package protocol

import (
	"fmt"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestRootField(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	t.Run("that fails leaves the answers beside it", func(t *testing.T) {
		t.Parallel()
		a := s.Do(model.Agent, `{before: viewer {user {role}} bad: cases(first: 0) {nodes {id}} after: case(number: 1) {id}}`, nil)
		if a.Text("before.user.role") != "AGENT" || a.Text("after.id") != opened || !a.Missing("bad") || len(a.Errors) != 1 || a.Code() != "BAD_USER_INPUT" ||
			!strings.Contains(a.Body, `"path":["bad"]`) {
			t.Error(a.Body)
		}
	})
	t.Run("of a mutation keeps its answer when a later one fails", func(t *testing.T) {
		t.Parallel()
		a := s.Do(model.Agent, `mutation ($first: AddNoteInput!, $second: AddNoteInput!) {
			first: addNote(input: $first) {note {body}} second: addNote(input: $second) {note {body}}}`,
			vars{"first": vars{"caseId": opened, "body": "Called."}, "second": vars{"caseId": "cas_" + strings.Repeat("0", 32), "body": "Called again."}})
		if a.Text("first.note.body") != "Called." || !a.Missing("second") || len(a.Errors) != 1 || a.Code() != "NOT_FOUND" {
			t.Error(a.Body)
		}
	})
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	a := s.OK(model.Partner, `{__schema {directives {name}} subject: __type(name: "CaseSubjectInput") {isOneOf} order: __type(name: "CaseOrder") {isOneOf}}`, nil)
	t.Run("says which inputs take exactly one field", func(t *testing.T) {
		t.Parallel()
		if !a.Bool("subject.isOneOf") || a.Missing("order.isOneOf") || a.Bool("order.isOneOf") {
			t.Error(a.Body)
		}
	})
	t.Run("does not offer @defer, which is refused", func(t *testing.T) {
		t.Parallel()
		if !strings.Contains(a.Body, `"skip"`) || strings.Contains(a.Body, `"defer"`) {
			t.Error(a.Body)
		}
		if a := s.Do(model.Partner, `{viewer {... @defer {user {role}}}}`, nil); a.Code() != "GRAPHQL_VALIDATION_FAILED" || a.V != nil {
			t.Error(a.Body)
		}
	})
}

func TestAnswer(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	s.Submit(nil)
	t.Run("has one present for all that is measured until now", func(t *testing.T) {
		t.Parallel()
		query := "{"
		for i := range 40 {
			query += fmt.Sprintf("c%d: case(number: 1) {timeSinceOpen customer {cases {nodes {timeSinceOpen}}}} ", i)
		}
		a := s.OK(model.Agent, query+"}", nil)
		first := a.Text("c0.timeSinceOpen")
		if n := strings.Count(a.Body, `"`+first+`"`); n != 80 || first == "" {
			t.Errorf("%q is there %d times, not 80: %s", first, n, a.Body)
		}
	})
}
