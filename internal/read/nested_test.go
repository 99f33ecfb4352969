package read_test

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// Not parallel: see fewestStatements.
func TestNestedListStatements(t *testing.T) {
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	var customers []*model.Customer
	var users []*model.User
	for i := range 12 { // customer i has i responses and a case for each; three users take the cases in turn
		customers = append(customers, w.customer(nil))
		if i%4 == 0 {
			users = append(users, w.user("user", string(rune('a'+i))+"@example.com", model.Agent))
		}
	}
	for i, c := range customers {
		for k := range i {
			r := w.response(c, k, moment.Add(time.Duration(k)*time.Hour))
			w.open(c, r, func(c *model.Case) { c.AssigneeID, c.AssignedAt = &users[(i+k)%3].ID, &moment })
		}
	}
	scores := func(x *read.ResponseConnection) (found []int) {
		for _, r := range x.Nodes() {
			found = append(found, r.Score)
		}
		return found
	}
	few := responseFilter(t, `{"score": {"gte": 2, "in": [2, 3, 5, 7]}}`)
	for _, c := range []struct {
		name string
		list read.ResponseList
		want func(n int) []int // the scores for a customer with the scores 0 to n-1
		more func(n int) (next, previous bool)
	}{
		{"the newest", read.ResponseList{Args: page.Args{First: number(3)}},
			func(n int) []int { return []int{n - 1, n - 2, n - 3}[:min(n, 3)] }, func(n int) (bool, bool) { return n > 3, false }},
		{"the oldest, read from the end", read.ResponseList{Args: page.Args{Last: number(2)}},
			func(n int) []int { return []int{1, 0}[max(0, 2-n):] }, func(n int) (bool, bool) { return false, n > 2 }},
		{"by score", read.ResponseList{Args: page.Args{First: number(2)}, OrderBy: []*read.ResponseOrder{{Field: "SCORE", Direction: "ASC"}}},
			func(n int) []int { return []int{0, 1}[:min(n, 2)] }, func(n int) (bool, bool) { return n > 2, false }},
		{"by filter", read.ResponseList{Args: page.Args{First: number(9)}, Filter: few}, func(n int) (found []int) {
			for _, score := range []int{7, 5, 3, 2} {
				if score < n {
					found = append(found, score)
				}
			}
			return found
		}, func(int) (bool, bool) { return false, false }},
	} {
		sent := fewestStatements(counter, func() {
			ctx := w.answer()
			lists := loadAll(t, customers, func(customer *model.Customer) (*read.ResponseConnection, error) {
				return read.ResponsesOf(ctx, customer.ID, c.list)
			})
			for n, list := range lists {
				next, previous := c.more(n)
				if !slices.Equal(scores(list), c.want(n)) || list.PageInfo.HasNextPage != next || list.PageInfo.HasPreviousPage != previous {
					t.Errorf("%s of customer %d: got %v, %+v; want %v", c.name, n, scores(list), list.PageInfo, c.want(n))
				}
				for _, r := range list.Nodes() {
					if r.CustomerID != customers[n].ID {
						t.Errorf("%s of customer %d: response %s belongs to another customer", c.name, n, r.ID)
					}
				}
			}
		})
		if len(sent) != 1 {
			t.Errorf("%s: sent %d statements, want 1:\n%s", c.name, len(sent), strings.Join(sent, "\n"))
		}
	}

	byNumber := read.CaseList{Args: page.Args{First: number(4)}, OrderBy: []*read.CaseOrder{{Field: "NUMBER", Direction: "ASC"}},
		Filter: caseFilter(t, `{"response": {"score": {"lte": 8}}, "not": {"status": ["CLOSED"]}}`)}
	sent := fewestStatements(counter, func() {
		ctx := w.answer()
		for n, list := range loadAll(t, customers, func(customer *model.Customer) (*read.CaseConnection, error) {
			return w.read.CasesOf(ctx, viewer(w.ann), customer.ID, byNumber)
		}) {
			checkCases(t, list, min(n, 4), func(c *model.Case) bool { return c.CustomerID == customers[n].ID && *c.Score <= 8 })
		}
	})
	if len(sent) != 1 {
		t.Errorf("cases of customers: sent %d statements, want 1:\n%s", len(sent), strings.Join(sent, "\n"))
	}
	sent = fewestStatements(counter, func() {
		ctx := w.answer()
		for n, list := range loadAll(t, users, func(user *model.User) (*read.CaseConnection, error) {
			return w.read.CasesAssignedTo(ctx, viewer(w.ann), user.ID, byNumber)
		}) {
			checkCases(t, list, 4, func(c *model.Case) bool { return *c.AssigneeID == users[n].ID && *c.Score <= 8 })
		}
	})
	if len(sent) != 1 {
		t.Errorf("cases of users: sent %d statements, want 1:\n%s", len(sent), strings.Join(sent, "\n"))
	}
}

