package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/closeloop/closeloop/model"
)

// place is where the feed stands now.
func (s *testServer) place() string {
	s.t.Helper()
	return s.ok(model.Agent, `{cases(first: 1) {feedCursor}}`, nil).text("cases.feedCursor")
}

// log is the whole feed as the list gives it.
func (s *testServer) feed() (events []tree) {
	s.t.Helper()
	for after, more := any(nil), true; more; {
		page := s.ok(model.Agent, `query ($after: String) {caseEvents(first: 100, after: $after) {nodes {id cursor type snapshot {caseId version}} pageInfo {hasNextPage endCursor}}}`, vars{"after": after})
		events = append(events, page.list("caseEvents.nodes")...)
		after, more = page.text("caseEvents.pageInfo.endCursor"), page.truth("caseEvents.pageInfo.hasNextPage")
	}
	return events
}

func ids(events []tree) []string {
	list := make([]string, len(events))
	for i, e := range events {
		list[i] = e.text("id")
	}
	return list
}

func TestSubscribersSeeCasesEnterAndLeaveInOrder(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(vars{"assignment": vars{"strategy": "USER", "userId": s.users[model.Agent]}})
	s.submitted(nil) // before anybody watches
	start := `after: "` + s.place() + `"`
	const seen = `__typename id type cursor matches at actor {id} note {body} case {id version status} snapshot {caseId number version status score category customerName assigneeId}`
	watchers := map[string]*socket{
		"everything":        s.watch(model.Agent, `(`+start+`)`, seen),
		"open ones":         s.watch(model.Agent, `(`+start+`, filter: {status: [OPEN], response: {score: {lte: 6}}})`, seen),
		"the agent's own":   s.watch(model.Agent, `(`+start+`, filter: {mine: true})`, seen),
		"the manager's own": s.watch(model.Manager, `(`+start+`, filter: {mine: true})`, seen),
		"two types":         s.watch(model.Partner, `(`+start+`, types: [ASSIGNED, NOTE_ADDED])`, seen),
		"customers in BR":   s.watch(model.Stakeholder, `(`+start+`, filter: {customer: {country: {eq: "br"}}})`, seen),
	}
	_, opened := s.submitted(vars{"customer": vars{"externalId": "ana", "firstName": "Ana"}})
	s.move(opened, model.InProgress)
	s.note(opened, "Between.")
	s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.users[model.Manager], "note": "Yours."}})
	s.submitted(vars{"score": 9, "customer": vars{"externalId": "ana", "country": "BR"}})
	s.move(opened, model.Open)
	s.submitted(vars{"score": 9, "customer": vars{"externalId": "ana", "country": "DE"}})

	all := "OPENED 1 | ASSIGNED 2 | STATUS_CHANGED 3 | NOTE_ADDED 4 | ASSIGNED 5 | DETAILS_CHANGED 6 | STATUS_CHANGED 7 | DETAILS_CHANGED 8"
	for who, want := range map[string]string{
		"everything":        all,
		"open ones":         "OPENED 1 | ASSIGNED 2 | STATUS_CHANGED 3 left | STATUS_CHANGED 7 | DETAILS_CHANGED 8",
		"the agent's own":   "ASSIGNED 2 | STATUS_CHANGED 3 | NOTE_ADDED 4 | ASSIGNED 5 left",
		"the manager's own": "ASSIGNED 5 | DETAILS_CHANGED 6 | STATUS_CHANGED 7 | DETAILS_CHANGED 8",
		"two types":         "ASSIGNED 2 | NOTE_ADDED 4 | ASSIGNED 5",
		"customers in BR":   "DETAILS_CHANGED 6 | STATUS_CHANGED 7 | DETAILS_CHANGED 8 left",
	} {
		var got []string
		var events []tree
		for range strings.Count(want, "|") + 1 {
			e := watchers[who].next()
			line := fmt.Sprint(e.text("type"), " ", e.number("snapshot.version"))
			if !e.truth("matches") {
				line += " left"
			}
			got, events = append(got, line), append(events, e)
			if e.text("snapshot.caseId") != opened || e.text("case.id") != opened || e.number("case.version") < e.number("snapshot.version") {
				t.Errorf("%s get %v", who, e.v)
			}
		}
		if strings.Join(got, " | ") != want {
			t.Errorf("%s get  %s\nnot %s", who, strings.Join(got, " | "), want)
		}
		if who != "everything" {
			continue
		}
		if logged := ids(s.feed()); !slices.Equal(ids(events), logged[len(logged)-len(events):]) {
			t.Errorf("the feed has %v, the list %v", ids(events), logged)
		}
		for at, want := range map[string]any{
			"0.__typename": "CaseOpened", "0.actor": nil, "0.snapshot.status": "OPEN", "0.snapshot.assigneeId": nil, "0.snapshot.score": 3.0,
			"0.snapshot.category": "DETRACTOR", "0.snapshot.customerName": "Ana", "1.snapshot.assigneeId": s.users[model.Agent], "2.note.body": "So it is.",
			"2.actor.id": s.users[model.Agent], "3.note.body": "Between.", "4.note.body": "Yours.", "4.snapshot.assigneeId": s.users[model.Manager],
		} {
			nth, path, _ := strings.Cut(at, ".")
			if got := events[nth[0]-'0'].at(path).v; got != want {
				t.Errorf("event %s: %s is %v, not %v", nth, path, got, want)
			}
		}
	}
	// Nothing comes besides: the next that each sees is what happens next.
	s.note(opened, "The end.")
	s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.users[model.Agent]}})
	for who, want := range map[string]int{"everything": 9, "open ones": 9, "the agent's own": 10, "the manager's own": 9, "two types": 9} {
		if e := watchers[who].next(); e.number("snapshot.version") != want {
			t.Errorf("%s get version %d, not %d", who, e.number("snapshot.version"), want)
		}
	}
}

