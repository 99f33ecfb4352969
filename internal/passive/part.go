package passive

import (
	"slices"

	"github.com/closeloop/closeloop/internal/page"
)

// part is the rows of the queue that have the same values in the columns with few values. An index has these rows next
// to each other, sorted by the other columns.
type part struct {
	page.Part
	cell    int
	segment string
}

// parts divides the queue; segments are all segments in the queue, if the order looks at them.
func (o Order) parts(segments []string) (list []part) {
	if !slices.Contains(o.by, Segment) {
		segments = []string{""}
	}
	for _, s := range segments {
		for cell := range cells {
			p := part{cell: cell, segment: s}
			for _, by := range o.by {
				switch {
				case by == Segment:
					p.Ranks = append(p.Ranks, o.rank(s))
				case bit[by] > 0:
					p.Ranks = append(p.Ranks, no(cell&bit[by] > 0))
				default:
					p.Ranks = append(p.Ranks, page.NoRank)
				}
			}
			p.Ranks = append(p.Ranks, page.NoRank, page.NoRank) // responded_at and response_id
			list = append(list, p)
		}
	}
	return list
}

// ranks gives the part's ranks by the priorities with few values, in the order of the priorities.
func (p part) ranks() []int {
	return slices.DeleteFunc(slices.Clone(p.Ranks), func(rank int) bool { return rank == page.NoRank })
}

func no(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// rank is the index of a segment in the given order; all segments that are not in it share the last rank.
func (o Order) rank(segment string) int {
	if at := slices.Index(o.segments, segment); at >= 0 {
		return at
	}
	return len(o.segments)
}
