package main

import (
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

type counts = map[string]int

// board subscribes to caseSummary, with a filter or none, on a socket of its own.
func (s *testServer) board(role model.Role, filter string) *socket {
	s.t.Helper()
	c := s.signedIn(s.tokens[role])
	if filter != "" {
		filter = "(filter: " + filter + ")"
	}
	c.subscribe("subscription {caseSummary" + filter + " {open inProgress closed total overdue cursor}}")
	return c
}

// figures are the next that a board is sent.
func (c *socket) figures() tree {
	c.t.Helper()
	m, err := c.read()
	s := tree{c.t, m.Payload}
	if err != nil || m.Type != "next" || len(s.list("errors")) > 0 {
		c.t.Fatalf("no figures: %+v, %v", m, err)
	}
	return s.at("data.caseSummary")
}

// shows reads on until the figures are these.
func (c *socket) shows(want map[string]int) tree {
	c.t.Helper()
	for {
		s, have := c.figures(), map[string]int{}
		for name := range want {
			have[name] = s.number(name)
		}
		if maps.Equal(have, want) {
			return s
		}
	}
}

func TestABoardShowsTheFiguresAsTheyChange(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(vars{"assignment": vars{"strategy": "USER", "userId": s.users[model.Agent]}})
	all, again := s.board(model.Partner, ""), s.board(model.Manager, "")
	agents, managers := s.board(model.Agent, "{mine: true}"), s.board(model.Manager, "{mine: true}")
	for _, c := range []*socket{all, again, agents, managers} {
		if f := c.figures(); f.number("total") != 0 || f.text("cursor") == "" {
			t.Errorf("at first: %v", f.v)
		}
	}
	_, first := s.submitted(nil)
	all.shows(counts{"open": 1, "total": 1})
	agents.shows(counts{"open": 1, "total": 1})
	s.move(first, model.InProgress)
	_, second := s.submitted(nil)
	s.move(second, model.Closed)
	last := all.shows(counts{"open": 0, "inProgress": 1, "closed": 1, "total": 2})
	again.shows(counts{"inProgress": 1, "closed": 1})
	if agents.shows(counts{"total": 2, "closed": 1}).missing("cursor") {
		t.Error("no cursor")
	}
	// The figures and the feed fit: what comes after the cursor is what they do not hold yet, or may hold already.
	s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": first, "assigneeId": s.users[model.Manager]}})
	managers.shows(counts{"inProgress": 1, "total": 1})
	agents.shows(counts{"inProgress": 0, "closed": 1, "total": 1})
	feed := s.watch(model.Partner, `(after: "`+last.text("cursor")+`")`, "type")
	for feed.next().text("type") != "ASSIGNED" { // fails where it does not come
	}
	// Who comes later is shown what is there at once.
	s.board(model.Stakeholder, "").shows(counts{"inProgress": 1, "closed": 1, "total": 2})
	if a := s.gql(model.Partner, `query {caseSummary(filter: {score: {gte: 0}}) {total}}`, nil); a.code() == "" {
		t.Errorf("a filter that is none: %s", a.body)
	}
	c := s.board(model.Partner, `{status: [OPEN], openedAt: {withinLast: "soon"}}`)
	if m, err := c.read(); err != nil || m.Type != "error" {
		t.Errorf("a filter that is none: %+v, %v", m, err)
	}
}

// Who has the cases may change where their number does not.
func TestABoardThatSplitsItsFiguresSeesThemMoveBetweenGroups(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(vars{"assignment": vars{"strategy": "USER", "userId": s.users[model.Agent]}})
	_, opened := s.submitted(nil)
	c := s.signedIn(s.tokens[model.Manager])
	c.subscribe(`subscription {caseSummary {total groups(groupBy: ASSIGNEE) {key total}}}`)
	has := func(user model.Role) {
		t.Helper()
		for {
			f := c.figures()
			if f.number("total") != 1 || len(f.list("groups")) != 1 {
				t.Fatalf("the figures are %v", f.v)
			}
			if f.text("groups.0.key") == s.users[user] {
				return
			}
		}
	}
	has(model.Agent)
	for _, next := range []model.Role{model.Manager, model.Agent} {
		s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": opened, "assigneeId": s.users[next]}})
		has(next)
	}
}

func TestABoardShowsWhatItsScopeShows(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	s.user("gb", vars{"role": "PARTNER", "scope": british})
	s.user("br", vars{"role": "PARTNER", "scope": vars{"customer": vars{"country": vars{"eq": "BR"}}}})
	s.user("own", vars{"role": "AGENT", "scope": vars{"ownCasesOnly": true}})
	s.user("veiled", vars{"role": "MANAGER", "personalData": false})
	boards := map[model.Role]*socket{}
	for _, who := range []model.Role{"gb", "br", "own", "veiled", model.Partner} {
		boards[who] = s.board(who, "")
		boards[who].shows(counts{"total": 0})
	}
	_, inside := s.submitted(vars{"customer": vars{"firstName": "Ana", "country": "GB"}})
	s.submitted(vars{"customer": vars{"firstName": "Bea", "country": "BR"}})
	s.submitted(vars{"customer": vars{"firstName": "Cleo", "country": "BR"}})
	boards[model.Partner].shows(counts{"total": 3})
	boards["veiled"].shows(counts{"total": 3})
	boards["gb"].shows(counts{"total": 1})
	boards["br"].shows(counts{"total": 2})
	s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, vars{"input": vars{"caseId": inside, "assigneeId": s.users["own"]}})
	boards["own"].shows(counts{"total": 1})
	// Nothing was shown on the way that is not theirs: the next that each is shown is its own.
	s.move(inside, model.Closed)
	for who, total := range map[model.Role]int{"gb": 1, "own": 1, model.Partner: 3, "veiled": 3} {
		if f := boards[who].figures(); f.number("total") != total || f.number("closed") != 1 {
			t.Errorf("%s is shown %v", who, f.v)
		}
	}
	if code := s.board("veiled", `{customer: {email: {eq: "ana@example.com"}}}`).refused(); code != s.gql("veiled", `{caseSummary(filter: {customer: {email: {eq: "ana@example.com"}}}) {total}}`, nil).code() || code == "" {
		t.Errorf("who sees no personal data counts by it: %q", code)
	}
}