func TestWithoutAPlaceTheFeedBeginsNow(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	c := s.watch(model.Agent, "", "type note {body}")
	first := make(chan tree, 1)
	go func() { m, _ := c.read(); first <- tree{t, m.Payload} }()
	for i := 1; ; i++ { // nothing says when the subscription has begun, but that something comes
		s.note(opened, fmt.Sprint("note ", i))
		select {
		case e := <-first:
			if e.text("data.caseEvents.type") != "NOTE_ADDED" {
				t.Errorf("the first event is %v", e.v)
			}
			return
		default:
		}
	}
}

// write has several writers open cases and add notes at once, and gives the ids of the cases that there are in the end.
func (s *testServer) write(writers, each int, known ...string) {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			mine := slices.Clone(known)
			for i := range each {
				if i%3 == 0 {
					made := s.gql(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {case {id}}}`,
						vars{"input": vars{"score": 1, "customer": vars{"externalId": fmt.Sprint(w, " ", i)}}})
					mine = append(mine, made.text("submitResponse.case.id"))
					continue
				}
				a := s.gql(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`,
					vars{"input": vars{"caseId": mine[rand.IntN(len(mine))], "body": "Once more."}})
				if len(a.errors) > 0 {
					s.t.Errorf("a writer: %s", a.body)
				}
			}
		})
	}
	all.Wait()
}

func TestAListAndItsFeedLeaveNoGapWhileWritersWrite(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	_, shared := s.submitted(nil)
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(4, 30, shared)
	}()
	type board struct {
		versions map[string]int // as listed
		feed     *socket
	}
	var boards []board
	const list = `{cases(first: 100) {feedCursor nodes {id version}}}`
	for {
		read := s.ok(model.Partner, list, nil)
		b := board{map[string]int{}, s.watch(model.Partner, `(after: "`+read.text("cases.feedCursor")+`")`, "id snapshot {caseId version}")}
		for _, c := range read.list("cases.nodes") {
			b.versions[c.text("id")] = c.number("version")
		}
		boards = append(boards, b)
		select {
		case <-written:
		default:
			if len(boards) < 40 {
				continue
			}
			<-written
		}
		break
	}
	final := map[string]int{}
	for _, c := range s.ok(model.Partner, list, nil).list("cases.nodes") {
		final[c.text("id")] = c.number("version")
	}
	logged := ids(s.feed())
	for n, b := range boards {
		listed, have := maps.Clone(b.versions), b.versions
		var came []string
		for !maps.Equal(have, final) {
			e := b.feed.next()
			came = append(came, e.text("id"))
			id, version := e.text("snapshot.caseId"), e.number("snapshot.version")
			if version <= listed[id] {
				continue // is in the list already
			}
			if version != have[id]+1 {
				t.Fatalf("board %d: case %s comes with version %d after %d", n, id, version, have[id])
			}
			have[id] = version
		}
		if at := slices.Index(logged, append(came, "")[0]); at >= 0 && !slices.Equal(came, logged[at:min(len(logged), at+len(came))]) {
			t.Errorf("board %d: the feed is not the log from its first event on", n)
		}
	}
	if len(boards) < 3 || len(final) < 40 {
		t.Errorf("%d boards and %d cases are too few to tell", len(boards), len(final))
	}
}

