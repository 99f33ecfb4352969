package passive

import (
	"slices"

	"github.com/closeloop/closeloop/internal/page"
)

// part is a set of rows of the queue: those with one combination of values in the columns that have few values. An index
// stores the rows of a part next to each other, sorted by the other columns.
type part struct {
	page.Part
	cell    int
	segment string
}

// parts divides the queue into parts. segments must have all segments in the queue; it is ignored where the order does not
// use SEGMENT.
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
					p.Ranks = append(p.Ranks, rankOf(cell&bit[by] > 0))
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

// ranks returns the part's ranks for the priorities that have few values, in the order of the priorities.
func (p part) ranks() []int {
	return slices.DeleteFunc(slices.Clone(p.Ranks), func(rank int) bool { return rank == page.NoRank })
}

// rankOf returns rank 0 where a part has the quality that a priority asks for, else 1.
func rankOf(has bool) int {
	if has {
		return 0
	}
	return 1
}

// rank returns the index of a segment in the caller's list. All segments outside the list share the last rank.
func (o Order) rank(segment string) int {
	if at := slices.Index(o.segments, segment); at >= 0 {
		return at
	}
	return len(o.segments)
}
