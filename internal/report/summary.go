package report

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/closeloop/closeloop/internal/auth"
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
	var head string
	var err error
	if asked.Cursor {
		if head, err = r.log.Head(ctx); err != nil {
			return nil, err
		}
	}
	q := r.cases(ctx, viewer, f)
	out := &CaseSummary{Cursor: head}
	if out.CaseCounts, err = q.countCases(asked.Figures); err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	groups := cmp.Or(countsOf(asked.Groups), caseCounts["total"])
	out.split = func(ctx context.Context, g Grouping[CaseGroupBy]) ([]*CaseGroup, error) {
		return split(q.withContext(ctx), caseDimensions, g, groups, func(at Group, counts CaseCounts) *CaseGroup { return &CaseGroup{at, counts} })
	}
	return out, nil
}

// countCases counts the figures with one statement. Overdue cases are few and have an index of their own, and without them the
// statuses are counted in an index as well.
func (q selection) countCases(names []string) (counts CaseCounts, err error) {
	overdue := slices.Contains(names, "overdue")
	figures := countsOf(slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == "overdue" }))
	late := q.rows.Where(filter.Overdue("?"), q.now).Select("count(*) AS overdue")
	switch {
	case overdue && figures != "":
		err = q.db.Table("(?) AS by_status, (?) AS late", q.rows.Clauses(q.selectFigures(figures, nil)), late).Scan(&counts).Error
	case overdue:
		err = late.Scan(&counts).Error
	case figures != "":
		return countAll[CaseCounts](q, figures)
	}
	return counts, err
}

// Groups counts the same cases by group.
func (s *CaseSummary) Groups(ctx context.Context, groupBy CaseGroupBy, first *int, timeZone *string) ([]*CaseGroup, error) {
	return s.split(ctx, Grouping[CaseGroupBy]{By: &groupBy, First: first, TimeZone: timeZone})
}
