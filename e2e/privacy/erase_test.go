package privacy

import (
	"encoding/hex"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// herWords are texts that identify Penelope, in lower case.
var herWords = []string{"penelope", "quixano", "5550199", "crm-4711", "survey-0815", "windmill", "seat 7a", "ticket-99"}

// addPenelope makes a customer with two responses, and does everything to her case that can be done. Her name is in every
// text.
func addPenelope(s *setup.Server) (customer, opened string) {
	s.T.Helper()
	who := vars{
		"externalId": "crm-4711", "firstName": "Penelope", "lastName": "Quixano", "email": "Penelope@Windmill.example", "phone": "+34 5550199",
		"company": "Windmill SL", "country": "ES", "segment": "gold", "lifetimeValue": "1234.50", "accountManagerEmail": "manager@example.com",
		"agentEmail": "agent-of-windmill@example.com", "attributes": []vars{{"key": "penelope", "value": "seat 7A"}},
	}
	response, opened := s.Submit(vars{
		"externalId": "survey-0815", "score": 2, "comment": "I am Penelope Quixano, of Windmill.", "survey": "spring", "contactRequested": true,
		"drivers": []string{"Price", "Other: call Penelope"}, "attributes": []vars{{"key": "Name", "value": "Quixano"}}, "customer": who,
	})
	who["company"] = "Quixano Ltd" // the log keeps the previous value
	s.Submit(vars{"externalId": "survey-0815-2", "score": 9, "comment": "Penelope again.", "customer": who})
	customer = s.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).Text("node.customer.id")
	s.OK(model.Manager, `mutation ($change: UpdateCustomerInput!, $assign: AssignCaseInput!, $note: AddNoteInput!, $call: RecordOutreachInput!,
		$reply: RecordReplyInput!, $why: SetRootCauseInput!, $link: LinkCaseInput!, $open: OpenCaseInput!) {
		updateCustomer(input: $change) {customer {id}} assignCase(input: $assign) {case {id}} addNote(input: $note) {note {id}}
		recordOutreach(input: $call) {case {id}} recordReply(input: $reply) {case {id}} setRootCause(input: $why) {case {id}}
		linkCase(input: $link) {case {id}} openCase(input: $open) {case {id}}}`, vars{
		"change": vars{"customerId": customer, "email": "p.quixano@new.example"},
		"assign": vars{"caseId": opened, "assigneeId": s.Users[model.Agent], "note": "You know Penelope."},
		"note":   vars{"caseId": opened, "body": "Write to penelope@windmill.example or call +34 5550199."},
		"call":   vars{"caseId": opened, "outreach": vars{"channel": "PHONE"}, "note": "Quixano picked up."},
		"reply":  vars{"caseId": opened, "improvement": "Give Penelope her seat 7A.", "note": "So she wrote."},
		"why":    vars{"caseId": opened, "whys": []string{"Penelope sat elsewhere.", "The seat was sold twice."}},
		"link":   vars{"caseId": opened, "system": "tickets", "externalId": "TICKET-99", "url": "https://tickets.example.com/penelope"},
		"open":   vars{"subject": vars{"customerId": customer}, "note": "Penelope called again.", "assigneeId": s.Users[model.Manager]},
	})
	s.ChangeStatus(opened, model.InProgress)
	return customer, opened
}