// With PostgreSQL gone, queries say so, sockets stay, and what they show goes on where it was.
func TestWhileTheDatabaseIsAwaySocketsStayAndAllElseSaysSo(t *testing.T) {
	t.Parallel()
	at := newCluster(t, filepath.Join(scratch.Folder(t), "data"))
	s := at.serve(t)
	s.addRule(nil)
	_, opened := s.submitted(nil)
	feed, board := s.watch(model.Admin, `(after: "`+s.place()+`")`, "type snapshot {version}"), s.board(model.Admin, "")
	narrow := s.board(model.Admin, "{status: [CLOSED]}")
	board.shows(counts{"open": 1})
	narrow.shows(counts{"total": 0})
	s.note(opened, "Before.")
	if e := feed.next(); e.text("type") != "NOTE_ADDED" {
		t.Fatalf("before: %v", e.v)
	}

	at.stop()
	for _, query := range []string{`{caseSummary {total}}`, `{cases {nodes {id}}}`, `{caseEvents {nodes {id}}}`} {
		if a := s.gql(model.Admin, query, nil); a.code() != "UNAVAILABLE" || a.status != http.StatusServiceUnavailable || a.v != nil {
			t.Errorf("%s: status %d: %s", query, a.status, a.body)
		}
	}
	for what, subscription := range map[string]string{
		"2": `subscription {caseSummary(filter: {status: [OPEN]}) {total}}`, "3": `subscription {caseEvents {type}}`,
	} {
		board.send(vars{"id": what, "type": "subscribe", "payload": vars{"query": subscription}})
		m, err := board.read()
		if code := (tree{t, m.Payload}).text("0.extensions.code"); err != nil || m.Type != "error" || m.ID != what || code != "UNAVAILABLE" {
			t.Errorf("%s: %+v, %v", subscription, m, err)
		}
	}
	for _, c := range []*socket{feed, board, narrow} {
		c.send(vars{"type": "ping"})
		if m, err := c.read(); err != nil || m.Type != "pong" {
			t.Errorf("while it is away a socket says %+v, %v", m, err)
		}
	}
	if code := s.connect(nil, vars{"token": adminToken}).closed(); code != 1013 {
		t.Errorf("while it is away a new socket ends with %d, not 1013: try again later", code)
	}

	at.server.await("the feed cannot read the database")
	at.start()
	s.await(t)
	s.move(opened, model.Closed)
	if e := feed.next(); e.text("type") != "STATUS_CHANGED" || e.number("snapshot.version") != 3 {
		t.Errorf("the feed goes on with %v", e.v)
	}
	board.shows(counts{"open": 0, "closed": 1})
	narrow.shows(counts{"total": 1})
	if n := strings.Count(at.server.output(), "the feed cannot read the database"); n != 1 {
		t.Errorf("the feed tells of the outage %d times", n)
	}
}
