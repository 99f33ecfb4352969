package privacy

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestExportCustomer(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}})
	theme := model.NewUUID()
	customer, opened := addPenelope(s)
	if _, err := s.App.DB.Pool.Exec(t.Context(), `INSERT INTO themes (id, name, name_fold, created_at, updated_at) VALUES ($1, 'Seats', 'seats', now(), now())`, theme); err != nil {
		t.Fatal(err)
	}
	if _, err := s.App.DB.Pool.Exec(t.Context(), `INSERT INTO response_themes SELECT id, $1, true FROM responses WHERE external_id = 'survey-0815'`, theme); err != nil {
		t.Fatal(err)
	}
	_, other := s.Submit(vars{"comment": "I am somebody else.", "customer": vars{"firstName": "Sancho"}})
	s.AddNote(other, "Sancho waits.")
	const ask = `query ($id: ID!) {exportCustomer(id: $id)}`
	got := s.OK(model.Admin, ask, vars{"id": customer})
	for path, want := range map[string]any{
		"customer.id": customer, "customer.email": "p.quixano@new.example", "customer.phone": "+34 5550199", "customer.externalId": "crm-4711",
		"customer.lifetimeValue": "1234.5", "customer.attributes.penelope": "seat 7A", "responses.0.externalId": "survey-0815",
		"responses.0.comment": "I am Penelope Quixano, of Windmill.", "responses.0.attributes.Name": "Quixano", "responses.0.themes.0": "Seats",
		"responses.0.drivers.1": "Other: call Penelope", "responses.1.score": 9.0, "cases.0.id": opened, "cases.0.status": "IN_PROGRESS",
		"cases.0.rootCause.0": "Penelope sat elsewhere.", "cases.0.externalRefs.0.id": "TICKET-99", "cases.0.notes.0.body": "You know Penelope.",
		"cases.0.history.0.type": "OPENED", "cases.1.notes.0.body": "Penelope called again.", "mails.0.kind": "NEW_RESPONSE", "mails.0.status": "QUEUED",
	} {
		if have := got.At("exportCustomer." + path).V; have != want {
			t.Errorf("%s is %v, not %v", path, have, want)
		}
	}
	facts := asText(t, got.At("exportCustomer.cases.0.history").V)
	for _, fact := range []string{`"channel":"PHONE"`, `"improvement":"Give Penelope her seat 7A."`, `"whys":["Penelope sat elsewhere."`, `"previousStatus":"OPEN"`} {
		if !strings.Contains(facts, fact) {
			t.Errorf("the history lacks %s: %s", fact, facts)
		}
	}
	if _, err := time.Parse(time.RFC3339, got.Text("exportCustomer.exportedAt")); err != nil {
		t.Error(err)
	}
	for _, foreign := range []string{"Sancho", "somebody else", "desk@example.com", s.Users[model.Agent]} {
		if strings.Contains(got.Body, foreign) {
			t.Errorf("%q is handed out", foreign)
		}
	}
	erase(s, customer)
	left := s.OK(model.Admin, ask, vars{"id": customer})
	if found := mentions(strings.ToLower(left.Body), herWords); len(found) > 0 || len(left.List("exportCustomer.cases")) != 2 {
		t.Errorf("after erasing, an export has %v: %s", found, left.Body)
	}
	if a := s.Do(model.Admin, ask, vars{"id": opened}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "id" {
		t.Errorf("a case's id: %s", a.Body)
	}
	nobody := model.CustomerID{UUID: model.NewUUID()}.String()
	if a := s.Do(model.Admin, ask, vars{"id": nobody}); len(a.Errors) > 0 || !a.Missing("exportCustomer") {
		t.Errorf("export of an unknown customer: %s", a.Body)
	}
}

func TestRedactNote(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	s.AddNote(opened, "Her card is 4111 1111 1111 1111.")
	note := s.OK(model.Agent, `{notes {nodes {id redactedAt}}}`, nil)
	if !note.Missing("notes.nodes.0.redactedAt") {
		t.Error("a new note is redacted")
	}
	s.OK(model.Manager, `mutation ($input: RedactNoteInput!) {redactNote(input: $input) {note {id} case {version}}}`,
		vars{"input": vars{"noteId": note.Text("notes.nodes.0.id"), "reason": "A card number."}})
	history := s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type note {body author {id} redactedAt} ... on CaseDetailsChanged {changed}}}}}}`, vars{"id": opened}).List("node.history.nodes")
	if e := history[1]; e.Text("type") != "NOTE_ADDED" || e.Text("note.body") != "(redacted) A card number." || e.Missing("note.redactedAt") || e.Text("note.author.id") != s.Users[model.Agent] {
		t.Errorf("the note's place: %v", e.V)
	}
	if e := history[2]; e.Text("changed.0") != "notes" {
		t.Errorf("the history ends with %v", e.V)
	}
	if strings.Contains(dump(s), "4111 1111") {
		t.Error("a dump still has the number")
	}
}
