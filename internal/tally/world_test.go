package tally_test

import (
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"testing"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/tally"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

var quiet = slog.New(slog.DiscardHandler)

// questions are the properties, and filters that they decide.
var questions = []question{
	{tally.Nothing, ``}, {tally.Assignee, ``}, {tally.Country, ``}, {tally.Segment, ``}, {tally.Company, ``}, {tally.Score, ``}, {tally.Rule, ``},
	{tally.Nothing, `{"or": [{"status": ["CLOSED"]}, {"not": {"status": ["IN_PROGRESS", "CLOSED"]}}]}`},
	{tally.Assignee, `{"status": ["OPEN"]}`}, {tally.Assignee, `{"mine": true}`}, {tally.Assignee, `{"assigned": false, "status": ["CLOSED"]}`},
	{tally.Country, `{"customer": {"country": {"in": ["Brazil", "de"]}}}`}, {tally.Country, `{"customer": {"country": {"isNull": true}}}`},
	{tally.Score, `{"response": {"category": ["DETRACTOR"], "score": {"gte": 1}}, "status": ["OPEN", "IN_PROGRESS"]}`}, {tally.Score, `{"not": {"response": {}}}`},
	{tally.Rule, `{"status": ["OPEN"]}`},
}

type question struct {
	by     tally.Property
	filter string
}

func (q question) name() string { return string(q.by) + " " + q.filter }

// world is casework with rules and agents.
type world struct {
	*worktest.World
	agents []*model.User
	pools  []*pg.DB // of servers

	release func() // after holdStamps
}

func newWorld(t *testing.T) *world {
	w := &world{World: worktest.New(t)}
	w.agents = w.Agents(3)
	w.agents = append(w.agents, w.Admin.User)
	w.Rule("detractors", func(r *model.Rule) {
		r.Scores, r.Strategy, r.UserID = []int{0, 1, 2, 3, 4}, model.ToUser, &w.agents[1].ID
	})
	w.Rule("brazil", func(r *model.Rule) {
		r.Scores, r.Filter = []int{2, 3, 9}, json.RawMessage(`{"customer":{"country":{"in":["BR","DE"]}}}`)
	})
	for range manyServers {
		w.pools = append(w.pools, w.pool(pg.Options{MaxConns: 8}))
	}
	return w
}

// pool is a pool whose connections have the name server.
func (w *world) pool(o pg.Options) *pg.DB {
	w.T.Helper()
	at, err := url.Parse(pgtest.URL(w.T, w.DB))
	if err != nil {
		w.T.Fatal(err)
	}
	params := at.Query()
	params.Set("application_name", "server")
	at.RawQuery = params.Encode()
	db, err := pg.Connect(context.Background(), at.String(), o)
	if err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { _ = db.Close() })
	return db
}

func (w *world) filter(text string) *filter.Case {
	w.T.Helper()
	if text == "" {
		return nil
	}
	f := new(filter.Case)
	v, err := filter.Decode(json.RawMessage(text))
	if err == nil {
		err = f.UnmarshalGQL(v)
	}
	if err != nil {
		w.T.Fatal(err)
	}
	return f
}

// question asks what must include all that was committed before.
func (w *world) question(s *server, n int) tally.Question {
	q := questions[n]
	return tally.Question{By: q.by, Filter: w.filter(q.filter), Viewer: w.Admin.User.ID, At: func(ctx context.Context) (event.Place, error) { return s.log.Place(ctx) }}
}

// inTable counts the rows of cases.
func (w *world) inTable(n int) []tally.Row {
	w.T.Helper()
	q := questions[n]
	column, join := tally.Column(q.by)
	var rows []struct {
		Key                      *string
		Open, InProgress, Closed int
	}
	err := w.DB.Gorm.Model(&model.Case{}).Joins(join).Where(w.filter(q.filter).Where(w.Admin.User.ID, w.Now())).Select(column + ` AS key,
		count(*) FILTER (WHERE status = 'OPEN') AS open, count(*) FILTER (WHERE status = 'IN_PROGRESS') AS in_progress, count(*) FILTER (WHERE status = 'CLOSED') AS closed`).
		Group("key").Scan(&rows).Error
	if err != nil {
		w.T.Fatal(err)
	}
	var out []tally.Row
	for _, r := range rows {
		row := tally.Row{Key: tally.Key{None: r.Key == nil}, Counts: tally.Counts{Open: r.Open, InProgress: r.InProgress, Closed: r.Closed}}
		if r.Key != nil {
			row.Key.Text = *r.Key
		}
		out = append(out, row)
	}
	return sorted(out)
}

// among counts snapshots in Go.
func (w *world) among(n int, cases []*model.Snapshot) []tally.Row {
	q := questions[n]
	f, counts := w.filter(q.filter), map[tally.Key]*tally.Counts{}
	for _, s := range cases {
		if !f.Match(filter.Of(s, w.Now()), w.Admin.User.ID) {
			continue
		}
		for _, key := range keysOf(q.by, s) {
			if counts[key] == nil {
				counts[key] = new(tally.Counts)
			}
			switch s.Case.Status {
			case model.Open:
				counts[key].Open++
			case model.InProgress:
				counts[key].InProgress++
			case model.Closed:
				counts[key].Closed++
			}
		}
	}
	var rows []tally.Row
	for key, c := range counts {
		rows = append(rows, tally.Row{Key: key, Counts: *c})
	}
	return sorted(rows)
}

func keysOf(by tally.Property, s *model.Snapshot) []tally.Key {
	none := []tally.Key{{None: true}}
	text := func(v *string) []tally.Key {
		if v == nil {
			return none
		}
		return []tally.Key{{Text: model.Fold(*v)}}
	}
	switch {
	case by == tally.Nothing:
		return []tally.Key{{}}
	case by == tally.Assignee && s.Case.AssigneeID != nil:
		return []tally.Key{{Text: s.Case.AssigneeID.UUID.String()}}
	case by == tally.Country && s.Customer.Country != nil:
		return []tally.Key{{Text: *s.Customer.Country}}
	case by == tally.Segment:
		return text(s.Customer.Segment)
	case by == tally.Score && s.Response != nil:
		return []tally.Key{{Text: strconv.Itoa(s.Response.Score)}}
	case by == tally.Rule && len(s.RuleIDs) > 0:
		var keys []tally.Key
		for _, id := range s.RuleIDs {
			keys = append(keys, tally.Key{Text: id.UUID.String()})
		}
		return keys
	}
	return none
}

func sorted(rows []tally.Row) []tally.Row {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(a, b tally.Row) int {
		if a.None != b.None {
			return cmp.Compare(strconv.FormatBool(a.None), strconv.FormatBool(b.None))
		}
		return cmp.Compare(a.Text, b.Text)
	})
	return rows
}

// holdStamps does something after which no event gets a position until release.
func (w *world) holdStamps(do func()) {
	w.T.Helper()
	tx, err := w.DB.Pool.Begin(w.T.Context())
	if err != nil {
		w.T.Fatal(err)
	}
	if _, err := tx.Exec(w.T.Context(), "SELECT FROM feed_head FOR UPDATE"); err != nil {
		w.T.Fatal(err)
	}
	w.release = func() { _ = tx.Rollback(context.WithoutCancel(w.T.Context())) }
	w.T.Cleanup(w.release)
	do()
}