func checkCases(t *testing.T, list *read.CaseConnection, n int, right func(*model.Case) bool) {
	t.Helper()
	last := 0
	for _, c := range list.Nodes() {
		if !right(c) || c.Number <= last {
			t.Errorf("case %d after case %d does not match the filter or the order", c.Number, last)
		}
		last = c.Number
	}
	if len(list.Edges) != n {
		t.Errorf("got %d cases; want %d", len(list.Edges), n)
	}
}

func TestNestedList(t *testing.T) {
	t.Parallel()
	t.Run("continues from its cursor and counts its own rows", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		mine, other := w.customer(nil), w.customer(nil)
		for i := range 7 {
			w.open(mine, w.response(mine, i, moment.Add(time.Duration(i)*time.Hour)), nil)
			w.response(other, 9, moment)
		}
		ctx := w.answer()
		filtered := responseFilter(t, `{"score": {"lte": 5}}`)
		var seen []int
		args := page.Args{First: number(4)}
		for {
			list, err := read.ResponsesOf(ctx, mine.ID, read.ResponseList{Args: args, Filter: filtered})
			w.must(err)
			for _, r := range list.Nodes() {
				seen = append(seen, r.Score)
			}
			if n, err := list.TotalCount(ctx); n != 6 || err != nil {
				t.Errorf("totalCount is %d, %v; want 6", n, err)
			}
			if !list.PageInfo.HasNextPage {
				break
			}
			args.After = list.PageInfo.EndCursor
		}
		if !slices.Equal(seen, []int{5, 4, 3, 2, 1, 0}) {
			t.Errorf("the pages have the scores %v, want 5 to 0", seen)
		}
		cases, err := w.read.CasesOf(ctx, viewer(w.ann), mine.ID, read.CaseList{FeedCursor: true})
		w.must(err)
		if n, err := cases.TotalCount(ctx); n != 7 || err != nil {
			t.Errorf("totalCount of the cases is %d, %v; want 7", n, err)
		}
		if head, err := w.log.Head(ctx); cases.FeedCursor != head || err != nil {
			t.Errorf("feedCursor is %q, want the head %q: %v", cases.FeedCursor, head, err)
		}
		for name, err := range map[string]error{
			"a wrong cursor":       failed(read.ResponsesOf(ctx, mine.ID, read.ResponseList{Args: page.Args{After: pointer("x")}})),
			"a cursor of the feed": failed(read.NotesOf(ctx, model.CaseID{}, read.NoteList{Args: page.Args{After: &cases.FeedCursor}})),
		} {
			if !is(err, fault.CodeBadUserInput, "after") {
				t.Errorf("%s: got %v, want BAD_USER_INPUT for after", name, err)
			}
		}
		if _, err := read.HistoryOf(ctx, model.CaseID{}, page.Args{First: number(0)}); !is(err, fault.CodeBadUserInput, "first") {
			t.Errorf("a page of 0 events: got %v, want BAD_USER_INPUT for first", err)
		}
		if _, err := w.read.CasesOf(ctx, viewer(w.ann), mine.ID, read.CaseList{OrderBy: []*read.CaseOrder{{Field: "SCORE"}, {Field: "SCORE"}}}); !is(err, fault.CodeBadUserInput, "orderBy") {
			t.Errorf("sorted twice by the same field: got %v, want BAD_USER_INPUT for orderBy", err)
		}
	})

	t.Run("fails for its own argument alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		c := w.customer(nil)
		w.response(c, 3, moment)
		ctx := w.answer()
		var bad, good, notes error
		var list *read.ResponseConnection
		var all sync.WaitGroup // they are read together
		all.Go(func() { _, bad = read.ResponsesOf(ctx, c.ID, read.ResponseList{Args: page.Args{First: number(-1)}}) })
		all.Go(func() { list, good = read.ResponsesOf(ctx, c.ID, read.ResponseList{}) })
		all.Go(func() {
			_, notes = read.NotesOf(ctx, model.CaseID{}, read.NoteList{Args: page.Args{After: pointer("x")}})
		})
		all.Wait()
		if !is(bad, fault.CodeBadUserInput, "first") || !is(notes, fault.CodeBadUserInput, "after") {
			t.Errorf("got %v for a page of -1 and %v for a wrong cursor", bad, notes)
		}
		if good != nil || len(list.Edges) != 1 {
			t.Errorf("the list without a fault: got %v, %v, want one response", list, good)
		}
	})

	// Two viewers send the same request to the loaders of one answer, and each must get the cases assigned to them.
	t.Run("reads mine as the viewer's", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bob := w.user("Bob", "bob@example.com", model.Agent)
		c := w.customer(nil)
		for i := range 3 {
			to := []*model.User{w.ann, bob, bob}[i]
			w.open(c, nil, func(c *model.Case) { c.AssigneeID, c.AssignedAt = &to.ID, &moment })
		}
		ctx := w.answer()
		for user, want := range map[*model.User]int{w.ann: 1, bob: 2} {
			list, err := w.read.CasesOf(ctx, viewer(user), c.ID, read.CaseList{Filter: caseFilter(t, `{"mine": true}`)})
			if err != nil || len(list.Edges) != want {
				t.Errorf("%s has %d cases, %v; want %d", user.Name, len(list.Edges), err, want)
			}
		}
	})
}
