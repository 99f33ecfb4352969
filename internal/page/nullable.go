package page

import (
	"strconv"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Groups are for a key that is not a column but can be looked up in other tables. Its values are the integers from 1 to
// Count, each of which is a part of the list.
type Groups[T any] struct {
	Count int
	// Of narrows a query to the rows with a value; nil: to the rows without one. It selects at most n of their ids as id,
	// sorted by id. between is the condition on the ids; column is the id's column in the table that Of reads.
	Of func(query *gorm.DB, value *int, desc bool, between func(column string) clause.Expression, n int) *gorm.DB
	// Fill reads the key of the rows of a page, for Key.Of. It is a statement of its own.
	Fill func(db *gorm.DB, rows []*T) error
}

// listPart is a part of a list whose first key can be missing. Its only ranked key comes before all keys of the order;
// the rank is the part's index in the list.
type listPart[T any] struct {
	Part
	order Order[T]                                                           // the other keys
	ids   func(query *gorm.DB, between []end, n int, backward bool) *gorm.DB // the ids of the part's first n rows
}

// parts are the parts of a list whose first key can be missing, in the list's order.
func (o Order[T]) parts() []listPart[T] {
	if g := o[0].Groups; g != nil && len(o) == 2 {
		return o.groupParts(g)
	}
	have, lack := listPart[T]{order: append(Order[T]{}, o...)}, listPart[T]{order: o[1:]}
	have.order[0].Nullable = false
	read := func(p listPart[T], rows string) func(*gorm.DB, []end, int, bool) *gorm.DB {
		return func(query *gorm.DB, between []end, n int, backward bool) *gorm.DB {
			for _, e := range between {
				query = query.Where(p.order.beyond(e.at, e.before, false))
			}
			// Rows that lack the key are sorted by it, too: otherwise PostgreSQL does not see that the index has their order.
			return query.Where(o[0].Column+rows).Select(o.unique()+" AS id").Clauses(have.order.by(backward), Limit(n))
		}
	}
	have.ids, lack.ids = read(have, " IS NOT NULL"), read(lack, " IS NULL")
	return ranked(have, lack)
}

// groupParts are the parts of a list whose first key is looked up.
func (o Order[T]) groupParts(g *Groups[T]) []listPart[T] {
	parts := make([]listPart[T], g.Count+1)
	for i := range parts {
		value := new(i + 1)
		if o[0].Desc {
			*value = g.Count - i
		}
		if i == g.Count {
			value = nil
		}
		parts[i].order = o[1:]
		parts[i].ids = func(query *gorm.DB, between []end, n int, backward bool) *gorm.DB {
			narrow := func(column string) clause.Expression {
				order := append(Order[T]{}, o[1:]...)
				order[0].Column = column
				all := []clause.Expression{clause.Expr{SQL: "true"}}
				for _, e := range between {
					all = append(all, order.beyond(e.at, e.before, false))
				}
				return clause.And(all...)
			}
			return g.Of(query, value, o[1].Desc != backward, narrow, n)
		}
	}
	return ranked(parts...)
}

func ranked[T any](parts ...listPart[T]) []listPart[T] {
	for i := range parts {
		parts[i].Ranks = []int{i}
		for range parts[i].order {
			parts[i].Ranks = append(parts[i].Ranks, NoRank)
		}
	}
	return parts
}

// split finds the part of a position, and gives the position in that part's order.
func (o Order[T]) split(at position) split {
	g := o[0].Groups
	value, whole := at[0].(int64)
	switch grouped := g != nil && len(o) == 2; {
	case grouped && !whole:
		return split{[]int{g.Count}, at[1:]}
	case grouped && o[0].Desc:
		return split{[]int{g.Count - int(value)}, at[1:]}
	case grouped:
		return split{[]int{int(value) - 1}, at[1:]}
	case at[0] == nil:
		return split{[]int{1}, at[1:]}
	}
	return split{[]int{0}, at}
}

func (o Order[T]) unique() string { return o[len(o)-1].Column }

// inParts narrows rows to the first n of the query's rows between the ends, in one statement. PostgreSQL reads the next
// part only if the parts before it have too few rows.
func (o Order[T]) inParts(query, rows *gorm.DB, ends []end, n int, backward bool) *gorm.DB {
	var runs []any
	for _, p := range o.parts() {
		between, some := p.between(o, ends)
		switch run := func() any { return p.ids(query.Model(new(T)), between, n, backward) }; {
		case !some:
		case backward:
			runs = append([]any{run()}, runs...)
		default:
			runs = append(runs, run())
		}
	}
	if len(runs) == 0 {
		return rows.Where("false")
	}
	all := strings.Repeat(" UNION ALL (?)", len(runs))[len(" UNION ALL "):]
	return rows.Where(o.unique()+" = ANY(ARRAY(SELECT id FROM ("+all+") runs LIMIT "+strconv.Itoa(n)+"))", runs...)
}

// between returns the ends that narrow the part; some is false if no row of the part lies between the ends.
func (p listPart[T]) between(o Order[T], ends []end) (narrowing []end, some bool) {
	for _, e := range ends {
		at := o.split(e.at)
		b, some := p.beyond(at, e.before)
		if !some {
			return nil, false
		}
		if b.keys > 0 {
			narrowing = append(narrowing, end{at.values, e.before})
		}
	}
	return narrowing, true
}

// fill reads the keys of rows that are not columns.
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
