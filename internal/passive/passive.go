// Package passive owns the order of the passives' queue: what each priority means, and how a page of the queue is read
// in any order of them at the cost of the page alone. What is in the queue is kept by the triggers of
// migrations/00010_passives.sql; docs/figures.md says what that is.
//
// It refuses to write, and to decide who may see what: conditions on the responses are handed in.
package passive

import (
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Priority is one thing that decides who comes first.
type Priority string

const (
	LifetimeValue  Priority = "LIFETIME_VALUE"
	Score          Priority = "SCORE"
	EasyWins       Priority = "EASY_WINS"
	Segment        Priority = "SEGMENT"
	Testimonial    Priority = "TESTIMONIAL"
	ResolvedThemes Priority = "RESOLVED_THEMES"
)

const segmentsMax = 100

// Order is what the queue is sorted by: the priorities, the first of which decides, and then the newest answer.
type Order struct {
	by       []Priority
	segments []string // folded, in the order given
}

// NewOrder reads what a caller asks for; below is where in the arguments that stands.
func NewOrder(by []Priority, segments []string) (Order, error) {
	for i, p := range by {
		if slices.Contains(by[:i], p) {
			return Order{}, fault.Input(fmt.Sprintf("prioritizeBy[%d]", i), fault.ListedTwice, p)
		}
	}
	switch asked := slices.Contains(by, Segment); {
	case asked && len(segments) == 0:
		return Order{}, fault.Input("segments", "the priority SEGMENT needs segments, the first of which comes first")
	case !asked && len(segments) > 0:
		return Order{}, fault.Input("segments", "segments go with the priority SEGMENT alone")
	case len(segments) > segmentsMax:
		return Order{}, fault.Input("segments", "%d segments at most", segmentsMax)
	}
	o := Order{by: by}
	for i, s := range segments {
		folded := model.Fold(s)
		switch {
		case folded == "":
			return Order{}, fault.Input(fmt.Sprintf("segments[%d]", i), "a segment has a name")
		case model.CheckText(s) != nil:
			return Order{}, fault.Input(fmt.Sprintf("segments[%d]", i), "%s", model.CheckText(s))
		case slices.Contains(o.segments, folded):
			return Order{}, fault.Input(fmt.Sprintf("segments[%d]", i), fault.ListedTwice, s)
		}
		o.segments = append(o.segments, folded)
	}
	return o, nil
}

// bit is where a cell says yes to a priority; 0 for those that cells say nothing of.
var bit = map[Priority]int{Score: 4, EasyWins: 2, ResolvedThemes: 1}

const cells = 8

// column is where a priority's value stands, for those that have more than a few.
var column = map[Priority]string{LifetimeValue: "lifetime_value", Testimonial: "testimonial"}

// By sorts the whole of the queue, for whoever takes much of it. A page is what Read is for.
func (o Order) By() clause.Expression {
	sql, vars := "", []any(nil)
	for _, p := range o.by {
		switch {
		case p == Segment:
			sql += "array_position(CAST(? AS text[]), passives.segment) NULLS LAST, "
			vars = append(vars, pg.Array(o.segments))
		case bit[p] > 0:
			sql += fmt.Sprintf("passives.cell & %d DESC, ", bit[p])
		default:
			sql += "passives." + column[p] + " DESC, "
		}
	}
	return clause.OrderBy{Expression: clause.Expr{SQL: sql + "passives.responded_at DESC, passives.response_id DESC", Vars: vars}}
}