func erase(s *setup.Server, customer string) setup.Tree {
	s.T.Helper()
	return s.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {responsesKept
		customer {id displayName firstName email company country segment lifetimeValue erasedAt attributes {key} responses {totalCount} cases {totalCount}}}}`,
		vars{"input": vars{"customerId": customer}}).At("eraseCustomer")
}

// dump is the whole database as text: the output of pg_dump, and every row of every table, those of the job queue
// included. Binary columns are in hex.
func dump(s *setup.Server) string {
	s.T.Helper()
	var all strings.Builder
	rows, _ := s.App.DB.Pool.Query(s.T.Context(), `SELECT quote_ident(table_schema) || '.' || quote_ident(table_name) FROM information_schema.tables
		WHERE table_schema NOT IN ('pg_catalog', 'information_schema') AND table_type = 'BASE TABLE'`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 20 {
		s.T.Fatal(tables, err)
	}
	for _, table := range tables {
		rows, _ := s.App.DB.Pool.Query(s.T.Context(), "SELECT x::text FROM "+table+" x")
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			s.T.Fatal(table, err)
		}
		all.WriteString(table + "\n" + strings.Join(lines, "\n") + "\n")
	}
	if program := pgDump(); program != "" {
		out, err := exec.CommandContext(s.T.Context(), program, "--inserts", "--dbname", pgtest.URL(s.T, s.App.DB)).Output()
		if err != nil || len(out) < 10_000 {
			s.T.Fatalf("%s: %v, %d bytes", program, err, len(out))
		}
		all.Write(out)
	} else {
		s.T.Log("there is no pg_dump here; the rows are looked at without it")
	}
	return strings.ToLower(all.String())
}

// pgDump is the path of the newest pg_dump, which can read every server that the tests start, or "".
func pgDump() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/pg_dump")
	slices.SortFunc(found, func(a, b string) int { return len(a) - len(b) + strings.Compare(a, b) })
	if len(found) > 0 {
		return found[len(found)-1]
	}
	path, _ := exec.LookPath("pg_dump")
	return path
}

// mentions are the words that occur in a lower-case text, as they are or in hex.
func mentions(text string, words []string) (found []string) {
	for _, word := range words {
		if strings.Contains(text, word) || strings.Contains(text, hex.EncodeToString([]byte(word))) {
			found = append(found, word)
		}
	}
	return found
}

func TestErase(t *testing.T) {
	t.Parallel()
	t.Run("leaves nothing in a dump of the database or in waiting mails", func(t *testing.T) {
		t.Parallel()
		server := setup.NewMailServer(t)
		server.Listen()
		s := setup.NewServer(t, setup.Options{SMTPURL: server.URL})
		s.AddRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}, {"kind": "ACCOUNT_MANAGER"}}})
		customer, opened := addPenelope(s)
		for _, m := range server.Await(4) {
			if len(mentions(strings.ToLower(m.Subject+m.Body), herWords)) == 0 {
				t.Errorf("a mail that does not name her: %+v", m)
			}
		}
		if err := s.App.Jobs.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.OK(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`,
			vars{"input": vars{"caseId": opened, "assigneeId": s.Users[model.Admin]}}) // this queues a mail
		if found := mentions(dump(s), herWords); len(found) != len(herWords) {
			t.Fatalf("before, a dump has %v alone", found)
		}

		done := erase(s, customer)
		for path, want := range map[string]any{
			"responsesKept": 2.0, "customer.id": customer, "customer.firstName": nil, "customer.email": nil, "customer.company": nil, "customer.country": "ES",
			"customer.segment": "gold", "customer.lifetimeValue": "1234.5", "customer.responses.totalCount": 2.0, "customer.cases.totalCount": 2.0,
		} {
			if got := done.At(path).V; got != want {
				t.Errorf("%s is %v, not %v", path, got, want)
			}
		}
		if done.Missing("customer.erasedAt") || !regexp.MustCompile(`^Customer \d+$`).MatchString(done.Text("customer.displayName")) || len(done.List("customer.attributes")) > 0 {
			t.Errorf("the customer is %v", done.V)
		}
		text := dump(s)
		if found := mentions(text, herWords); len(found) > 0 {
			for _, word := range found {
				at := strings.Index(text, word)
				t.Errorf("a dump still has %q: …%s…", word, text[max(0, at-300):min(len(text), at+100)])
			}
		}

		mail, err := notify.New(s.App.DB, notify.Options{SMTPURL: server.URL, From: "care@example.com", PublicURL: "https://closeloop.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		jobs, err := job.NewRuntime(s.App.DB.Pool, job.RuntimeOptions{}, mail.Workers)
		if err != nil {
			t.Fatal(err)
		}
		jobs.Start(t.Context())
		defer func() { _ = jobs.Stop(t.Context()) }()
		m := server.Await(1)[0]
		if m.To != "admin@example.com" || len(mentions(strings.ToLower(m.Subject+m.Body), herWords)) > 0 || !strings.Contains(m.Subject, "Customer ") {
			t.Errorf("the mail that was queued: %+v", m)
		}
		if again := erase(s, customer); asText(t, again.V) != asText(t, done.V) {
			t.Errorf("erasing again answers %v", again.V)
		}
	})

	t.Run("tells subscribers, who see nothing of the customer afterwards", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		start := s.Cursor()
		const seen = `__typename type cursor actor {id} note {body} snapshot {caseId version comment customerName company country score}
		case {id version rootCause externalRefs {id} customer {displayName email erasedAt} notes {nodes {body redactedAt}}}
		... on CustomerReplied {improvement} ... on RootCauseSet {whys}`
		watching := s.Watch(model.Partner, `(after: "`+s.Cursor()+`", filter: {customer: {company: {in: ["Windmill SL", "Quixano Ltd"]}}})`, seen)
		customer, _ := addPenelope(s)
		known := s.Events()
		for range known {
			if e := watching.Next(); !strings.Contains(strings.ToLower(asText(t, e.V)), "quixano") {
				t.Fatalf("before, she is not in %v", e.V)
			}
		}
		erase(s, customer)
		for range 2 { // one event for each of her cases
			edge := watching.NextEdge()
			e := edge.At("node")
			if e.Text("__typename") != "CustomerErased" || edge.Bool("matches") || e.Text("actor.id") != s.Users[model.Admin] || e.Missing("case.customer.erasedAt") {
				t.Errorf("the subscriber gets %v", e.V)
			}
			if found := mentions(strings.ToLower(asText(t, e.V)), herWords); len(found) > 0 {
				t.Errorf("it has %v: %v", found, e.V)
			}
		}

		whole := s.Events()
		if len(whole) != len(known)+2 {
			t.Fatalf("%d events, then %d", len(known), len(whole))
		}
		for i, e := range known {
			if e.Text("id") != whole[i].Text("id") || e.Text("cursor") != whole[i].Text("cursor") {
				t.Errorf("event %d has moved: %v, then %v", i, e.V, whole[i].V)
			}
		}
		replay := s.Watch(model.Partner, `(after: "`+start+`")`, seen)
		for i := range whole {
			e := replay.Next()
			if e.Text("cursor") != whole[i].Text("cursor") {
				t.Errorf("the replay has another order at %d", i)
			}
			if found := mentions(strings.ToLower(asText(t, e.V)), herWords); len(found) > 0 {
				t.Errorf("the replay has %v in event %d: %v", found, i, e.V)
			}
		}
		all := s.OK(model.Manager, `{caseEvents(first: 100) {nodes {`+seen+`}} responses {nodes {externalId comment drivers attributes {key value} survey score}}
		customers {nodes {displayName email phone}} notes {nodes {body}} cases {nodes {externalRefs {id} rootCause history {nodes {note {body}}} notifications {to}}}}`, nil)
		if found := mentions(strings.ToLower(all.Body), herWords); len(found) > 0 {
			t.Errorf("the lists have %v", found)
		}
	})

	// Equal subscriptions are executed once, and the last results are cached for subscribers who join later.
	t.Run("gives a later subscriber nothing from before", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		start := s.Cursor()
		join := func() *setup.Socket {
			c := s.SignIn(s.Tokens[model.Agent])
			c.Send(vars{"id": "1", "type": "subscribe", "payload": vars{"variables": vars{"after": start}, "query": `subscription ($after: String) {
			caseEvents(after: $after, types: [OPENED]) {node {type cursor note {body} snapshot {customerName company comment}}}}`}})
			return c
		}
		first := join()
		erased := s.Watch(model.Agent, `(after: "`+s.Cursor()+`", types: [CUSTOMER_ERASED])`, "type")
		customer, _ := addPenelope(s)
		for range 2 {
			if e := first.Next(); len(mentions(strings.ToLower(asText(t, e.V)), herWords)) == 0 {
				t.Fatalf("before, she is not in %v", e.V)
			}
		}
		erase(s, customer)
		erased.Next() // now the server's followers have the event
		second := join()
		for range 2 {
			e := second.Next()
			if found := mentions(strings.ToLower(asText(t, e.V)), herWords); len(found) > 0 || e.Text("type") != "OPENED" {
				t.Errorf("who joins gets %v: %v", found, e.V)
			}
		}
		s.Submit(nil)
		for _, c := range []*setup.Socket{first, second} {
			if e := c.Next(); e.Text("snapshot.customerName") != "Ana" {
				t.Errorf("then comes %v", e.V)
			}
		}
	})

	t.Run("keeps the figures", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		customer, _ := addPenelope(s)
		s.Submit(vars{"score": 1, "customer": vars{"country": "PT"}})
		const figures = `{caseSummary {open inProgress closed total overdue}
		spain: caseSummary(filter: {customer: {country: {eq: "ES"}}, response: {score: {lte: 6}}}) {open inProgress total}
		gold: cases(filter: {customer: {segment: {eq: "Gold"}}}) {totalCount} rich: cases(orderBy: [{field: OPENED_AT, direction: ASC}]) {nodes {number status openedAt dueAt firstFollowUpAt firstContactAt reopenCount}}
		detractors: responses(filter: {category: [DETRACTOR], customer: {country: {eq: "ES"}}}) {totalCount nodes {score category survey contactRequested respondedAt receivedAt contactStatus}}
		promoters: responses(filter: {category: [PROMOTER]}) {totalCount} customers {totalCount} rules {matchCount}}`
		before := s.OK(model.Manager, figures, nil)
		if before.Number("spain.total") != 1 || before.Number("gold.totalCount") != 2 || before.Number("detractors.totalCount") != 1 {
			t.Fatalf("the figures are of nothing: %s", before.Body)
		}
		erase(s, customer)
		if after := s.OK(model.Manager, figures, nil); !reflect.DeepEqual(after.V, before.V) {
			t.Errorf("before: %s\nafter:  %s", before.Body, after.Body)
		}
	})
}

func asText(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
