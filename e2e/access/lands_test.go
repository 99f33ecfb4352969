package access

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// lands is a server with data in two halves: GB, which the scope shows, and BR, which the scope hides. Every text about a
// customer contains the name of its half, and the word "secret" if the text is personal.
type lands struct {
	*setup.Server
	customer map[string]string            // one customer of each half
	response map[string]string            // a response without a case
	opened   map[string]string            // a case that a response opened
	ids      map[string]map[string]string // type → id → half
	start    string                       // the cursor before anything happened
	last     string                       // the id of the last event, which is inland
}

const (
	inland, outland = "inland", "outland"
	secret          = "secret" // in every personal text
)

// personIn is the input of a customer with every field set. The number tells customers apart.
func personIn(half, country string, n int) vars {
	personal := func(what string) string { return fmt.Sprintf("%s %s %s %d", half, secret, what, n) }
	address := func(what string) string { return fmt.Sprintf("%s.%s.%s.%d@example.com", half, secret, what, n) }
	return vars{
		"externalId": personal("id"), "firstName": personal("first"), "lastName": personal("last"), "email": address("customer"),
		"phone": personal("phone"), "company": half + " company", "country": country, "segment": half + " segment", "lifetimeValue": "12.5",
		"accountManagerEmail": address("manager"), "agentEmail": address("agent"),
		"attributes": []vars{{"key": personal("key"), "value": personal("value")}},
	}
}

// submits submits a response with every field set, and returns the ids of the response and of its case.
func (w *lands) submits(half string, customer vars, score, n int) (response, opened string) {
	w.T.Helper()
	return w.Submit(vars{
		"externalId": fmt.Sprintf("%s %s response %d", half, secret, n), "customer": customer, "score": score,
		"survey": half + " survey", "comment": half + " " + secret + " comment", "drivers": []string{half + " driver"},
		"quoteConsent": true, "testimonialLikelihood": 0.5, "attributes": []vars{{"key": half + secret + " key", "value": half + secret + " value"}},
	})
}

