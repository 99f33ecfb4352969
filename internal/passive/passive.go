// Package passive owns the passives' queue: what each priority means, how Read reads a page of the queue in any order of
// priorities at a cost that does not depend on the length of the queue, and how Allocate assigns a share of the queue. The
// triggers of migrations/00010_passives.sql maintain the rows of the queue; docs/figures.md defines which responses belong
// to it.
//
// It does not decide which responses a user may see; package filter does, and Read takes its condition.
package passive

import (
	"fmt"
	"slices"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Priority is one criterion of the order.
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

// Order sorts the queue by the first priority, then by each further priority, and last by the newest response.
type Order struct {
	by       []Priority
	segments []string // folded, in the order given
}

// NewOrder returns the order of a caller's priorities, or an error where the priorities or segments are invalid.
func NewOrder(by []Priority, segments []string) (Order, error) {
	var faults []error
	refuse := func(argument, format string, args ...any) {
		faults = append(faults, fault.Input(argument, format, args...))
	}
	for i, p := range by {
		if slices.Contains(by[:i], p) {
			refuse(fmt.Sprintf("prioritizeBy[%d]", i), fault.ListedTwice, p)
		}
	}
	switch used := slices.Contains(by, Segment); {
	case used && len(segments) == 0:
		refuse("segments", "the priority SEGMENT needs segments, the most important first")
	case !used && len(segments) > 0:
		refuse("segments", "segments are used only with the priority SEGMENT; add it to prioritizeBy, or leave segments out")
	case len(segments) > segmentsMax:
		refuse("segments", "give at most %d segments", segmentsMax)
	}
	o := Order{by: by}
	for i, s := range segments[:min(len(segments), segmentsMax)] {
		folded := model.Fold(s)
		switch at := fmt.Sprintf("segments[%d]", i); {
		case folded == "":
			refuse(at, "a segment must not be blank")
		case model.CheckText(s) != nil:
			refuse(at, "%s", model.CheckText(s))
		case slices.Contains(o.segments, folded):
			refuse(at, fault.ListedTwice, s)
		}
		o.segments = append(o.segments, folded)
	}
	if err := fault.Join(faults...); err != nil {
		return Order{}, err
	}
	return o, nil
}

// bit is the bit of a priority in the column cell; 0 for a priority that is not in that column.
var bit = map[Priority]int{Score: 4, EasyWins: 2, ResolvedThemes: 1}

const cells = 8

// column is the column of a priority that has many values.
var column = map[Priority]string{LifetimeValue: "lifetime_value", Testimonial: "testimonial"}

// By returns the ORDER BY clause of the whole queue, for a caller that reads much of it. Use Read for one page.
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
