package passive

import (
	"slices"
	"strings"
)

// part is the rows of the queue that are alike in all that has but a few values: they lie together in an index, sorted
// by the rest.
type part struct {
	cell    int
	segment string
	ranks   []int // where the part stands by each priority that has but a few values, in their order
}

// place is a row's values by the keys: the ranks of its part, and the rest.
type place struct {
	ranks  []int
	values []any // by the columns of continuous, and then responded_at and response_id
}

// continuous are the columns of the priorities that have many values, in their order.
func (o Order) continuous() (columns []string) {
	for _, p := range o.by {
		if c := column[p]; c != "" {
			columns = append(columns, c)
		}
	}
	return columns
}

// parts cuts the queue up; segments are all that are in it, where they matter.
func (o Order) parts(segments []string) (list []part) {
	bySegment := slices.Contains(o.by, Segment)
	if !bySegment {
		segments = []string{""}
	}
	for _, s := range segments {
		for cell := range cells {
			p := part{cell: cell, segment: s}
			for _, by := range o.by {
				switch {
				case by == Segment:
					p.ranks = append(p.ranks, o.rank(s))
				case bit[by] > 0:
					p.ranks = append(p.ranks, no(cell&bit[by] > 0))
				}
			}
			list = append(list, p)
		}
	}
	return list
}

func no(yes bool) int {
	if yes {
		return 0
	}
	return 1
}

// rank is where a segment stands in the order given; those that are not in it stand together at the end.
func (o Order) rank(segment string) int {
	if at := slices.Index(o.segments, segment); at >= 0 {
		return at
	}
	return len(o.segments)
}

// bound is a condition that the rows of a part must meet to be beyond a place.
type bound struct {
	columns int  // so many of the keys are compared with the place's, as one row value; none: there is nothing to meet
	equal   bool // the same as the place's is beyond it too
}

// beyond tells which rows of the part are after the place, or before it; none where all are on its other side. Keys
// are looked at in their order: once the part and the place have another rank, all that is left to decide is whether
// the keys before that one are the same.
func (o Order) beyond(p part, at place, backward bool) (b bound, any bool) {
	rank := 0
	for _, by := range o.by {
		if column[by] != "" {
			b.columns++
			continue
		}
		mine, its := p.ranks[rank], at.ranks[rank]
		rank++
		if mine == its {
			continue
		}
		b.equal = (mine > its) != backward
		return b, b.equal || b.columns > 0
	}
	b.columns = len(at.values)
	return b, true
}

// sql writes the bound: all keys run downwards, so that it is one row value, which an index answers.
func (b bound) sql(columns []string, at place, backward bool) (string, []any) {
	if b.columns == 0 {
		return "", nil
	}
	sign := "<"
	if backward {
		sign = ">"
	}
	if b.equal {
		sign += "="
	}
	marks := make([]string, b.columns)
	for i := range marks {
		marks[i] = mark[columns[i]]
	}
	return " AND (q." + strings.Join(columns[:b.columns], ", q.") + ") " + sign + " (" + strings.Join(marks, ", ") + ")", at.values[:b.columns]
}

var mark = map[string]string{"lifetime_value": "CAST(? AS numeric)", "testimonial": "CAST(? AS double precision)", "responded_at": "?", "response_id": "?"}