func TestASubscriberWhoIsCutOffGoesOnWithoutGapOrRepeat(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	_, shared := s.submitted(nil)
	last := s.feed()[0].text("cursor")
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.write(4, 30, shared)
	}()
	var came []string
	cuts := 0
	follow := func(until int) {
		c := s.watch(model.Agent, `(after: "`+last+`")`, "id cursor")
		for len(came) < until {
			e := c.next()
			came, last = append(came, e.text("id")), e.text("cursor")
		}
		c.cut()
		cuts++
	}
	for n := 5; n < 100; n += 5 + rand.IntN(20) {
		follow(n)
	}
	<-written
	logged := ids(s.feed())[1:]
	follow(len(logged))
	if !slices.Equal(came, logged) {
		t.Errorf("over %d cuts %d events came, the log has %d, or in another order", cuts, len(came), len(logged))
	}
}

// Two agents see the same, so equal subscriptions of theirs are executed together: unless what is theirs is asked for.
func TestWhatIsMineIsEachOnesOwnInEqualSubscriptions(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	tokens, users := map[string]string{}, map[string]string{}
	for _, name := range []string{"ann", "bob"} {
		secret, err := s.app.Setup.IssueToken(t.Context(), name+"@example.com", model.Agent)
		if err != nil {
			t.Fatal(err)
		}
		tokens[name] = secret
		users[name] = tree{t, s.post(secret, []byte(`{"query": "{viewer {user {id}}}"}`)).v}.text("viewer.user.id")
	}
	start := s.place()
	const below = `snapshot {version} case {customer {cases(filter: {mine: true}) {nodes {assignee {id}}}}}`
	mine, all := map[string]*socket{}, map[string]*socket{}
	for name, token := range tokens {
		mine[name], all[name] = s.signedIn(token), s.signedIn(token)
		mine[name].subscribe(`subscription {caseEvents(after: "` + start + `", filter: {mine: true}) {snapshot {version assigneeId}}}`)
		all[name].subscribe(`subscription {caseEvents(after: "` + start + `", types: [ASSIGNED]) {` + below + `}}`)
	}
	_, opened := s.submitted(nil)
	for range 3 {
		for _, name := range []string{"ann", "bob"} {
			s.ok(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": users[name]}})
		}
	}
	for version := 2; version <= 7; version++ {
		for name := range tokens {
			if e := all[name].next(); e.number("snapshot.version") != version {
				t.Errorf("%s sees %v, not version %d", name, e.v, version)
			} else if list := e.list("case.customer.cases.nodes"); len(list) > 0 && list[0].text("assignee.id") != users[name] {
				t.Errorf("%s sees the cases of another: %v", name, e.v)
			}
			own := version%2 == map[string]int{"ann": 0, "bob": 1}[name]
			if !own && (name == "bob" && version == 2) {
				continue // it was never his
			}
			if e := mine[name].next(); e.number("snapshot.version") != version || (e.text("snapshot.assigneeId") == users[name]) != own {
				t.Errorf("%s gets %v as version %d", name, e.v, version)
			}
		}
	}
}

func TestTheFeedIsAStreamOfServerSentEventsToo(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	place := s.place()
	s.note(opened, "First.")
	s.note(opened, "Second.")
	watch := func(after, last string) *bufio.Scanner {
		body, _ := json.Marshal(vars{"query": `subscription ($after: String) {caseEvents(after: $after) {note {body}}}`, "variables": vars{"after": after}})
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Accept": {"text/event-stream"}, "Authorization": {"Bearer " + s.tokens[model.Partner]}, "Content-Type": {"application/json"}}
		if last != "" {
			r.Header.Set("Last-Event-ID", last)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = answer.Body.Close() })
		if answer.StatusCode != http.StatusOK || answer.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("status %d, %v", answer.StatusCode, answer.Header)
		}
		return bufio.NewScanner(answer.Body)
	}
	next := func(lines *bufio.Scanner) (id, data string) {
		for lines.Scan() {
			if v, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
				id = v
			}
			if v, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return id, v
			}
		}
		t.Fatalf("the stream ended: %v", lines.Err())
		return "", ""
	}
	id, data := next(watch(place, ""))
	if data != `{"data":{"caseEvents":{"note":{"body":"First."}}}}` || id != s.feed()[1].text("cursor") {
		t.Errorf("the first event has the id %s: %s", id, data)
	}
	// Who comes back names the last one seen, and not the first place.
	if _, data := next(watch(place, id)); data != `{"data":{"caseEvents":{"note":{"body":"Second."}}}}` {
		t.Errorf("the next event is %s", data)
	}
}
