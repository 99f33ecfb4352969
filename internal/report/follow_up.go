package report

import (
	"context"
	"fmt"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// FollowUpCounts measures follow-up against its targets.
type FollowUpCounts struct {
	Cases                int
	WithTarget           int
	FollowedUpInTime     int
	ContactedInTime      int
	ClosedInTime         int
	Decided              int // the target has passed or was met
	OverdueNow           int
	MedianTimeToFollowUp *model.Duration
	P90TimeToFollowUp    *model.Duration `gorm:"column:p90_time_to_follow_up"`
	MedianTimeToClose    *model.Duration
}

// InTimeRate returns the share, from 0 to 1, of the decided cases that were followed up in time; nil without decided
// cases.
func (c FollowUpCounts) InTimeRate() *float64 { return share(c.FollowedUpInTime, c.Decided) }

func share(part, all int) *float64 {
	if all == 0 {
		return nil
	}
	share := float64(part) / float64(all)
	return &share
}

// Waiting times are measured from the response, as targets are, or from the case's opening when there is no response. A
// response's time may be up to a day ahead of the clock, so a negative waiting time counts as zero.
const (
	waitStart  = "coalesce(cases.responded_at, cases.opened_at)"
	toFollowUp = "(ORDER BY greatest(extract(epoch FROM cases.first_follow_up_at - " + waitStart + ") * 1e6, 0)::float8) FILTER (WHERE cases.first_follow_up_at IS NOT NULL)"
	toClose    = "(ORDER BY greatest(extract(epoch FROM cases.closed_at - " + waitStart + ") * 1e6, 0)::float8) FILTER (WHERE cases.closed_at IS NOT NULL)"
)

var followUpCounts = `count(*) AS cases, count(cases.due_at) AS with_target,
	count(*) FILTER (WHERE cases.first_follow_up_at <= cases.due_at) AS followed_up_in_time,
	count(*) FILTER (WHERE cases.first_contact_at <= cases.due_at) AS contacted_in_time,
	count(*) FILTER (WHERE cases.closed_at <= cases.due_at) AS closed_in_time,
	count(*) FILTER (WHERE cases.due_at < @now OR cases.first_follow_up_at <= cases.due_at) AS decided,
	count(*) FILTER (WHERE ` + filter.Overdue("@now") + `) AS overdue_now,
	floor(percentile_cont(0.5) WITHIN GROUP ` + toFollowUp + `)::bigint AS median_time_to_follow_up,
	floor(percentile_cont(0.9) WITHIN GROUP ` + toFollowUp + `)::bigint AS p90_time_to_follow_up,
	floor(percentile_cont(0.5) WITHIN GROUP ` + toClose + `)::bigint AS median_time_to_close`

// FollowUpReport measures the follow-up of the cases that match a filter.
type FollowUpReport struct {
	FollowUpCounts
	Groups []*FollowUpGroup
}

// FollowUpGroup measures the follow-up of one group of cases.
type FollowUpGroup struct {
	Group
	FollowUpCounts
}

// FollowUp measures the follow-up of the cases that match the filter against their targets.
func (r *Reports) FollowUp(ctx context.Context, viewer auth.Viewer, f *filter.Case, by Grouping[CaseGroupBy]) (*FollowUpReport, error) {
	q := r.cases(ctx, viewer, f)
	counts, err := countAll[FollowUpCounts](q, followUpCounts)
	if err != nil {
		return nil, fmt.Errorf("report on follow-up: %w", err)
	}
	groups, err := split(q, caseDimensions, by, followUpCounts, func(at Group, c FollowUpCounts) *FollowUpGroup { return &FollowUpGroup{at, c} })
	return &FollowUpReport{counts, groups}, err
}
