package chaos

import (
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

// While PostgreSQL is away, queries say so and sockets stay open. Afterwards subscriptions continue where they were.
func TestOutage(t *testing.T) {
	t.Parallel()
	at := setup.NewCluster(t, filepath.Join(scratch.Folder(t), "data"))
	s := at.Serve(t)
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	feed, board := s.Watch(model.Admin, `(after: "`+s.Cursor()+`")`, "type snapshot {version}"), s.WatchSummary(model.Admin, "")
	narrow := s.WatchSummary(model.Admin, "{status: [CLOSED]}")
	board.AwaitSummary(setup.Counts{"open": 1})
	narrow.AwaitSummary(setup.Counts{"total": 0})
	s.AddNote(opened, "Before.")
	if e := feed.Next(); e.Text("type") != "NOTE_ADDED" {
		t.Fatalf("before: %v", e.V)
	}

	at.Stop()
	for s.Do(model.Admin, `{viewer {role}}`, nil).Status == http.StatusOK { // a caller who was there a moment ago is known for a second
	}
	for _, query := range []string{`{caseSummary {total}}`, `{cases {nodes {id}}}`, `{caseEvents {nodes {id}}}`} {
		if a := s.Do(model.Admin, query, nil); a.Code() != "UNAVAILABLE" || a.Status != http.StatusServiceUnavailable || a.V != nil {
			t.Errorf("%s: status %d: %s", query, a.Status, a.Body)
		}
	}
	for what, subscription := range map[string]string{
		"2": `subscription {caseSummary(filter: {status: [OPEN]}) {total}}`, "3": `subscription {caseEvents {node {type}}}`,
	} {
		board.Send(vars{"id": what, "type": "subscribe", "payload": vars{"query": subscription}})
		m, err := board.Read()
		if code := (setup.Tree{V: m.Payload}).Text("0.extensions.code"); err != nil || m.Type != "error" || m.ID != what || code != "UNAVAILABLE" {
			t.Errorf("%s: %+v, %v", subscription, m, err)
		}
	}
	for _, c := range []*setup.Socket{feed, board, narrow} {
		c.Send(vars{"type": "ping"})
		if m, err := c.Read(); err != nil || m.Type != "pong" {
			t.Errorf("while it is away a socket says %+v, %v", m, err)
		}
	}
	if code := s.Connect(nil, vars{"token": setup.AdminToken}).Closed(); code != 1013 {
		t.Errorf("while it is away a new socket ends with %d, not 1013: try again later", code)
	}

	at.Server.Await("the feed cannot read the database")
	at.Start()
	s.AwaitDatabase(t)
	s.ChangeStatus(opened, model.Closed)
	if e := feed.Next(); e.Text("type") != "STATUS_CHANGED" || e.Number("snapshot.version") != 3 {
		t.Errorf("the feed goes on with %v", e.V)
	}
	board.AwaitSummary(setup.Counts{"open": 0, "closed": 1})
	narrow.AwaitSummary(setup.Counts{"total": 1})
	if n := strings.Count(at.Server.Output(), "the feed cannot read the database"); n != 1 {
		t.Errorf("the feed tells of the outage %d times", n)
	}
}
