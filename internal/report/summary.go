package report

import (
	"context"
	"fmt"

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

var caseCounts = `count(*) FILTER (WHERE cases.status = 'OPEN') AS open,
	count(*) FILTER (WHERE cases.status = 'IN_PROGRESS') AS in_progress,
	count(*) FILTER (WHERE cases.status = 'CLOSED') AS closed,
	count(*) AS total,
	count(*) FILTER (WHERE ` + filter.Overdue("@now") + `) AS overdue`

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

// CaseSummary counts the cases that match the filter. If cursor is true, it reads the feed's cursor before it counts, so
// the figures include at least every event up to the cursor.
func (r *Reports) CaseSummary(ctx context.Context, viewer auth.Viewer, f *filter.Case, cursor bool) (*CaseSummary, error) {
	var head string
	var err error
	if cursor {
		if head, err = r.log.Head(ctx); err != nil {
			return nil, err
		}
	}
	q := r.cases(ctx, viewer, f)
	out := &CaseSummary{Cursor: head}
	if out.CaseCounts, err = countAll[CaseCounts](q, caseCounts); err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	out.split = func(ctx context.Context, g Grouping[CaseGroupBy]) ([]*CaseGroup, error) {
		return split(q.withContext(ctx), caseDimensions, g, caseCounts, func(at Group, counts CaseCounts) *CaseGroup { return &CaseGroup{at, counts} })
	}
	return out, nil
}

// Groups counts the same cases by group.
func (s *CaseSummary) Groups(ctx context.Context, groupBy CaseGroupBy, first *int, timeZone *string) ([]*CaseGroup, error) {
	return s.split(ctx, Grouping[CaseGroupBy]{By: &groupBy, First: first, TimeZone: timeZone})
}
