package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestRoleEdges(t *testing.T) {
	t.Parallel()
	t.Run("INTAKE reads nothing through the response that it submits", func(t *testing.T) {
		t.Parallel()
		w := newThings(t)
		before := everything(w.Server)
		for _, answer := range []string{
			`{case {id}}`,
			`{response {customer {id}}}`,
			`{response {case {id}}}`,
			`{created response {id who: customer {name: displayName}}}`,
			`{... on SubmitResponsePayload {response {... on Response {case {number}}}}}`,
			`{...all}} fragment all on SubmitResponsePayload {response {...one}} fragment one on Response {customer {id}`,
			`{created}} query other {cases {nodes {id}}`,
		} {
			a := w.Do(model.Intake, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) `+answer+`}`,
				vars{"input": vars{"score": 2, "customer": vars{"externalId": "probe"}}})
			if strings.Contains(answer, "query other") { // two operations in one document, and operationName is missing
				if len(a.Errors) == 0 || a.V != nil {
					t.Errorf("INTAKE sends %s: %s", answer, a.Body)
				}
			} else if a.Code() != "FORBIDDEN" || a.V != nil {
				t.Errorf("INTAKE asks for %s: %s", answer, a.Body)
			}
		}
		both := w.Do(model.Intake, `mutation ($input: SubmitResponseInput!, $id: ID!) {
		submitResponse(input: $input) {created} addNote(input: {caseId: $id, body: "x"}) {note {id}}}`,
			vars{"id": w.opened, "input": vars{"score": 2, "customer": vars{"externalId": "probe"}}})
		if both.Code() != "FORBIDDEN" || both.V != nil {
			t.Errorf("INTAKE submits and adds a note in one operation: %s", both.Body)
		}
		if after := everything(w.Server); after != before {
			t.Errorf("what was refused was written: %s, then %s", before, after)
		}
		made := w.OK(model.Intake, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id score category comment}}}`,
			vars{"input": vars{"score": 2, "comment": "Late.", "customer": vars{"externalId": "probe"}}})
		if made.Text("submitResponse.response.comment") != "Late." || !made.Bool("submitResponse.created") {
			t.Errorf("INTAKE gets %v", made.V)
		}
	})

	t.Run("PARTNER sees no rules, users or notifications", func(t *testing.T) {
		t.Parallel()
		w := newThings(t)
		edges := map[string]string{
			"the rules of a case":          `{cases {nodes {rules {id}}}}`,
			"the mails of a case":          `{case(number: 1) {notifications {to}}}`,
			"the rule that opened a case":  `{caseEvents {nodes {... on CaseOpened {rule {name}}}}}`,
			"the same in a case's history": `{cases {nodes {history {edges {node {...opened}}}}}} fragment opened on CaseOpened {why: rule {id}}`,
			"the same by the event's id":   `{node(id: "` + w.event + `") {... on CaseOpened {rule {id}}}}`,
			"rules of a customer's cases":  `{customers {nodes {cases {nodes {response {case {rules {name}}}}}}}}`,
		}
		for what, query := range edges {
			if a := w.Do(model.Partner, query, nil); a.Code() != "FORBIDDEN" || a.V != nil {
				t.Errorf("PARTNER asks for %s: %s", what, a.Body)
			}
			if a := w.Do(model.Stakeholder, query, nil); len(a.Errors) > 0 {
				t.Errorf("STAKEHOLDER asks for %s: %s", what, a.Body)
			}
		}
		c := w.Watch(model.Partner, "", "... on CaseOpened {rule {id}}")
		if code := c.Refused(); code != "FORBIDDEN" {
			t.Errorf("PARTNER subscribes to rules: %q", code)
		}

		seen := w.OK(model.Stakeholder, `{case(number: 1) {notifications {id}}}`, nil)
		token := w.OK(model.Admin, `{apiTokens {id}}`, nil).Text("apiTokens.0.id")
		for id, roles := range map[string][]model.Role{
			w.rule:                               staff,
			w.Users[model.Agent]:                 staff,
			w.Users[model.Partner]:               append(slices.Clone(staff), model.Partner), // a partner sees their own user
			seen.Text("case.notifications.0.id"): staff,
			token:                                admins,
			w.opened:                             readers,
			w.response:                           readers,
			w.event:                              readers,
		} {
			if id == "" {
				t.Fatal("an id is missing")
			}
			for _, role := range readers {
				a := w.OK(role, `query ($id: ID!) {node(id: $id) {id} nodes(ids: [$id, $id]) {id}}`, vars{"id": id})
				shown := a.Text("node.id") == id && a.Text("nodes.1.id") == id
				hidden := a.Missing("node") && a.Missing("nodes.0") && a.Missing("nodes.1")
				if slices.Contains(roles, role) && !shown || !slices.Contains(roles, role) && !hidden {
					t.Errorf("%s looks %s up: %v", role, id, a.V)
				}
			}
		}
	})
}