// works does everything to a case that can be done, with texts of the half.
func (w *lands) works(half, id string) {
	w.T.Helper()
	word := half + " " + secret + " word"
	for name, input := range map[string]vars{
		"recordOutreach(input: $input) {case {id}}": {"caseId": id, "outreach": vars{"channel": "PHONE", "offer": "VOUCHER", "nextSurveyAt": "2030-01-01T00:00:00Z"}, "note": word},
		"recordReply(input: $input) {case {id}}":    {"caseId": id, "note": word, "improvement": word},
		"setRootCause(input: $input) {case {id}}":   {"caseId": id, "whys": []string{word}},
		"linkCase(input: $input) {case {id}}":       {"caseId": id, "system": half + secret, "externalId": word, "url": "https://" + half + "." + secret + ".example.com"},
		"assignCase(input: $input) {case {id}}":     {"caseId": id, "assigneeId": w.Users["named"], "note": word},
	} {
		field, _, _ := strings.Cut(name, "(")
		w.OK(model.Agent, `mutation ($input: `+strings.ToUpper(field[:1])+field[1:]+`Input!) {`+name+`}`, vars{"input": input})
	}
	w.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": id, "assigneeId": w.Users[model.Agent]}})
	w.AddNote(id, word)
	w.OK(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": id, "status": "CLOSED", "note": word}})
}

// opensByHand opens a case whose target passes at once.
func (w *lands) opensByHand(half string) string {
	w.T.Helper()
	return w.OK(model.Agent, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`, vars{"input": vars{
		"subject": vars{"customerId": w.customer[half]}, "note": half + " " + secret + " word", "assigneeId": w.Users[model.Manager], "followUpTarget": "PT0.000001S",
	}}).Text("openCase.case.id")
}

func newLands(t *testing.T, with ...setup.Options) *lands {
	t.Helper()
	w := &lands{Server: setup.NewServer(t, with...), customer: map[string]string{}, response: map[string]string{}, opened: map[string]string{}}
	w.AddRule(vars{"notify": []vars{{"kind": "ACCOUNT_MANAGER"}}, "escalations": []vars{{"after": "PT2S", "notify": []vars{{"kind": "ACCOUNT_MANAGER"}}}}})
	w.AddRule(vars{"enabled": false, "calendar": vars{"timeZone": "Europe/London", "hours": []vars{{"weekday": "MONDAY", "from": "09:00", "to": "17:00"}}},
		"escalations": []vars{{"after": "PT8H", "notify": []vars{{"kind": "CENTRAL"}}, "reassign": vars{"strategy": "USER", "userId": w.Users[model.Agent]}}}})
	for _, assignment := range []vars{
		{"strategy": "USER", "userId": w.Users[model.Agent], "fallbackUserId": w.Users[model.Manager]},
		{"strategy": "ROUND_ROBIN", "userIds": []string{w.Users[model.Agent]}},
	} {
		w.AddRule(vars{"enabled": false, "assignment": assignment, "notify": []vars{{"kind": "USER", "userId": w.Users[model.Agent]}, {"kind": "ADDRESS", "address": "desk@example.com"}}})
	}
	w.OK(model.Manager, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`, vars{"input": vars{"name": "Words", "keywords": []string{"comment"}, "applyToPast": true}})
	w.AddRule(vars{"name": "Somebody", "opensCase": false, "filter": vars{"customer": vars{"email": vars{"eq": "a." + secret + "@example.com"}}}})
	// The scope of this user contains a customer's data. Others who see the user in a case must not see the scope.
	w.AddUser("named", vars{"role": "AGENT", "scope": vars{
		"customer": vars{"company": vars{"eq": outland + secret}}, "response": vars{"comment": vars{"contains": outland + secret}}}})
	w.start = w.OK(model.Admin, `{cases(last: 1) {feedCursor}}`, nil).Text("cases.feedCursor")
	n := 0
	for half, country := range map[string]string{inland: "GB", outland: "BR"} {
		n++
		whose := personIn(half, country, n)
		_, w.opened[half] = w.submits(half, whose, 2, n)
		w.response[half], _ = w.submits(half, vars{"externalId": whose["externalId"]}, 9, n+10)
		w.customer[half] = w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {customer {id}}}}`, vars{"id": w.opened[half]}).Text("node.customer.id")
		w.submits(half, personIn(half, country, n+50), 8, n+50)
		w.works(half, w.opened[half])
		w.opensByHand(half)
		w.submits(half, personIn(half, country, n+50), 7, n+60) // in the passives queue
	}
	// One customer moves out of the scope and takes the notes along. Another moves in: earlier events stay hidden.
	leaving := personIn(outland, "GB", 21)
	_, left := w.submits(outland, leaving, 1, 21)
	w.AddNote(left, outland+" "+secret+" word")
	w.submits(outland, vars{"externalId": leaving["externalId"], "country": "BR"}, 10, 22)
	arriving := personIn(inland, "BR", 31)
	for _, field := range []string{"firstName", "lastName", "phone"} {
		arriving[field] = outland + " " + secret + " " + field
	}
	arriving["company"], arriving["segment"] = outland+" company", outland+" segment"
	_, came := w.submits(inland, arriving, 1, 31)
	w.AddNote(came, inland+" "+secret+" word")
	moved := personIn(inland, "GB", 31)
	delete(moved, "externalId")
	moved["customerId"] = w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {customer {id}}}}`, vars{"id": came}).Text("node.customer.id")
	w.OK(model.Agent, `mutation ($input: UpdateCustomerInput!) {updateCustomer(input: $input) {customer {id}}}`, vars{"input": moved})
	_, gone := w.submits(outland, personIn(outland, "BR", 41), 1, 41)
	w.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {customer {id}}}`, vars{"input": vars{
		"customerId": w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {customer {id}}}}`, vars{"id": gone}).Text("node.customer.id")}})
	w.timesPass()
	if _, err := w.App.DB.Pool.Exec(t.Context(), `UPDATE notifications SET attempts = 1, last_error = CASE WHEN "to" LIKE '%' || $1 || '%' THEN $1 ELSE $2 END || ' ' || $3`,
		outland, inland, secret); err != nil {
		t.Fatal(err)
	}
	w.AddNote(w.opened[inland], inland+" "+secret+" word")
	w.last = w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on Case {history(last: 1) {nodes {id}}}}}`, vars{"id": w.opened[inland]}).Text("node.history.nodes.0.id")
	w.readIDs()
	return w
}

// deliverAll gives a user a webhook with deliveries of all events, as if the user had been allowed to see them once.
func (w *lands) deliverAll(user string) {
	w.T.Helper()
	parsed, err := model.ParseID(user)
	if err != nil {
		w.T.Fatal(err)
	}
	hook := model.NewUUID()
	if _, err = w.App.DB.Pool.Exec(w.T.Context(), `INSERT INTO webhooks (id, url, owner_id, events, enabled, secret, position, created_at, updated_at)
		VALUES ($1, 'https://hooks.example.com/x', $2, '["OPENED"]', false, 'whsec_', 0, now(), now())`, hook, parsed.(model.UserID).UUID); err != nil {
		w.T.Fatal(err)
	}
	if _, err := w.App.DB.Pool.Exec(w.T.Context(), `INSERT INTO webhook_deliveries (id, webhook_id, event_id, case_id, position, status, attempts, created_at)
		SELECT gen_random_uuid(), $1, id, case_id, seq, 'FAILED', 1, now() FROM case_events`, hook); err != nil {
		w.T.Fatal(err)
	}
}

// timesPass waits until targets and escalation steps are due: targets pass at once, steps two seconds after the opening.
func (w *lands) timesPass() {
	w.T.Helper()
	for overdue, escalated, began := 0, 0, time.Now(); overdue < 2 || escalated < 2; time.Sleep(10 * time.Millisecond) {
		if time.Since(began) > setup.Patience {
			w.T.Fatalf("%d cases fell overdue, and %d steps were due", overdue, escalated)
		}
		if _, err := w.App.Work.MarkOverdue(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		if _, err := w.App.Work.Escalate(w.T.Context()); err != nil {
			w.T.Fatal(err)
		}
		err := w.App.DB.Pool.QueryRow(w.T.Context(), `SELECT count(*) FILTER (WHERE type = 'OVERDUE'), count(*) FILTER (WHERE type = 'ESCALATED') FROM case_events`).
			Scan(&overdue, &escalated)
		if err != nil {
			w.T.Fatal(err)
		}
	}
}

// readIDs notes of every object to which half it belongs. An event is inland if both its snapshot and its case as it is
// now are.
func (w *lands) readIDs() {
	w.T.Helper()
	w.ids = map[string]map[string]string{}
	add := func(kind, sql string, id func(uuid.UUID) fmt.Stringer) {
		rows, err := w.App.DB.Pool.Query(w.T.Context(), sql)
		if err != nil {
			w.T.Fatal(err)
		}
		defer rows.Close()
		if w.ids[kind] == nil {
			w.ids[kind] = map[string]string{}
		}
		for rows.Next() {
			var raw uuid.UUID
			var inside bool
			if err := rows.Scan(&raw, &inside); err != nil {
				w.T.Fatal(err)
			}
			w.ids[kind][id(raw).String()] = map[bool]string{true: inland, false: outland}[inside]
		}
	}
	add("Customer", `SELECT id, country = 'GB' FROM customers`, func(id uuid.UUID) fmt.Stringer { return model.CustomerID{UUID: id} })
	add("Response", `SELECT r.id, c.country = 'GB' FROM responses r JOIN customers c ON c.id = r.customer_id`, func(id uuid.UUID) fmt.Stringer { return model.ResponseID{UUID: id} })
	add("Case", `SELECT k.id, c.country = 'GB' FROM cases k JOIN customers c ON c.id = k.customer_id`, func(id uuid.UUID) fmt.Stringer { return model.CaseID{UUID: id} })
	add("Note", `SELECT n.id, c.country = 'GB' FROM notes n JOIN cases k ON k.id = n.case_id JOIN customers c ON c.id = k.customer_id`, func(id uuid.UUID) fmt.Stringer { return model.NoteID{UUID: id} })
	add("Notification", `SELECT n.id, c.country = 'GB' FROM notifications n LEFT JOIN cases k ON k.id = n.case_id LEFT JOIN responses r ON r.id = n.response_id
		JOIN customers c ON c.id = coalesce(k.customer_id, r.customer_id)`,
		func(id uuid.UUID) fmt.Stringer { return model.NotificationID{UUID: id} })
	add("CaseEvent", `SELECT e.id, c.country = 'GB' AND e.snapshot->'customer'->>'country' = 'GB' FROM case_events e JOIN cases k ON k.id = e.case_id
		JOIN customers c ON c.id = k.customer_id`, func(id uuid.UUID) fmt.Stringer { return model.EventID{UUID: id} })
	add("User", `SELECT id, true FROM users`, func(id uuid.UUID) fmt.Stringer { return model.UserID{UUID: id} })
	add("Rule", `SELECT id, true FROM rules`, func(id uuid.UUID) fmt.Stringer { return model.RuleID{UUID: id} })
	for kind, ids := range w.ids {
		if kind == "User" || kind == "Rule" { // users and rules belong to the company: no scope hides them
			continue
		}
		halves := map[string]int{}
		for _, half := range ids {
			halves[half]++
		}
		if halves[inland] == 0 || halves[outland] == 0 {
			w.T.Fatalf("of type %s there are %v", kind, halves)
		}
	}
}
