package page

import (
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// An index has the rows of a list in its order, but where the first key may be missing: the missing come last in both
// directions, and an index has them at one end. So such a list is read in parts, those that have the key and those
// that lack it, each of which an index has in its order, and from its place on.

// Groups are for a key of few whole numbers, from 1 on, that no column holds, but that can be looked up: each of its
// values is a part of the list.
type Groups[T any] struct {
	Count int
	// Of narrows a query to the rows of one value; nil: to those that have none. It selects their ids as id, sorted by
	// them, n at most; within is the condition, on the id's column of whichever table, that the ids must meet.
	Of func(query *gorm.DB, value *int, desc bool, within func(column string) clause.Expression, n int) *gorm.DB
	// Fill reads the key of rows that were found, for Key.Of. It is a statement of its own.
	Fill func(db *gorm.DB, rows []*T) error
}

// part is a run of a list.
type part[T any] struct {
	stands func(at place) int   // where a place of the list lies: below 0 before the part, 0 in it, above 0 after it
	order  Order[T]             // that tells the places in it apart
	place  func(at place) place // a place of the list, in this order
	ids    func(query *gorm.DB, between []bound, n int, backward bool) *gorm.DB
}

// bound is one end of what is read: the rows after a place, or before it.
type bound struct {
	at     place
	before bool
}

// parts are those of a list whose first key may be missing, in the list's order.
func (o Order[T]) parts() []part[T] {
	if g := o[0].Groups; g != nil && len(o) == 2 {
		return o.groups(g)
	}
	have, lack := part[T]{order: append(Order[T]{}, o...)}, part[T]{order: o[1:]}
	have.order[0].Nullable = false
	have.place = func(at place) place { return at }
	have.stands = func(at place) int {
		if at[0] == nil {
			return 1
		}
		return 0
	}
	lack.place = func(at place) place { return at[1:] }
	lack.stands = func(at place) int {
		if at[0] != nil {
			return -1
		}
		return 0
	}
	read := func(p part[T], rows string) func(*gorm.DB, []bound, int, bool) *gorm.DB {
		return func(query *gorm.DB, between []bound, n int, backward bool) *gorm.DB {
			for _, b := range between {
				query = query.Where(p.order.beyond(b.at, b.before))
			}
			// Those that lack the key are sorted by it, too: PostgreSQL does not see that an index has them by the rest.
			return query.Where(o[0].Column+rows).Select(o.unique()+" AS id").Clauses(have.order.by(backward), Limit(n))
		}
	}
	have.ids, lack.ids = read(have, " IS NOT NULL"), read(lack, " IS NULL")
	return []part[T]{have, lack}
}

// groups are the parts of a list whose first key is looked up.
func (o Order[T]) groups(g *Groups[T]) (parts []part[T]) {
	for i := range g.Count + 1 {
		value := new(i + 1)
		if o[0].Desc {
			*value = g.Count - i
		}
		if i == g.Count {
			value = nil
		}
		p := part[T]{order: o[1:], place: func(at place) place { return at[1:] }}
		p.stands = func(at place) int {
			its := int64(g.Count) // missing: the last of all
			if v, ok := at[0].(int64); ok && o[0].Desc {
				its = int64(g.Count) - v
			} else if ok {
				its = v - 1
			}
			return int(its) - i
		}
		p.ids = func(query *gorm.DB, between []bound, n int, backward bool) *gorm.DB {
			within := func(column string) clause.Expression {
				order := append(Order[T]{}, p.order...)
				order[0].Column = column
				all := []clause.Expression{clause.Expr{SQL: "true"}}
				for _, b := range between {
					all = append(all, order.beyond(b.at, b.before))
				}
				return clause.And(all...)
			}
			return g.Of(query, value, o[1].Desc != backward, within, n)
		}
		parts = append(parts, p)
	}
	return parts
}

func (o Order[T]) unique() string { return o[len(o)-1].Column }

// reaches tells which of the bounds narrow the part; it tells false where nothing of the part lies between them.
func (p part[T]) reaches(bounds []bound) (narrow []bound, some bool) {
	for _, b := range bounds {
		switch stands := p.stands(b.at); {
		case stands == 0:
			narrow = append(narrow, bound{p.place(b.at), b.before})
		case (stands > 0) != b.before:
			return nil, false
		}
	}
	return narrow, true
}

// inParts narrows rows to the first n of what the query leaves between the bounds: one statement all the same.
// PostgreSQL looks into the next part only where those before have not enough.
func (o Order[T]) inParts(query, rows *gorm.DB, bounds []bound, n int, backward bool) *gorm.DB {
	var runs []any
	for _, p := range o.parts() {
		if narrow, some := p.reaches(bounds); some {
			run := p.ids(query.Model(new(T)), narrow, n, backward)
			if backward {
				runs = append([]any{run}, runs...)
			} else {
				runs = append(runs, run)
			}
		}
	}
	if len(runs) == 0 {
		return rows.Where("false")
	}
	all := strings.Repeat(" UNION ALL (?)", len(runs))[len(" UNION ALL "):]
	return rows.Where(o.unique()+" = ANY(ARRAY(SELECT id FROM ("+all+") runs LIMIT "+strconv.Itoa(n)+"))", runs...)
}

// fill reads the keys of rows that no column holds.
func (o Order[T]) fill(db *gorm.DB, rows []*T) error {
	for _, k := range o {
		if k.Groups != nil && len(rows) > 0 {
			if err := k.Groups.Fill(db.Session(&gorm.Session{NewDB: true}), rows); err != nil {
				return err
			}
		}
	}
	return nil
}
