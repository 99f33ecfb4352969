package report

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// FollowUpCounts is how follow-up does against its targets.
type FollowUpCounts struct {
	Cases                int
	WithTarget           int
	FollowedUpInTime     int
	ContactedInTime      int
	ClosedInTime         int
	Decided              int // the target is due, or was met before
	OverdueNow           int
	MedianTimeToFollowUp *model.Duration
	P90TimeToFollowUp    *model.Duration `gorm:"column:p90_time_to_follow_up"`
	MedianTimeToClose    *model.Duration
}

// InTimeRate is the share followed up in time of the cases whose target is due or met, 0 to 1; nil where there is none.
func (c FollowUpCounts) InTimeRate() *float64 { return rate(c.FollowedUpInTime, c.Decided) }

func rate(part, all int) *float64 {
	if all == 0 {
		return nil
	}
	share := float64(part) / float64(all)
	return &share
}

// A wait begins with the response, as the target does; without one, with the case. A response may bear a time up to a
// day ahead of the clock: no wait is below nought.
const (
	began      = "coalesce(cases.responded_at, cases.opened_at)"
	toFollowUp = "(ORDER BY greatest(extract(epoch FROM cases.first_follow_up_at - " + began + ") * 1e6, 0)::float8) FILTER (WHERE cases.first_follow_up_at IS NOT NULL)"
	toClose    = "(ORDER BY greatest(extract(epoch FROM cases.closed_at - " + began + ") * 1e6, 0)::float8) FILTER (WHERE cases.closed_at IS NOT NULL)"
)

const followUpCounts = `count(*) AS cases, count(cases.due_at) AS with_target,
	count(*) FILTER (WHERE cases.first_follow_up_at <= cases.due_at) AS followed_up_in_time,
	count(*) FILTER (WHERE cases.first_contact_at <= cases.due_at) AS contacted_in_time,
	count(*) FILTER (WHERE cases.closed_at <= cases.due_at) AS closed_in_time,
	count(*) FILTER (WHERE cases.due_at < @now OR cases.first_follow_up_at <= cases.due_at) AS decided,
	count(*) FILTER (WHERE cases.due_at < @now AND cases.first_follow_up_at IS NULL AND cases.status <> 'CLOSED') AS overdue_now,
	floor(percentile_cont(0.5) WITHIN GROUP ` + toFollowUp + `)::bigint AS median_time_to_follow_up,
	floor(percentile_cont(0.9) WITHIN GROUP ` + toFollowUp + `)::bigint AS p90_time_to_follow_up,
	floor(percentile_cont(0.5) WITHIN GROUP ` + toClose + `)::bigint AS median_time_to_close`

// FollowUpReport is how follow-up of the cases that a filter leaves does against its targets.
type FollowUpReport struct {
	FollowUpCounts
	Groups []*FollowUpGroup
}

// FollowUpGroup is how follow-up of one group of cases does.
type FollowUpGroup struct {
	Group
	FollowUpCounts
}

// FollowUp counts the cases that the filter leaves against their targets.
func (r *Reports) FollowUp(ctx context.Context, viewer auth.Viewer, f *filter.Case, by Grouping[CaseGroupBy]) (*FollowUpReport, error) {
	q := r.cases(ctx, viewer, f)
	counts, err := whole[FollowUpCounts](q, followUpCounts)
	if err != nil {
		return nil, fmt.Errorf("report on follow-up: %w", err)
	}
	groups, err := split(q, caseDimensions, by, followUpCounts, func(at Group, c FollowUpCounts) *FollowUpGroup { return &FollowUpGroup{at, c} })
	return &FollowUpReport{counts, groups}, err
}
