package feed

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

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

func TestFeed(t *testing.T) {
	t.Parallel()
	t.Run("shows cases entering and leaving a filter in order", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(vars{"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}})
		s.Submit(nil) // before the subscriptions begin
		start := `after: "` + s.Cursor() + `"`
		const seen = `__typename id type cursor at actor {id} note {body} case {id version status} snapshot {caseId number version status score category customerName assigneeId}`
		watchers := map[string]*setup.Socket{
			"everything":        s.Watch(model.Agent, `(`+start+`)`, seen),
			"open ones":         s.Watch(model.Agent, `(`+start+`, filter: {status: [OPEN], response: {score: {lte: 6}}})`, seen),
			"the agent's own":   s.Watch(model.Agent, `(`+start+`, filter: {mine: true})`, seen),
			"the manager's own": s.Watch(model.Manager, `(`+start+`, filter: {mine: true})`, seen),
			"two types":         s.Watch(model.Partner, `(`+start+`, types: [ASSIGNED, NOTE_ADDED])`, seen),
			"customers in BR":   s.Watch(model.Stakeholder, `(`+start+`, filter: {customer: {country: {eq: "br"}}})`, seen),
		}
		_, opened := s.Submit(vars{"customer": vars{"externalId": "ana", "firstName": "Ana"}})
		s.ChangeStatus(opened, model.InProgress)
		s.AddNote(opened, "Between.")
		s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.Users[model.Manager], "note": "Yours."}})
		s.Submit(vars{"score": 9, "customer": vars{"externalId": "ana", "country": "BR"}})
		s.ChangeStatus(opened, model.Open)
		s.Submit(vars{"score": 9, "customer": vars{"externalId": "ana", "country": "DE"}})

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
			var events []setup.Tree
			for range strings.Count(want, "|") + 1 {
				edge := watchers[who].NextEdge()
				e := edge.At("node")
				line := fmt.Sprint(e.Text("type"), " ", e.Number("snapshot.version"))
				if !edge.Bool("matches") {
					line += " left"
				}
				got, events = append(got, line), append(events, e)
				if edge.Text("cursor") != e.Text("cursor") || e.Text("snapshot.caseId") != opened || e.Text("case.id") != opened || e.Number("case.version") < e.Number("snapshot.version") {
					t.Errorf("%s get %v", who, e.V)
				}
			}
			if strings.Join(got, " | ") != want {
				t.Errorf("%s get  %s\nnot %s", who, strings.Join(got, " | "), want)
			}
			if who != "everything" {
				continue
			}
			if logged := setup.IDs(s.Events()); !slices.Equal(setup.IDs(events), logged[len(logged)-len(events):]) {
				t.Errorf("the feed has %v, the list %v", setup.IDs(events), logged)
			}
			for at, want := range map[string]any{
				"0.__typename": "CaseOpened", "0.actor": nil, "0.snapshot.status": "OPEN", "0.snapshot.assigneeId": nil, "0.snapshot.score": 3.0,
				"0.snapshot.category": "DETRACTOR", "0.snapshot.customerName": "Ana", "1.snapshot.assigneeId": s.Users[model.Agent], "2.note.body": "So it is.",
				"2.actor.id": s.Users[model.Agent], "3.note.body": "Between.", "4.note.body": "Yours.", "4.snapshot.assigneeId": s.Users[model.Manager],
			} {
				nth, path, _ := strings.Cut(at, ".")
				if got := events[nth[0]-'0'].At(path).V; got != want {
					t.Errorf("event %s: %s is %v, not %v", nth, path, got, want)
				}
			}
		}
		// No subscriber gets other events: the next event of each is the next that happens.
		s.AddNote(opened, "The end.")
		s.OK(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.Users[model.Agent]}})
		for who, want := range map[string]int{"everything": 9, "open ones": 9, "the agent's own": 10, "the manager's own": 9, "two types": 9} {
			if e := watchers[who].Next(); e.Number("snapshot.version") != want {
				t.Errorf("%s get version %d, not %d", who, e.Number("snapshot.version"), want)
			}
		}
	})

	t.Run("begins now without a cursor", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		c := s.Watch(model.Agent, "", "type note {body}")
		first := make(chan setup.Tree, 1)
		go func() { m, _ := c.Read(); first <- setup.Tree{V: m.Payload} }()
		for i := 1; ; i++ { // only the first event tells that the subscription has begun
			s.AddNote(opened, fmt.Sprint("note ", i))
			select {
			case e := <-first:
				if e.Text("data.caseEvents.node.type") != "NOTE_ADDED" {
					t.Errorf("the first event is %v", e.V)
				}
				return
			default:
			}
		}
	})

	t.Run("leaves no gap after a list while writers write", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		_, shared := s.Submit(nil)
		written := make(chan struct{})
		go func() {
			defer close(written)
			write(s, 4, 30, shared)
		}()
		type board struct {
			versions map[string]int // in the list
			feed     *setup.Socket
		}
		var boards []board
		const list = `{cases(first: 100) {feedCursor nodes {id version}}}`
		for {
			read := s.OK(model.Partner, list, nil)
			b := board{map[string]int{}, s.Watch(model.Partner, `(after: "`+read.Text("cases.feedCursor")+`")`, "id snapshot {caseId version}")}
			for _, c := range read.List("cases.nodes") {
				b.versions[c.Text("id")] = c.Number("version")
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
		for _, c := range s.OK(model.Partner, list, nil).List("cases.nodes") {
			final[c.Text("id")] = c.Number("version")
		}
		logged := setup.IDs(s.Events())
		for n, b := range boards {
			listed, have := maps.Clone(b.versions), b.versions
			var came []string
			for !maps.Equal(have, final) {
				e := b.feed.Next()
				came = append(came, e.Text("id"))
				id, version := e.Text("snapshot.caseId"), e.Number("snapshot.version")
				if version <= listed[id] {
					continue // the list has it already
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
	})

	t.Run("resumes without gap or repeat", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		_, shared := s.Submit(nil)
		last := s.Events()[0].Text("cursor")
		written := make(chan struct{})
		go func() {
			defer close(written)
			write(s, 4, 30, shared)
		}()
		var came []string
		cuts := 0
		follow := func(until int) {
			c := s.Watch(model.Agent, `(after: "`+last+`")`, "id cursor")
			for len(came) < until {
				e := c.Next()
				came, last = append(came, e.Text("id")), e.Text("cursor")
			}
			c.Cut()
			cuts++
		}
		for n := 5; n < 100; n += 5 + rand.IntN(20) {
			follow(n)
		}
		<-written
		logged := setup.IDs(s.Events())[1:]
		follow(len(logged))
		if !slices.Equal(came, logged) {
			t.Errorf("over %d cuts %d events came, the log has %d, or in another order", cuts, len(came), len(logged))
		}
	})

	// Equal subscriptions of users who see the same are executed once, but not if they select what is `mine`.
	t.Run("answers mine for each user of equal subscriptions", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		tokens, users := map[string]string{}, map[string]string{}
		for _, name := range []string{"ann", "bob"} {
			secret, err := s.App.Users.IssueToken(t.Context(), auth.System("test"), name+"@example.com", model.Agent)
			if err != nil {
				t.Fatal(err)
			}
			tokens[name] = secret
			users[name] = setup.Tree{V: s.Post(secret, []byte(`{"query": "{viewer {user {id}}}"}`)).V}.Text("viewer.user.id")
		}
		start := s.Cursor()
		const below = `snapshot {version} case {customer {cases(filter: {mine: true}) {nodes {assignee {id}}}}}`
		mine, all := map[string]*setup.Socket{}, map[string]*setup.Socket{}
		for name, token := range tokens {
			mine[name], all[name] = s.SignIn(token), s.SignIn(token)
			mine[name].Subscribe(`subscription {caseEvents(after: "` + start + `", filter: {mine: true}) {node {snapshot {version assigneeId}}}}`)
			all[name].Subscribe(`subscription {caseEvents(after: "` + start + `", types: [ASSIGNED]) {node {` + below + `}}}`)
		}
		_, opened := s.Submit(nil)
		for range 3 {
			for _, name := range []string{"ann", "bob"} {
				s.OK(model.Manager, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": users[name]}})
			}
		}
		for version := 2; version <= 7; version++ {
			for name := range tokens {
				if e := all[name].Next(); e.Number("snapshot.version") != version {
					t.Errorf("%s sees %v, not version %d", name, e.V, version)
				} else if list := e.List("case.customer.cases.nodes"); len(list) > 0 && list[0].Text("assignee.id") != users[name] {
					t.Errorf("%s sees the cases of another: %v", name, e.V)
				}
				own := version%2 == map[string]int{"ann": 0, "bob": 1}[name]
				if !own && (name == "bob" && version == 2) {
					continue // bob never had the case
				}
				if e := mine[name].Next(); e.Number("snapshot.version") != version || (e.Text("snapshot.assigneeId") == users[name]) != own {
					t.Errorf("%s gets %v as version %d", name, e.V, version)
				}
			}
		}
	})

	t.Run("is a stream of server-sent events too", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		place := s.Cursor()
		s.AddNote(opened, "First.")
		s.AddNote(opened, "Second.")
		watch := func(after, last string) *bufio.Scanner {
			body, _ := json.Marshal(vars{"query": `subscription ($after: String) {caseEvents(after: $after) {node {note {body}}}}`, "variables": vars{"after": after}})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Origin": {"https://dashboard.example"}, "Accept": {"text/event-stream"}, "Authorization": {"Bearer " + s.Tokens[model.Partner]}, "Content-Type": {"application/json"}}
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
		if !strings.HasPrefix(data, `{"data":{"caseEvents":{"node":{"note":{"body":"First."}}}},"extensions":{"cost":`) || id != s.Events()[1].Text("cursor") {
			t.Errorf("the first event has the id %s: %s", id, data)
		}
		// A returning client sends the id of the last event that it has seen, which counts more than `after`.
		if _, data := next(watch(place, id)); !strings.HasPrefix(data, `{"data":{"caseEvents":{"node":{"note":{"body":"Second."}}}},"extensions":{"cost":`) {
			t.Errorf("the next event is %s", data)
		}
	})
}

// write lets several writers open cases and add notes at the same time.
func write(s *setup.Server, writers, each int, known ...string) {
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			mine := slices.Clone(known)
			for i := range each {
				if i%3 == 0 {
					made := s.Do(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {case {id}}}`,
						vars{"input": vars{"score": 1, "customer": vars{"externalId": fmt.Sprint(w, " ", i)}}})
					mine = append(mine, made.Text("submitResponse.case.id"))
					continue
				}
				a := s.Do(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`,
					vars{"input": vars{"caseId": mine[rand.IntN(len(mine))], "body": "Once more."}})
				if len(a.Errors) > 0 {
					s.T.Errorf("a writer: %s", a.Body)
				}
			}
		})
	}
	all.Wait()
}
