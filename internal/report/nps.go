package report

import (
	"context"
	"fmt"
	"math"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
)

// NpsCounts is the number of responses in each category.
type NpsCounts struct {
	Responses  int
	Promoters  int
	Passives   int
	Detractors int
}

const npsCounts = `count(*) AS responses,
	count(*) FILTER (WHERE responses.category = 'PROMOTER') AS promoters,
	count(*) FILTER (WHERE responses.category = 'PASSIVE') AS passives,
	count(*) FILTER (WHERE responses.category = 'DETRACTOR') AS detractors`

// Nps returns the Net Promoter Score (Reichheld, 2003): the promoters' share minus the detractors' share, from −100 to
// 100, with one decimal. It returns nil without responses.
func (c NpsCounts) Nps() *float64 {
	if c.Responses == 0 {
		return nil
	}
	return roundToTenth(100 * float64(c.Promoters-c.Detractors) / float64(c.Responses))
}

// MarginOfError returns half the width of the score's 95% confidence interval, in points, with one decimal. It returns
// nil for fewer than two responses. Each response counts +1, 0 or −1. With p and d as the shares of promoters and
// detractors the variance is p + d − (p − d)², and the margin is 1.96 times the root of variance/n (normal approximation).
func (c NpsCounts) MarginOfError() *float64 {
	if c.Responses < 2 {
		return nil
	}
	n := float64(c.Responses)
	p, d := float64(c.Promoters)/n, float64(c.Detractors)/n
	return roundToTenth(100 * 1.96 * math.Sqrt(max(p+d-(p-d)*(p-d), 0)/n))
}

func roundToTenth(x float64) *float64 {
	x = math.Round(x*10) / 10
	return &x
}

// NpsReport is the score of the responses that match a filter.
type NpsReport struct {
	NpsCounts
	Groups []*NpsGroup
}

// NpsGroup is the score of one group of responses.
type NpsGroup struct {
	Group
	NpsCounts
}

// Nps scores the responses that match the filter.
func (r *Reports) Nps(ctx context.Context, viewer auth.Viewer, f *filter.Response, by Grouping[ResponseGroupBy]) (*NpsReport, error) {
	q := r.responses(ctx, viewer, f)
	newGroup := func(at Group, c NpsCounts) *NpsGroup { return &NpsGroup{at, c} }
	d, first, err := grouping(q, responseDimensions, by)
	if err != nil {
		return nil, err
	}
	if kept, ok := r.rolled(q, f); ok {
		report, ok, err := kept.nps(d, by, first, newGroup)
		switch {
		case err != nil:
			return nil, fmt.Errorf("count the score by the day: %w", err)
		case ok:
			return report, nil
		}
	}
	counts, err := countAll[NpsCounts](q, npsCounts)
	if err != nil {
		return nil, fmt.Errorf("count the score: %w", err)
	}
	groups, err := split(q, responseDimensions, by, npsCounts, newGroup)
	return &NpsReport{counts, groups}, err
}
