package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
)

// CaseCounts is the number of cases in each status, in total and overdue.
type CaseCounts struct {
	Open       int
	InProgress int
	Closed     int
	Total      int
	Overdue    int
}

// caseCounts has the SQL of each figure, by its name in the API.
var caseCounts = map[string]string{
	"open":       "count(*) FILTER (WHERE cases.status = 'OPEN') AS open",
	"inProgress": "count(*) FILTER (WHERE cases.status = 'IN_PROGRESS') AS in_progress",
	"closed":     "count(*) FILTER (WHERE cases.status = 'CLOSED') AS closed",
	"total":      "count(*) AS total",
	"overdue":    "count(*) FILTER (WHERE " + filter.Overdue("@now") + ") AS overdue",
}

// AskedCounts says what a caller wants to know. The other figures stay zero.
type AskedCounts struct {
	Figures []string // names of figures in the API; others are ignored
	Groups  []string // of each group
	Cursor  bool
}

// allCounts asks for every figure.
var allCounts = AskedCounts{Figures: slices.Sorted(maps.Keys(caseCounts)), Groups: slices.Sorted(maps.Keys(caseCounts))}

// countsOf returns the SQL of the figures, in a fixed order, so that equal questions are equal statements.
func countsOf(names []string) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(caseCounts)) {
		if slices.Contains(names, name) {
			all = append(all, caseCounts[name])
		}
	}
	return strings.Join(all, ", ")
}

// CaseSummary counts the cases that match a filter.
type CaseSummary struct {
	CaseCounts
	Cursor string // empty if the caller does not ask for it

	offset int64 // see Offset
	split  func(context.Context, Grouping[CaseGroupBy]) ([]*CaseGroup, error)
}

// CaseGroup counts the cases of one group.
type CaseGroup struct {
	Group
	CaseCounts
}

// CaseSummary counts the cases that match the filter. If the cursor is asked for, it reads the feed's cursor before it counts,
// so the figures include at least every event up to the cursor.
func (r *Reports) CaseSummary(ctx context.Context, viewer auth.Viewer, f *filter.Case, asked AskedCounts) (*CaseSummary, error) {
	at := sync.OnceValues(func() (event.Place, error) { return r.log.Place(ctx) })
	var cursor string
	if asked.Cursor {
		head, err := at()
		if err != nil {
			return nil, err
		}
		cursor = head.Cursor()
	}
	s, err := r.caseSummary(ctx, viewer, f, asked, at)
	if err != nil {
		return nil, err
	}
	s.Cursor = cursor
	return s, nil
}

// caseSummary counts the cases as they are at a place of the log, or later.
func (r *Reports) caseSummary(ctx context.Context, viewer auth.Viewer, f *filter.Case, asked AskedCounts, at func() (event.Place, error)) (*CaseSummary, error) {
	q := r.cases(ctx, viewer, f)
	t := tallied{r.tally, f, at}
	counts, err := q.countCases(t, asked.Figures)
	if err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	return &CaseSummary{CaseCounts: counts, split: func(ctx context.Context, g Grouping[CaseGroupBy]) ([]*CaseGroup, error) {
		return q.withContext(ctx).groupCases(t, asked.Groups, g)
	}}, nil
}

// countCases counts the figures: in memory where they are kept, else with one statement. Overdue cases are few and have an index
// of their own, and without them the statuses are counted in an index as well.
func (q selection) countCases(t tallied, names []string) (counts CaseCounts, err error) {
	overdue := slices.Contains(names, "overdue")
	figures := countsOf(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "overdue" }))
	if figures != "" {
		kept, ok, err := t.total(q)
		if err != nil {
			return counts, err
		}
		if ok {
			counts, figures = kept.only(names), ""
		}
	}
	late := q.rows.Where(filter.Overdue("?"), q.now).Select("count(*) AS overdue")
	switch {
	case overdue && figures != "":
		err = q.db.Table("(?) AS by_status, (?) AS late", q.rows.Clauses(q.selectFigures(figures, nil)), late).Scan(&counts).Error
	case overdue:
		err = late.Scan(&counts.Overdue).Error
	case figures != "":
		return countAll[CaseCounts](q, figures)
	}
	return counts, err
}

// groupCases counts the figures of each group.
func (q selection) groupCases(t tallied, names []string, by Grouping[CaseGroupBy]) ([]*CaseGroup, error) {
	newGroup := func(at Group, counts CaseCounts) *CaseGroup { return &CaseGroup{at, counts} }
	d, first, err := grouping(q, caseDimensions, by)
	if err != nil || by.By == nil {
		return []*CaseGroup{}, err
	}
	rows, ok, err := t.groups(q, *by.By, first, names)
	switch {
	case err != nil:
		return nil, fmt.Errorf("count by %s: %w", *by.By, err)
	case ok:
		return named(q, d, rows, newGroup)
	}
	return split(q, caseDimensions, by, cmp.Or(countsOf(names), caseCounts["total"]), newGroup)
}

// only are the figures with these names; the others are zero.
func (c CaseCounts) only(names []string) (out CaseCounts) {
	for name, figure := range map[string][2]*int{"open": {&out.Open, &c.Open}, "inProgress": {&out.InProgress, &c.InProgress},
		"closed": {&out.Closed, &c.Closed}, "total": {&out.Total, &c.Total}, "overdue": {&out.Overdue, &c.Overdue}} {
		if slices.Contains(names, name) {
			*figure[0] = *figure[1]
		}
	}
	return out
}

// Groups counts the same cases by group.
func (s *CaseSummary) Groups(ctx context.Context, groupBy CaseGroupBy, first *int, timeZone *string) ([]*CaseGroup, error) {
	return s.split(ctx, Grouping[CaseGroupBy]{By: &groupBy, First: first, TimeZone: timeZone})
}
