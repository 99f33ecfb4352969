package main

import (
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// theirs are the words by which Penelope is known, in small letters.
var theirs = []string{"penelope", "quixano", "5550199", "crm-4711", "survey-0815", "windmill", "seat 7a", "ticket-99"}

// lives has a customer answer, twice; the case is worked on in every way there is, and her name is everywhere.
func (s *testServer) lives() (customer, opened string) {
	s.t.Helper()
	who := vars{
		"externalId": "crm-4711", "firstName": "Penelope", "lastName": "Quixano", "email": "Penelope@Windmill.example", "phone": "+34 5550199",
		"company": "Windmill SL", "country": "ES", "segment": "gold", "lifetimeValue": "1234.50", "accountManagerEmail": "manager@example.com",
		"agentEmail": "agent-of-windmill@example.com", "attributes": []vars{{"key": "penelope", "value": "seat 7A"}},
	}
	response, opened := s.submitted(vars{
		"externalId": "survey-0815", "score": 2, "comment": "I am Penelope Quixano, of Windmill.", "survey": "spring", "contactRequested": true,
		"drivers": []string{"Price", "Other: call Penelope"}, "attributes": []vars{{"key": "Name", "value": "Quixano"}}, "customer": who,
	})
	who["company"] = "Quixano Ltd" // the log keeps what was before
	s.submitted(vars{"externalId": "survey-0815-2", "score": 9, "comment": "Penelope again.", "customer": who})
	customer = s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).text("node.customer.id")
	s.ok(model.Manager, `mutation ($change: UpdateCustomerInput!, $assign: AssignCaseInput!, $note: AddNoteInput!, $call: RecordOutreachInput!,
		$reply: RecordReplyInput!, $why: SetRootCauseInput!, $link: LinkCaseInput!, $open: OpenCaseInput!) {
		updateCustomer(input: $change) {customer {id}} assignCase(input: $assign) {case {id}} addNote(input: $note) {note {id}}
		recordOutreach(input: $call) {case {id}} recordReply(input: $reply) {case {id}} setRootCause(input: $why) {case {id}}
		linkCase(input: $link) {case {id}} openCase(input: $open) {case {id}}}`, vars{
		"change": vars{"id": customer, "email": "p.quixano@new.example"},
		"assign": vars{"caseId": opened, "assigneeId": s.users[model.Agent], "note": "You know Penelope."},
		"note":   vars{"caseId": opened, "body": "Write to penelope@windmill.example or call +34 5550199."},
		"call":   vars{"caseId": opened, "outreach": vars{"channel": "PHONE"}, "note": "Quixano picked up."},
		"reply":  vars{"caseId": opened, "improvement": "Give Penelope her seat 7A.", "note": "So she wrote."},
		"why":    vars{"caseId": opened, "whys": []string{"Penelope sat elsewhere.", "The seat was sold twice."}},
		"link":   vars{"caseId": opened, "system": "tickets", "id": "TICKET-99", "url": "https://tickets.example.com/penelope"},
		"open":   vars{"customerId": customer, "note": "Penelope called again.", "assigneeId": s.users[model.Manager]},
	})
	s.move(opened, model.InProgress)
	return customer, opened
}

func (s *testServer) erase(customer string) tree {
	s.t.Helper()
	return s.ok(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {responsesKept
		customer {id displayName firstName email company country segment lifetimeValue erasedAt attributes {key} responses {totalCount} cases {totalCount}}}}`,
		vars{"input": vars{"customerId": customer}}).at("eraseCustomer")
}

// dump is the whole database as text: what pg_dump writes, and every row of every table, the queue's too. Bytes are
// written in hex there, so that a word in them would be, too.
func (s *testServer) dump() string {
	s.t.Helper()
	var all strings.Builder
	rows, _ := s.app.DB.Pool.Query(s.t.Context(), `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		s.t.Fatal(tables, err)
	}
	for _, table := range tables {
		rows, _ := s.app.DB.Pool.Query(s.t.Context(), "SELECT x::text FROM "+table+" x")
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			s.t.Fatal(table, err)
		}
		all.WriteString(table + "\n" + strings.Join(lines, "\n") + "\n")
	}
	if program := pgDump(); program != "" {
		out, err := exec.CommandContext(s.t.Context(), program, "--inserts", "--dbname", pgtest.URL(s.t, s.app.DB)).Output()
		if err != nil || len(out) < 10_000 {
			s.t.Fatalf("%s: %v, %d bytes", program, err, len(out))
		}
		all.Write(out)
	} else {
		s.t.Log("there is no pg_dump here; the rows are looked at without it")
	}
	return strings.ToLower(all.String())
}

