package page

import (
	"strconv"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// An index has the rows of a list in its order, but where the first key may be missing: the missing come last in both
// directions, and an index has them at one end. So such a list is read in two parts, those that have the key and those
// that lack it, each of which an index has in its order, and from its place on.

// part is a run of a list.
type part[T any] struct {
	rows   clause.Expression    // which they are
	order  Order[T]             // that tells their places apart
	place  func(at place) place // a place among all, in this order
	stands func(at place) int   // where a place of the list lies: below 0 before the part, 0 in it, above 0 after it
}

// bound is one end of what is read: the rows after a place, or before it.
type bound struct {
	at     place
	before bool
}

// parts are those of a list whose first key may be missing, in the list's order.
func (o Order[T]) parts() []part[T] {
	have := append(Order[T]{}, o...)
	have[0].Nullable = false
	return []part[T]{
		{
			rows:  clause.Expr{SQL: o[0].Column + " IS NOT NULL"},
			order: have,
			place: func(at place) place { return at },
			stands: func(at place) int {
				if at[0] == nil {
					return 1
				}
				return 0
			},
		},
		{
			rows:  clause.Expr{SQL: o[0].Column + " IS NULL"},
			order: o[1:],
			place: func(at place) place { return at[1:] },
			stands: func(at place) int {
				if at[0] != nil {
					return -1
				}
				return 0
			},
		},
	}
}

// within narrows the query to what of the part lies between the bounds; it tells false where nothing does.
func (p part[T]) within(query *gorm.DB, bounds []bound) (*gorm.DB, bool) {
	query = query.Where(p.rows)
	for _, b := range bounds {
		switch stands := p.stands(b.at); {
		case stands == 0:
			query = query.Where(p.order.beyond(p.place(b.at), b.before))
		case (stands > 0) != b.before:
			return nil, false
		}
	}
	return query, true
}

// inParts narrows rows to the first n of what the query leaves between the bounds: one statement all the same.
// PostgreSQL looks into the second part only where the first has not enough.
func (o Order[T]) inParts(query, rows *gorm.DB, bounds []bound, n int, backward bool) *gorm.DB {
	parts := o.parts()
	if backward {
		parts[0], parts[1] = parts[1], parts[0]
	}
	// The key stands in the order of those that lack it, too: PostgreSQL does not see that an index has them by id.
	by := append(Order[T]{}, o...)
	by[0].Nullable = false
	unique := o[len(o)-1].Column
	var runs []any
	for _, p := range parts {
		if run, some := p.within(query.Model(new(T)), bounds); some {
			runs = append(runs, run.Select(unique+" AS id").Clauses(by.by(backward), Limit(n)))
		}
	}
	switch len(runs) {
	case 0:
		return rows.Where("false")
	case 1:
		return rows.Where(unique+" = ANY(ARRAY(?))", runs[0])
	}
	return rows.Where(unique+" = ANY(ARRAY(SELECT id FROM ((?) UNION ALL (?)) runs LIMIT "+strconv.Itoa(n)+"))", runs...)
}
