package read_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// fill makes n cases with relations: each has a customer, a response, an assignee, three rules, five notes, four events
// and two mails.
func (w *world) fill(n int) []*model.Case {
	w.t.Helper()
	rules := []*model.Rule{w.rule("r0", 1), w.rule("r1", 2), w.rule("r2", 3)}
	cases := make([]*model.Case, n)
	for i := range cases {
		customer := w.customer(func(c *model.Customer) { c.FirstName = pointer(fmt.Sprint("customer ", i)) })
		assignee := w.user(fmt.Sprint("user ", i), fmt.Sprintf("user%d@example.com", i), model.Agent)
		cases[i] = w.open(customer, w.response(customer, i%11, moment), func(c *model.Case) {
			c.AssigneeID, c.AssignedAt, c.AssignedByID = &assignee.ID, &moment, &w.ann.ID
		})
		for ordinal := range rules {
			w.exec("INSERT INTO case_rules (case_id, rule_id, ordinal) VALUES (?, ?, ?)", cases[i].ID, rules[(i+ordinal)%3].ID, ordinal)
		}
		for k := range 5 {
			w.note(cases[i], assignee, fmt.Sprintf("note %d of case %d", k, i), moment.Add(time.Duration(k)*time.Second))
		}
		for range 3 {
			w.logAssignment(cases[i], w.ann)
		}
		for k := range 2 {
			w.create(&model.Notification{ID: model.NotificationID{UUID: model.NewUUID()}, Kind: model.NotifyNewResponse, To: "x@example.com",
				ToFold: fmt.Sprint("x", k), CaseID: &cases[i].ID, ResponseID: cases[i].ResponseID, Status: model.NotificationQueued, CreatedAt: moment})
		}
	}
	return cases
}

// This test and the next are not parallel: see fewestStatements.
func TestCaseListStatements(t *testing.T) {
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	w.fill(50)
	for _, n := range []int{5, 50} {
		sent := fewestStatements(counter, func() { w.loadRelations(n) })
		// One statement each for: the cases with their customers, responses and assignees; the rules; the notes; the head of
		// the log; the histories; the assigning users; the mails.
		if want := 7; len(sent) != want {
			t.Errorf("%d cases took %d statements; want %d:\n%s", n, len(sent), want, strings.Join(sent, "\n"))
		}
	}
}

// loadRelations reads as resolvers do: first the page, then the relations of all cases concurrently.
func (w *world) loadRelations(n int) {
	t := w.t
	t.Helper()
	ctx := w.answer()
	page3 := page.Args{Last: number(3)}
	list, err := w.read.Cases(ctx, viewer(w.ann), read.CaseList{Args: page.Args{First: &n}, Select: joined("customer", "response", "assignee")})
	w.must(err)
	cases := list.Nodes()
	if len(cases) != n {
		t.Fatalf("the page has %d cases, want %d", len(cases), n)
	}
	for at, c := range cases {
		i := 49 - at // newest first
		if *c.Customer.FirstName != fmt.Sprint("customer ", i) || c.Response.Score != i%11 || c.Assignee.Name != fmt.Sprint("user ", i) {
			t.Fatalf("case %d has customer %s, score %d and assignee %s", i, *c.Customer.FirstName, c.Response.Score, c.Assignee.Name)
		}
	}
	rules := loadAll(t, cases, func(c *model.Case) ([]*model.Rule, error) { return read.LoadersFrom(ctx).RulesOf.Load(ctx, c.ID) })
	notes := loadAll(t, cases, func(c *model.Case) (*read.NoteConnection, error) {
		return read.NotesOf(ctx, c.ID, read.NoteList{Args: page3})
	})
	histories := loadAll(t, cases, func(c *model.Case) (*read.CaseEventConnection, error) { return read.HistoryOf(ctx, c.ID, page3) })
	assigners := loadAll(t, cases, func(c *model.Case) (*model.User, error) {
		return read.Optional(ctx, read.LoadersFrom(ctx).Users, c.AssignedByID)
	})
	mails := loadAll(t, cases, func(c *model.Case) ([]*model.Notification, error) {
		return read.LoadersFrom(ctx).NotificationsOf.Load(ctx, c.ID)
	})
	for at := range cases {
		i := 49 - at
		want := fmt.Sprintf("r%d r%d r%d ", i%3, (i+1)%3, (i+2)%3)
		if got := names(rules[at], func(r *model.Rule) string { return r.Name }); got != want {
			t.Errorf("case %d has the rules %s; want %s", i, got, want)
		}
		for k, note := range notes[at].Nodes() {
			if want := fmt.Sprintf("note %d of case %d", k+2, i); note.Body != want {
				t.Errorf("note %d is %q; want %q", k, note.Body, want)
			}
		}
		if info := notes[at].PageInfo; len(notes[at].Edges) != 3 || !info.HasPreviousPage || info.HasNextPage {
			t.Errorf("case %d has %d notes with %+v; want the last 3 of 5", i, len(notes[at].Edges), info)
		}
		for k, e := range histories[at].Nodes() {
			if e.Logged().CaseID != cases[at].ID || e.Logged().Version != k+2 {
				t.Errorf("event %d of case %d has version %d, want %d", k, i, e.Logged().Version, k+2)
			}
		}
		if len(histories[at].Edges) != 3 || assigners[at].ID != w.ann.ID || len(mails[at]) != 2 || *mails[at][0].CaseID != cases[at].ID {
			t.Errorf("case %d has %d events and %d mails, and was assigned by %s", i, len(histories[at].Edges), len(mails[at]), assigners[at].Name)
		}
	}
}

