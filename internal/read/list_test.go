package read_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

// scatter makes rows with equal values and with every combination of missing values in the columns of the orders.
func (w *world) scatter() {
	w.t.Helper()
	for i := range 24 {
		c := w.customer(func(c *model.Customer) {
			c.CreatedAt = moment.Add(time.Duration(i%5) * time.Hour)
			if i%3 > 0 {
				c.Company = pointer([]string{"zeta", "Alpha", "ÄRGER", "alpha", "\u00e4rger"}[i%5])
			}
			if i%4 > 0 {
				c.LifetimeValue = pointer(decimal.New(int64(i%7)*1000-2000, -3))
			}
		})
		var about *model.Response
		if i%5 > 0 {
			about = w.response(c, i%11, moment.Add(time.Duration(i%6)*time.Minute))
		}
		w.open(c, about, func(c *model.Case) {
			c.Status = []model.CaseStatus{model.Closed, model.Open, model.InProgress}[i%3]
			c.OpenedAt = moment.Add(time.Duration(i%4) * time.Hour)
			c.UpdatedAt = moment.Add(time.Duration(i%3) * time.Hour)
			if c.Status == model.Closed {
				c.ClosedAt = pointer(moment.Add(time.Duration(i%5) * time.Second))
			}
			if i%2 == 0 {
				c.DueAt = pointer(moment.Add(time.Duration(i%7) * time.Microsecond))
			}
			if i%7 > 2 {
				c.AssigneeID, c.AssignedAt = &w.ann.ID, pointer(moment.Add(time.Duration(i%2)*time.Hour))
			}
		})
	}
}

// walk reads a list in pages of 5, forward and backward. Both directions must return the same rows, each once.
func walk[T any, ID comparable](t *testing.T, name string, id func(*T) ID, total int, list func(page.Args) (*page.Connection[T], error)) []*T {
	t.Helper()
	var forward, backward []*T
	for args := (page.Args{First: number(5)}); ; {
		c, err := list(args)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		forward = append(forward, c.Nodes()...)
		if args.After = c.PageInfo.EndCursor; !c.PageInfo.HasNextPage {
			break
		}
	}
	for args := (page.Args{Last: number(5)}); ; {
		c, err := list(args)
		if err != nil {
			t.Fatalf("%s, backward: %v", name, err)
		}
		backward = append(c.Nodes(), backward...)
		if args.Before = c.PageInfo.StartCursor; !c.PageInfo.HasPreviousPage {
			break
		}
	}
	seen := map[ID]bool{}
	for _, x := range forward {
		seen[id(x)] = true
	}
	if len(forward) != total || len(seen) != total {
		t.Errorf("%s: the walk returned %d rows, %d of them distinct; want %d", name, len(forward), len(seen), total)
	}
	if !slices.EqualFunc(forward, backward, func(a, b *T) bool { return id(a) == id(b) }) {
		t.Errorf("%s: the backward walk returned other rows or another order", name)
	}
	return forward
}