// pgDump is the newest one, which reads any server that the tests start; empty where there is none.
func pgDump() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, _ := exec.LookPath("pg_dump")
	return path
}

// mentions are the words, or their bytes in hex, that a text in small letters has.
func mentions(text string, words []string) (found []string) {
	for _, word := range words {
		if strings.Contains(text, word) || strings.Contains(text, hex.EncodeToString([]byte(word))) {
			found = append(found, word)
		}
	}
	return found
}

func TestAnErasedCustomerIsInNoDumpOfTheDatabaseAndInNoMailThatStillWaits(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	server.listen()
	s := newServer(t, settings{smtpURL: server.url})
	s.addRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}, {"kind": "ACCOUNT_MANAGER"}}})
	customer, opened := s.lives()
	for _, m := range server.await(4) {
		if len(mentions(strings.ToLower(m.subject+m.body), theirs)) == 0 {
			t.Errorf("a mail that does not name her: %+v", m)
		}
	}
	if err := s.app.Mailer.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ok(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": opened, "assigneeId": s.users[model.Admin]}}) // its mail is queued
	if found := mentions(s.dump(), theirs); len(found) != len(theirs) {
		t.Fatalf("before, a dump has %v alone", found)
	}

	done := s.erase(customer)
	for path, want := range map[string]any{
		"responsesKept": 2.0, "customer.id": customer, "customer.firstName": nil, "customer.email": nil, "customer.company": nil, "customer.country": "ES",
		"customer.segment": "gold", "customer.lifetimeValue": "1234.5", "customer.responses.totalCount": 2.0, "customer.cases.totalCount": 2.0,
	} {
		if got := done.at(path).v; got != want {
			t.Errorf("%s is %v, not %v", path, got, want)
		}
	}
	if done.missing("customer.erasedAt") || !regexp.MustCompile(`^Customer \d+$`).MatchString(done.text("customer.displayName")) || len(done.list("customer.attributes")) > 0 {
		t.Errorf("the customer is %v", done.v)
	}
	text := s.dump()
	if found := mentions(text, theirs); len(found) > 0 {
		for _, word := range found {
			at := strings.Index(text, word)
			t.Errorf("a dump still has %q: …%s…", word, text[max(0, at-300):min(len(text), at+100)])
		}
	}

	mail, err := notify.New(s.app.DB, notify.Options{SMTPURL: server.url, From: "care@example.com", PublicURL: "https://closeloop.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	if err := mail.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mail.Stop(t.Context()) }()
	m := server.await(1)[0]
	if m.to != "admin@example.com" || len(mentions(strings.ToLower(m.subject+m.body), theirs)) > 0 || !strings.Contains(m.subject, "Customer ") {
		t.Errorf("the mail that was queued: %+v", m)
	}
	if again := s.erase(customer); asText(t, again.v) != asText(t, done.v) {
		t.Errorf("erasing again answers %v", again.v)
	}
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSubscribersHearThatACustomerIsErasedAndSeeNothingOfThemAfterwards(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	start := s.place()
	const seen = `__typename type cursor matches actor {id} note {body} snapshot {caseId version comment customerName company country score}
		case {id version rootCause externalRefs {id} customer {displayName email erasedAt} notes {nodes {body redactedAt}}}
		... on CustomerReplied {improvement} ... on RootCauseSet {whys}`
	watching := s.watch(model.Partner, `(after: "`+s.place()+`", filter: {customer: {company: {in: ["Windmill SL", "Quixano Ltd"]}}})`, seen)
	customer, _ := s.lives()
	known := s.feed()
	for range known {
		if e := watching.next(); !strings.Contains(strings.ToLower(asText(t, e.v)), "quixano") {
			t.Fatalf("before, she is not in %v", e.v)
		}
	}
	s.erase(customer)
	for range 2 { // one for each of her cases
		e := watching.next()
		if e.text("__typename") != "CustomerErased" || e.truth("matches") || e.text("actor.id") != s.users[model.Admin] || e.missing("case.customer.erasedAt") {
			t.Errorf("the subscriber gets %v", e.v)
		}
		if found := mentions(strings.ToLower(asText(t, e.v)), theirs); len(found) > 0 {
			t.Errorf("it has %v: %v", found, e.v)
		}
	}

	whole := s.feed()
	if len(whole) != len(known)+2 {
		t.Fatalf("%d events, then %d", len(known), len(whole))
	}
	for i, e := range known {
		if e.text("id") != whole[i].text("id") || e.text("cursor") != whole[i].text("cursor") {
			t.Errorf("event %d has moved: %v, then %v", i, e.v, whole[i].v)
		}
	}
	replay := s.watch(model.Partner, `(after: "`+start+`")`, seen)
	for i := range whole {
		e := replay.next()
		if e.text("cursor") != whole[i].text("cursor") {
			t.Errorf("the replay has another order at %d", i)
		}
		if found := mentions(strings.ToLower(asText(t, e.v)), theirs); len(found) > 0 {
			t.Errorf("the replay has %v in event %d: %v", found, i, e.v)
		}
	}
	all := s.ok(model.Manager, `{caseEvents(first: 100) {nodes {`+seen+`}} responses {nodes {externalId comment drivers attributes {key value} survey score}}
		customers {nodes {displayName email phone}} notes {nodes {body}} cases {nodes {externalRefs {id} rootCause history {nodes {note {body}}} notifications {to}}}}`, nil)
	if found := mentions(strings.ToLower(all.body), theirs); len(found) > 0 {
		t.Errorf("the lists have %v", found)
	}
}

// Equal subscriptions are executed once, and what was said last is kept for who joins.
func TestWhoJoinsASubscriptionAfterwardsIsNotGivenWhatItSaidBefore(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	start := s.place()
	join := func() *socket {
		c := s.signedIn(s.tokens[model.Agent])
		c.send(vars{"id": "1", "type": "subscribe", "payload": vars{"variables": vars{"after": start}, "query": `subscription ($after: String) {
			caseEvents(after: $after, types: [OPENED]) {type cursor note {body} snapshot {customerName company comment}}}`}})
		return c
	}
	first := join()
	erased := s.watch(model.Agent, `(after: "`+s.place()+`", types: [CUSTOMER_ERASED])`, "type")
	customer, _ := s.lives()
	for range 2 {
		if e := first.next(); len(mentions(strings.ToLower(asText(t, e.v)), theirs)) == 0 {
			t.Fatalf("before, she is not in %v", e.v)
		}
	}
	s.erase(customer)
	erased.next() // now this server knows
	second := join()
	for range 2 {
		e := second.next()
		if found := mentions(strings.ToLower(asText(t, e.v)), theirs); len(found) > 0 || e.text("type") != "OPENED" {
			t.Errorf("who joins gets %v: %v", found, e.v)
		}
	}
	s.submitted(nil)
	for _, c := range []*socket{first, second} {
		if e := c.next(); e.text("snapshot.customerName") != "Ana" {
			t.Errorf("then comes %v", e.v)
		}
	}
}

func TestFiguresAreTheSameBeforeAndAfterErasing(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	customer, _ := s.lives()
	s.submitted(vars{"score": 1, "customer": vars{"country": "PT"}})
	const figures = `{caseSummary {open inProgress closed total overdue}
		spain: caseSummary(filter: {customer: {country: {eq: "ES"}}, response: {score: {lte: 6}}}) {open inProgress total}
		gold: cases(filter: {customer: {segment: {eq: "Gold"}}}) {totalCount} rich: cases(orderBy: [{field: OPENED_AT, direction: ASC}]) {nodes {number status openedAt dueAt firstFollowUpAt firstContactAt reopenCount}}
		detractors: responses(filter: {category: [DETRACTOR], customer: {country: {eq: "ES"}}}) {totalCount nodes {score category survey contactRequested respondedAt receivedAt contactStatus}}
		promoters: responses(filter: {category: [PROMOTER]}) {totalCount} customers {totalCount} rules {matchCount}}`
	before := s.ok(model.Manager, figures, nil)
	if before.number("spain.total") != 1 || before.number("gold.totalCount") != 2 || before.number("detractors.totalCount") != 1 {
		t.Fatalf("the figures are of nothing: %s", before.body)
	}
	s.erase(customer)
	if after := s.ok(model.Manager, figures, nil); after.body != before.body {
		t.Errorf("before: %s\nafter:  %s", before.body, after.body)
	}
}

func TestAnExportHasAllThatIsKeptAboutOneCustomerAndNothingOfAnother(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}})
	theme := model.NewUUID()
	customer, opened := s.lives()
	if _, err := s.app.DB.Pool.Exec(t.Context(), `INSERT INTO themes (id, name, name_fold, created_at, updated_at) VALUES ($1, 'Seats', 'seats', now(), now())`, theme); err != nil {
		t.Fatal(err)
	}
	if _, err := s.app.DB.Pool.Exec(t.Context(), `INSERT INTO response_themes SELECT id, $1, true FROM responses WHERE external_id = 'survey-0815'`, theme); err != nil {
		t.Fatal(err)
	}
	_, other := s.submitted(vars{"comment": "I am somebody else.", "customer": vars{"firstName": "Sancho"}})
	s.note(other, "Sancho waits.")
	const ask = `query ($id: ID!) {exportCustomer(id: $id)}`
	got := s.ok(model.Admin, ask, vars{"id": customer})
	for path, want := range map[string]any{
		"customer.id": customer, "customer.email": "p.quixano@new.example", "customer.phone": "+34 5550199", "customer.externalId": "crm-4711",
		"customer.lifetimeValue": "1234.5", "customer.attributes.penelope": "seat 7A", "responses.0.externalId": "survey-0815",
		"responses.0.comment": "I am Penelope Quixano, of Windmill.", "responses.0.attributes.Name": "Quixano", "responses.0.themes.0": "Seats",
		"responses.0.drivers.1": "Other: call Penelope", "responses.1.score": 9.0, "cases.0.id": opened, "cases.0.status": "IN_PROGRESS",
		"cases.0.rootCause.0": "Penelope sat elsewhere.", "cases.0.externalRefs.0.id": "TICKET-99", "cases.0.notes.0.body": "You know Penelope.",
		"cases.0.history.0.type": "OPENED", "cases.1.notes.0.body": "Penelope called again.", "mails.0.kind": "NEW_RESPONSE", "mails.0.status": "QUEUED",
	} {
		if have := got.at("exportCustomer." + path).v; have != want {
			t.Errorf("%s is %v, not %v", path, have, want)
		}
	}
	facts := asText(t, got.at("exportCustomer.cases.0.history").v)
	for _, fact := range []string{`"channel":"PHONE"`, `"improvement":"Give Penelope her seat 7A."`, `"whys":["Penelope sat elsewhere."`, `"previousStatus":"OPEN"`} {
		if !strings.Contains(facts, fact) {
			t.Errorf("the history lacks %s: %s", fact, facts)
		}
	}
	if _, err := time.Parse(time.RFC3339, got.text("exportCustomer.exportedAt")); err != nil {
		t.Error(err)
	}
	for _, foreign := range []string{"Sancho", "somebody else", "desk@example.com", s.users[model.Agent]} {
		if strings.Contains(got.body, foreign) {
			t.Errorf("%q is handed out", foreign)
		}
	}
	s.erase(customer)
	left := s.ok(model.Admin, ask, vars{"id": customer})
	if found := mentions(strings.ToLower(left.body), theirs); len(found) > 0 || len(left.list("exportCustomer.cases")) != 2 {
		t.Errorf("after erasing, an export has %v: %s", found, left.body)
	}
	if a := s.gql(model.Admin, ask, vars{"id": opened}); a.code() != "BAD_USER_INPUT" || a.errors[0].argument() != "id" {
		t.Errorf("a case's id: %s", a.body)
	}
	nobody := model.CustomerID{UUID: model.NewUUID()}.String()
	if a := s.gql(model.Admin, ask, vars{"id": nobody}); len(a.errors) > 0 || !a.missing("exportCustomer") {
		t.Errorf("nobody's export: %s", a.body)
	}
}

func TestARedactedNoteStaysInTheHistory(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	s.note(opened, "Her card is 4111 1111 1111 1111.")
	note := s.ok(model.Agent, `{notes {nodes {id redactedAt}}}`, nil)
	if !note.missing("notes.nodes.0.redactedAt") {
		t.Error("a new note is redacted")
	}
	s.ok(model.Manager, `mutation ($input: RedactNoteInput!) {redactNote(input: $input) {note {id} case {version}}}`,
		vars{"input": vars{"noteId": note.text("notes.nodes.0.id"), "reason": "A card number."}})
	history := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {type note {body author {id} redactedAt} ... on CaseDetailsChanged {changed}}}}}}`, vars{"id": opened}).list("node.history.nodes")
	if e := history[1]; e.text("type") != "NOTE_ADDED" || e.text("note.body") != "(redacted) A card number." || e.missing("note.redactedAt") || e.text("note.author.id") != s.users[model.Agent] {
		t.Errorf("the note's place: %v", e.v)
	}
	if e := history[2]; e.text("changed.0") != "notes" {
		t.Errorf("the history ends with %v", e.v)
	}
	if strings.Contains(s.dump(), "4111") {
		t.Error("a dump still has the number")
	}
}