func TestLoaderStatements(t *testing.T) {
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	made := w.fill(20)
	w.exec("INSERT INTO response_rules SELECT response_id, rule_id FROM case_rules JOIN cases ON cases.id = case_id WHERE ordinal = 0")
	rules, err := w.read.Rules(t.Context())
	w.must(err)
	for i, r := range rules {
		w.exec("INSERT INTO rule_recipients (rule_id, ordinal, kind, address) VALUES (?, 0, 'ADDRESS', ?), (?, 1, 'ADDRESS', 'second')", r.ID, fmt.Sprint("first ", i), r.ID)
	}
	sent := fewestStatements(counter, func() {
		ctx := w.answer()
		l := read.LoadersFrom(ctx)
		for at, c := range loadAll(t, made, func(c *model.Case) (*model.Case, error) { return read.Case(ctx, c.ID) }) {
			if c.ID != made[at].ID {
				t.Errorf("Case returned %s for %s", c.ID, made[at].ID)
			}
		}
		for at, c := range loadAll(t, made, func(c *model.Case) (*model.Customer, error) { return read.Customer(ctx, c.CustomerID) }) {
			if c.ID != made[at].CustomerID {
				t.Errorf("Customer returned %s for %s", c.ID, made[at].CustomerID)
			}
		}
		for at, x := range loadAll(t, made, func(c *model.Case) (*model.Response, error) { return read.Optional(ctx, l.Responses, c.ResponseID) }) {
			if x.ID != *made[at].ResponseID {
				t.Errorf("Optional returned the response %s for %s", x.ID, *made[at].ResponseID)
			}
		}
		for at, c := range loadAll(t, made, func(c *model.Case) (*model.Case, error) { return l.CaseOf.Load(ctx, *c.ResponseID) }) {
			if c.ID != made[at].ID {
				t.Errorf("CaseOf returned the case %s for %s", c.ID, made[at].ID)
			}
		}
		if none, err := l.CaseOf.Load(ctx, model.ResponseID{UUID: model.NewUUID()}); none != nil || err != nil {
			t.Errorf("CaseOf of an unknown response: got %v, %v, want nil", none, err)
		}
		for i, n := range loadAll(t, rules, func(r *model.Rule) (int, error) { return l.MatchCounts.Load(ctx, r.ID) }) {
			if want := []int{7, 7, 6}[i]; n != want {
				t.Errorf("rule %d matched %d responses; want %d", i, n, want)
			}
		}
		for i, to := range loadAll(t, rules, func(r *model.Rule) ([]*model.Recipient, error) { return l.RecipientsOf.Load(ctx, r.ID) }) {
			if len(to) != 2 || *to[0].Address != fmt.Sprint("first ", i) || *to[1].Address != "second" {
				t.Errorf("rule %d has the recipients %v", i, to)
			}
		}
		for range 3 { // a loaded case is not read again
			if _, err := read.Case(ctx, made[0].ID); err != nil {
				t.Error(err)
			}
		}
	})
	if len(sent) != 7 {
		t.Errorf("the loaders sent %d statements, want 7:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	if user, err := read.Optional(w.answer(), read.LoadersFrom(w.answer()).Users, nil); user != nil || err != nil {
		t.Errorf("Optional of a nil ID: got %v, %v, want nil", user, err)
	}
}