func TestList(t *testing.T) {
	t.Parallel()
	t.Run("is complete in each order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.scatter()
		caseID := func(c *model.Case) model.CaseID { return c.ID }
		for _, direction := range []read.OrderDirection{"ASC", "DESC"} {
			for _, field := range read.CaseFields() {
				order := []*read.CaseOrder{{Field: read.CaseOrderField(field), Direction: direction}}
				walk(t, fmt.Sprint("cases by ", field, direction), caseID, 24, func(args page.Args) (*page.Connection[model.Case], error) {
					c, err := w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{Args: args, OrderBy: order, Select: joined("customer", "response", "assignee")})
					return unwrap(c), err
				})
			}
			for _, field := range read.ResponseFields() {
				order := []*read.ResponseOrder{{Field: read.ResponseOrderField(field), Direction: direction}}
				walk(t, fmt.Sprint("responses by ", field, direction), func(r *model.Response) model.ResponseID { return r.ID }, 19, func(args page.Args) (*page.Connection[model.Response], error) {
					return w.read.Responses(t.Context(), everybody, read.ResponseList{Args: args, OrderBy: order, Select: joined("customer")})
				})
			}
			for _, field := range read.CustomerFields() {
				order := []*read.CustomerOrder{{Field: read.CustomerOrderField(field), Direction: direction}}
				walk(t, fmt.Sprint("customers by ", field, direction), func(c *model.Customer) model.CustomerID { return c.ID }, 24, func(args page.Args) (*page.Connection[model.Customer], error) {
					return w.read.Customers(t.Context(), everybody, read.CustomerList{Args: args, OrderBy: order})
				})
			}
		}
		// Several keys in mixed directions.
		byDue := walk(t, "cases by status and due date", caseID, 24, func(args page.Args) (*page.Connection[model.Case], error) {
			c, err := w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{Args: args, OrderBy: []*read.CaseOrder{{"STATUS", "ASC"}, {"DUE_AT", "DESC"}, {"SCORE", "ASC"}}})
			return unwrap(c), err
		})
		if byDue[0].Status != model.Open || byDue[23].Status != model.Closed || byDue[0].DueAt == nil || byDue[7].DueAt != nil {
			t.Errorf("by status and due date the list goes from %s, due %v, to %s; want open cases with a target first", byDue[0].Status, byDue[0].DueAt, byDue[23].Status)
		}
	})

	t.Run("refuses the cursor of another list", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.scatter()
		responses, err := w.read.Responses(t.Context(), everybody, read.ResponseList{OrderBy: []*read.ResponseOrder{{"SCORE", "ASC"}}})
		w.must(err)
		customers, err := w.read.Customers(t.Context(), everybody, read.CustomerList{OrderBy: []*read.CustomerOrder{{"LIFETIME_VALUE", "DESC"}}})
		w.must(err)
		cases, err := w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{})
		w.must(err)
		byScore := read.CaseList{Args: page.Args{After: responses.PageInfo.EndCursor}, OrderBy: []*read.CaseOrder{{"SCORE", "ASC"}}}
		byValue := read.CaseList{Args: page.Args{After: customers.PageInfo.EndCursor}, OrderBy: []*read.CaseOrder{{"LIFETIME_VALUE", "DESC"}}}
		for name, list := range map[string]read.CaseList{"of responses": byScore, "of customers": byValue,
			"of another order": {Args: page.Args{After: cases.PageInfo.EndCursor}, OrderBy: byScore.OrderBy}} {
			if _, err := w.read.Cases(t.Context(), viewer(w.ann), list); !is(err, fault.CodeBadUserInput, "after") {
				t.Errorf("a cursor %s: got %v, want BAD_USER_INPUT for after", name, err)
			}
		}
		for name, err := range map[string]error{
			"cases":     failed(w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{OrderBy: []*read.CaseOrder{{"SCORE", "ASC"}, {"SCORE", "DESC"}}})),
			"responses": failed(w.read.Responses(t.Context(), everybody, read.ResponseList{OrderBy: []*read.ResponseOrder{{"SCORE", "ASC"}, {"SCORE", "ASC"}}})),
			"customers": failed(w.read.Customers(t.Context(), everybody, read.CustomerList{OrderBy: []*read.CustomerOrder{{"COMPANY", "ASC"}, {"COMPANY", "ASC"}}})),
		} {
			if !is(err, fault.CodeBadUserInput, "orderBy") {
				t.Errorf("%s sorted twice by the same field: got %v, want BAD_USER_INPUT for orderBy", name, err)
			}
		}
	})

	t.Run("keeps to its filter and counts its rows", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.scatter()
		w.exec("UPDATE cases SET due_at = ? WHERE due_at IS NOT NULL AND first_follow_up_at IS NULL", moment.Add(-time.Hour))
		list := read.CaseList{Args: page.Args{First: number(2)}, FeedCursor: true, Filter: caseFilter(t, `{"overdue": true, "mine": true, "number": {"gte": 1}}`)}
		got, err := w.read.Cases(t.Context(), viewer(w.ann), list)
		w.must(err)
		want := 0
		for i := range 24 {
			if i%2 == 0 && i%3 > 0 && i%7 > 2 { // due, not closed, Ann's
				want++
			}
		}
		if n, err := got.TotalCount(t.Context()); n != want || err != nil || len(got.Edges) != 2 {
			t.Errorf("the page has %d of %d cases (%v); want 2 of %d", len(got.Edges), n, err, want)
		}
		if head, _ := w.log.Head(t.Context()); got.FeedCursor != head {
			t.Errorf("feedCursor is %q, want the head %q", got.FeedCursor, head)
		}
		if none, err := w.read.Cases(t.Context(), viewer(w.ann), read.CaseList{Filter: caseFilter(t, `{"or": []}`)}); err != nil || len(none.Edges) != 0 || none.FeedCursor != "" {
			t.Errorf("an empty or: got %v, %v, want an empty page without a feed cursor", none, err)
		}
		customers, err := w.read.Customers(t.Context(), everybody, read.CustomerList{Args: page.Args{First: number(100)}, Filter: parsed(t, `{"company": {"eq": "ALPHA"}}`, new(filter.Customer))})
		w.must(err)
		for _, c := range customers.Nodes() {
			if model.Fold(*c.Company) != "alpha" {
				t.Errorf("the filter by company found a customer of %s", *c.Company)
			}
		}
		responses, err := w.read.Responses(t.Context(), everybody, read.ResponseList{Args: page.Args{First: number(100)}, Filter: responseFilter(t, `{"customer": {"company": {"eq": "ALPHA"}}}`), Select: joined("customer")})
		w.must(err)
		for _, r := range responses.Nodes() {
			if r.Customer.ID != r.CustomerID || model.Fold(*r.Customer.Company) != "alpha" {
				t.Errorf("the filter by company found a response of customer %v", r.Customer)
			}
		}
		if len(customers.Edges) == 0 || len(responses.Edges) == 0 {
			t.Error("the filter by company found nothing")
		}
	})
}

func unwrap(c *read.CaseConnection) *page.Connection[model.Case] {
	if c == nil {
		return nil
	}
	return c.Connection
}

func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(w.customer(nil), nil, nil)
	w.logAssignment(c, w.ann)
	got, err := w.read.Events(t.Context(), viewer(w.ann), page.Args{}, eventRequest)
	w.must(err)
	opened, isOpened := got.Nodes()[0].(*model.CaseOpened)
	assigned, isAssigned := got.Nodes()[1].(*model.CaseAssigned)
	if len(got.Edges) != 2 || !isOpened || !isAssigned || opened.CaseID != c.ID || *assigned.AssigneeID != w.ann.ID || got.Edges[1].Cursor != assigned.Cursor {
		t.Errorf("got %v, want CaseOpened and CaseAssigned of case %s", got.Nodes(), c.ID)
	}
	if _, err := w.read.Events(t.Context(), viewer(w.ann), page.Args{After: pointer("x")}, eventRequest); !is(err, fault.CodeBadUserInput, "after") {
		t.Errorf("an invalid cursor: got %v, want BAD_USER_INPUT for after", err)
	}
}
