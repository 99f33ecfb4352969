package report

import (
	"context"
	"fmt"
	"math"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
)

// NpsCounts is how many responses are of which category.
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

// Nps is the Net Promoter Score (Reichheld, 2003): the promoters' share minus the detractors' share, −100 to 100, to
// one decimal; nil without responses.
func (c NpsCounts) Nps() *float64 {
	if c.Responses == 0 {
		return nil
	}
	return tenth(100 * float64(c.Promoters-c.Detractors) / float64(c.Responses))
}

// MarginOfError is half the width of the 95% interval of the score, in points, to one decimal; nil for fewer than two
// responses. Each response counts +1, 0 or −1; the variance of that is p + d − (p − d)², with p and d the shares of
// promoters and detractors, and the margin 1.96 times the root of it over n (the normal approximation).
func (c NpsCounts) MarginOfError() *float64 {
	if c.Responses < 2 {
		return nil
	}
	n := float64(c.Responses)
	p, d := float64(c.Promoters)/n, float64(c.Detractors)/n
	return tenth(100 * 1.96 * math.Sqrt(max(p+d-(p-d)*(p-d), 0)/n))
}

func tenth(x float64) *float64 {
	x = math.Round(x*10) / 10
	return &x
}

// NpsReport is the score of the responses that a filter leaves.
type NpsReport struct {
	NpsCounts
	Groups []*NpsGroup
}

// NpsGroup is the score of one group of responses.
type NpsGroup struct {
	Group
	NpsCounts
}

// Nps scores the responses that the filter leaves.
func (r *Reports) Nps(ctx context.Context, viewer auth.Viewer, f *filter.Response, by Grouping[ResponseGroupBy]) (*NpsReport, error) {
	q := r.responses(ctx, viewer, f)
	counts, err := whole[NpsCounts](q, npsCounts)
	if err != nil {
		return nil, fmt.Errorf("report the score: %w", err)
	}
	groups, err := split(q, responseDimensions, by, npsCounts, func(at Group, c NpsCounts) *NpsGroup { return &NpsGroup{at, c} })
	return &NpsReport{counts, groups}, err
}
