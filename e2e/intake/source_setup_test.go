package intake

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestSourcesAreSetUp(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	const create = `mutation ($input: CreateSourceInput!) {createSource(input: $input) {source {id name tool survey onConflict signed mapping {field path} condition {path values} user {id} createdAt updatedAt}}}`
	made := s.OK(model.Manager, create, vars{"input": vars{"name": "shop", "tool": "DELIGHTED", "survey": " Shop "}}).At("createSource.source")
	if made.Text("survey") != "Shop" || made.Text("onConflict") != "UPDATE" || made.Bool("signed") || len(made.List("mapping")) < 5 || made.Text("condition.values.0") != "nps" || !made.Missing("user") {
		t.Errorf("the source is %v", made.V)
	}
	for argument, input := range map[string]vars{
		"input.name":             {"name": "Shop"},
		"input.survey":           {"survey": " "},
		"input.mapping":          {"tool": "CUSTOM"},
		"input.mapping[0].field": {"mapping": []vars{{"field": "scor", "path": "x"}}},
		"input.mapping[0].path":  {"mapping": []vars{{"field": "score", "path": " "}}},
		"input.condition.values": {"condition": vars{"path": "x", "values": []string{}}},
		"input.secret":           {"secret": "short"},
		"input.userId":           {"userId": s.Users[model.Intake]},
	} {
		all := vars{"name": "other", "tool": "DELIGHTED", "survey": "Shop"}
		for k, v := range input {
			all[k] = v
		}
		if a := s.Do(model.Manager, create, vars{"input": all}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != argument {
			t.Errorf("%v: %s", input, a.Body)
		}
	}
	for input, code := range map[*vars]string{
		{"name": "other", "tool": "QUALTRICS", "survey": "Shop", "secret": sourceSecret}:                                  "BAD_USER_INPUT",
		{"name": "other", "tool": "TYPEFORM", "survey": "Shop", "secret": sourceSecret, "userId": s.Users[model.Manager]}: "BAD_USER_INPUT",
		{"name": "shop", "tool": "TYPEFORM", "survey": "Shop"}:                                                            "CONFLICT",
	} {
		if a := s.Do(model.Manager, create, vars{"input": *input}); a.Code() != code {
			t.Errorf("%v: %s", *input, a.Body)
		}
	}
	id := made.Text("id")
	s.AddUser("narrow", vars{"role": "MANAGER", "scope": setup.British})
	s.AddUser("blind", vars{"role": "MANAGER", "personalData": false})
	for _, who := range []model.Role{"narrow", "blind"} {
		if a := s.Do(who, `query ($id: ID!) {source(id: $id) {deliveries {nodes {payload}}}}`, vars{"id": id}); a.Code() != "FORBIDDEN" {
			t.Errorf("%s reads payloads: %s", who, a.Body)
		}
	}
	moved := s.OK(model.Manager, `mutation ($input: UpdateSourceInput!) {updateSource(input: $input) {source {name mapping {field path} condition {path}}}}`,
		vars{"input": vars{"sourceId": id, "name": "web", "condition": nil, "mapping": []vars{{"field": "score", "path": "n"}}}}).At("updateSource.source")
	if moved.Text("mapping.0.path") != "n" || !moved.Missing("condition") {
		t.Errorf("after the change the source is %v", moved.V)
	}
	token := s.Tokens[model.Intake]
	if was, is := deliver(s, "shop", token, `{}`), deliver(s, "web", token, `{"event_data": {"id": "1"}, "n": 3}`); was.code != 404 || is.is() != "200 accepted" {
		t.Errorf("at the old name %s, at the new one %s", was.text, is.text)
	}
	s.OK(model.Manager, `mutation ($id: ID!) {deleteSource(input: {sourceId: $id}) {deletedId}}`, vars{"id": id})
	if d := deliver(s, "web", token, `{"event_data": {"id": "2"}, "n": 3}`); d.code != 404 || s.Count("source_deliveries") != 0 || s.Count("responses") != 1 {
		t.Errorf("after the deletion: %s", d.text)
	}
	if a := s.Do(model.Manager, `mutation ($id: ID!) {deleteSource(input: {sourceId: $id}) {deletedId}}`, vars{"id": id}); a.Code() != "NOT_FOUND" {
		t.Errorf("again: %s", a.Body)
	}
}

func TestTestSource(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	rule := s.AddRule(vars{"name": "Detractors", "scores": []int{0, 1, 2, 3, 4, 5, 6}, "assignment": vars{"strategy": "ROUND_ROBIN", "userIds": []string{s.Users[model.Agent], s.Users[model.Manager]}}})
	also := s.AddRule(vars{"name": "Low", "scores": []int{3}, "opensCase": false})
	id := addSource(s, nil)
	try := func(body string) setup.Tree {
		t.Helper()
		return s.OK(model.Manager, `mutation ($input: TestSourceInput!) {testSource(input: $input) {fate values {field path value} faults {code message field path}
			response {id} changed rules {id} opensCase {id} assignee {id}}}`, vars{"input": vars{"sourceId": id, "payload": body}}).At("testSource")
	}
	rows := func() string {
		t.Helper()
		var all bytes.Buffer
		for _, table := range []string{"responses", "customers", "cases", "case_events", "notifications", "source_deliveries", "audit_events"} {
			fmt.Fprintf(&all, "%s %d ", table, s.Count(table))
		}
		return all.String()
	}
	before := rows()
	const body = `{"externalId": "r1", "score": "3 - unlikely", "customer": {"email": "kim@example.com"}}`
	fresh := try(body)
	if fresh.Text("fate") != "ACCEPTED" || fresh.Text("opensCase.id") != rule || fresh.Text("assignee.id") != s.Users[model.Agent] || !fresh.Missing("response") ||
		len(fresh.List("rules")) != 2 || fresh.Text("rules.1.id") != also || fresh.Text("values.1.value") != "3" || len(fresh.List("faults")) != 0 {
		t.Errorf("a new response: %v", fresh.V)
	}
	if try(body).Text("assignee.id") != s.Users[model.Agent] {
		t.Error("a trial takes a turn")
	}
	if wrong := try(`{"externalId": "r1", "score": "kim"}`); wrong.Text("fate") != "REFUSED" || wrong.Text("faults.0.path") != "score" || wrong.Text("faults.0.field") != "score" {
		t.Errorf("a wrong score: %v", wrong.V)
	}
	if none := try(`no JSON`); none.Text("fate") != "REFUSED" || !none.Missing("faults.0.path") {
		t.Errorf("no JSON: %v", none.V)
	}
	if after := rows(); after != before {
		t.Errorf("trials have written: %s, and before %s", after, before)
	}
	made := deliver(s, "shop", s.Tokens[model.Intake], body)
	first := s.OK(model.Agent, `{case(number: 1) {response {id}}}`, nil)
	if first.Text("case.response.id") != made.Response {
		t.Errorf("trials have drawn numbers: case 1 is %v", first.V)
	}
	before = rows()
	if known := try(body); known.Text("fate") != "KNOWN" || known.Text("response.id") != made.Response || !known.Missing("opensCase") || len(known.List("rules")) != 0 {
		t.Errorf("a known response: %v", known.V)
	}
	if more := try(`{"externalId": "r1", "score": 3, "comment": "Late.", "customer": {"email": "kim@example.com"}}`); more.Text("fate") != "COMPLETED" || more.Text("changed.0") != "response.comment" {
		t.Errorf("with a comment: %v", more.V)
	}
	if other := try(`{"externalId": "r1", "score": 9, "customer": {"email": "kim@example.com"}}`); other.Text("fate") != "REFUSED" || other.Text("faults.0.code") != "CONFLICT" || other.Text("faults.0.field") != "score" || !other.Missing("response") {
		t.Errorf("another score: %v", other.V)
	}
	if after := rows(); after != before {
		t.Errorf("trials have written: %s, and before %s", after, before)
	}
	if n := s.Count("responses WHERE comment IS NOT NULL"); n != 0 {
		t.Error("a trial has completed a response")
	}
}
