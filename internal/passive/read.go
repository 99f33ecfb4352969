package passive

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Page is some rows of the queue, in its order.
type Page struct {
	Responses []model.ResponseID
	Cursors   []string
	More      bool // on the side that the page was read towards
	Backward  bool
}

// row is a row of the queue, as far as orders look at it.
type row struct {
	Nth           int // of the parts
	ResponseID    uuid.UUID
	LifetimeValue decimal.Decimal
	Testimonial   float64
	RespondedAt   time.Time

	ranks []int
}

// Read reads a page of the queue as where leaves it: a condition on the rows of responses; nil: all.
//
// No index has its rows in all orders. But of each part the next few rows lie together in one, so those are read from
// every part, and sorted: some hundred rows, however long the queue is. Parts that come after others as a whole are
// only read where those have not enough.
func (o Order) Read(db *gorm.DB, args page.Args, where clause.Expression) (*Page, error) {
	n, backward, err := args.Size()
	if err != nil {
		return nil, err
	}
	keys := o.keys()
	var bounds []limit
	for _, given := range []limit{{argument: "after", cursor: args.After}, {argument: "before", cursor: args.Before, backward: true}} {
		if given.cursor == nil {
			continue
		}
		values, err := keys.Place(given.argument, *given.cursor)
		if err != nil {
			return nil, err
		}
		given.at = o.placed(values)
		bounds = append(bounds, given)
	}
	parts, err := o.partsIn(db)
	if err != nil {
		return nil, err
	}
	var found []row
	for turn, tiers := 1, o.tiers(parts, bounds, backward); len(tiers) > 0 && len(found) <= n; turn *= 2 {
		turn = min(turn, len(tiers))
		more, err := o.next(db, slices.Concat(tiers[:turn]...), bounds, n+1, backward, where)
		if err != nil {
			return nil, fmt.Errorf("read the passives' queue: %w", err)
		}
		found, tiers = append(found, more...), tiers[turn:]
	}
	p := &Page{More: len(found) > n, Backward: backward}
	found = found[:min(n, len(found))]
	if backward {
		slices.Reverse(found)
	}
	for i := range found {
		found[i].ranks = parts[found[i].Nth].ranks
		p.Responses = append(p.Responses, model.ResponseID{UUID: found[i].ResponseID})
		p.Cursors = append(p.Cursors, keys.Cursor(&found[i]))
	}
	return p, nil
}

// limit is one end of what is asked for.
type limit struct {
	argument string
	cursor   *string
	backward bool
	at       place
}

// keys are the priorities as a cursor keeps them.
func (o Order) keys() page.Order[row] {
	var keys page.Order[row]
	rank := 0
	for _, p := range o.by {
		key := page.Key[row]{Name: "PASSIVES " + string(p), Kind: page.Number, Desc: true}
		switch p {
		case LifetimeValue:
			key.Of = func(r *row) any { return r.LifetimeValue }
		case Testimonial:
			key.Of = func(r *row) any { return decimal.NewFromFloat(r.Testimonial) }
		default:
			nth := rank
			rank++
			key.Kind, key.Of = page.Whole, func(r *row) any { return r.ranks[nth] }
		}
		if p == Segment { // a rank in one list is none in another
			key.Name += fmt.Sprintf("%q", o.segments)
		}
		keys = append(keys, key)
	}
	return append(keys,
		page.Key[row]{Name: "PASSIVES", Kind: page.Time, Desc: true, Of: func(r *row) any { return r.RespondedAt }},
		page.Key[row]{Name: "ID", Kind: page.ID, Desc: true, Of: func(r *row) any { return r.ResponseID }})
}

// placed sorts a cursor's values into ranks and the rest.
func (o Order) placed(values []any) (at place) {
	for i, v := range values {
		if i < len(o.by) && column[o.by[i]] == "" {
			at.ranks = append(at.ranks, int(v.(int64)))
		} else {
			at.values = append(at.values, v)
		}
	}
	return at
}

// segmentsIn are the segments that the queue has, found by one look into an index for each.
const segmentsIn = `WITH RECURSIVE s(segment) AS (
	(SELECT segment FROM passives WHERE NOT taken ORDER BY segment LIMIT 1)
	UNION ALL SELECT (SELECT p.segment FROM passives p WHERE NOT p.taken AND p.segment > s.segment ORDER BY p.segment LIMIT 1) FROM s WHERE s.segment IS NOT NULL)
	SELECT segment FROM s WHERE segment IS NOT NULL`

func (o Order) partsIn(db *gorm.DB) ([]part, error) {
	var segments []string
	if slices.Contains(o.by, Segment) {
		if err := db.Raw(segmentsIn).Scan(&segments).Error; err != nil {
			return nil, fmt.Errorf("read the segments of the passives' queue: %w", err)
		}
	}
	return o.parts(segments), nil
}

// reached is a part that has rows within the bounds of what is asked for.
type reached struct {
	part
	nth    int // of the parts
	bounds [2]bound
}

// tiers are the parts within the limits, together where they can only be told apart by sorting their rows: those that
// are alike by the priorities up to the first that has many values.
func (o Order) tiers(parts []part, limits []limit, backward bool) (tiers [][]reached) {
	leading := 0
	for leading < len(o.by) && column[o.by[leading]] == "" {
		leading++
	}
	var within []reached
	for nth, p := range parts {
		r, all := reached{part: p, nth: nth}, true
		for i, l := range limits {
			var some bool
			r.bounds[i], some = o.beyond(p, l.at, l.backward)
			all = all && some
		}
		if all {
			within = append(within, r)
		}
	}
	compare := func(a, b reached) int { return slices.Compare(a.ranks[:leading], b.ranks[:leading]) }
	slices.SortStableFunc(within, func(a, b reached) int {
		if backward {
			a, b = b, a
		}
		return compare(a, b)
	})
	for i, r := range within {
		if i == 0 || compare(within[i-1], r) != 0 {
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], r)
	}
	return tiers
}

// next reads the first n rows of some parts. Those with the same bounds share a branch of the statement, so that it
// does not grow with the segments.
func (o Order) next(db *gorm.DB, parts []reached, limits []limit, n int, backward bool, where clause.Expression) ([]row, error) {
	groups := together(parts)
	if where != nil && len(parts) <= cells {
		groups = apart(parts)
	}
	columns := append(o.continuous(), "responded_at", "response_id")
	direction := " DESC"
	if backward {
		direction = ""
	}
	var branches []string
	var vars []any
	for _, group := range groups {
		sql, of := o.branch(group, where)
		for i, l := range limits {
			more, its := group[0].bounds[i].sql(columns, l.at, l.backward)
			sql, of = sql+more, append(of, its...)
		}
		sql += " ORDER BY q." + strings.Join(columns, direction+", q.") + direction + fmt.Sprintf(" LIMIT %d) q", n)
		branches, vars = append(branches, sql), append(vars, of...)
	}
	var by []string
	rank := 0
	for _, p := range o.by {
		if c := column[p]; c != "" {
			by = append(by, c+direction)
			continue
		}
		key := fmt.Sprintf("ranks[%d]", rank+1)
		if rank++; backward {
			key += " DESC"
		}
		by = append(by, key)
	}
	by = append(by, "responded_at"+direction, "response_id"+direction)
	var found []row
	err := db.Raw("SELECT nth, response_id, lifetime_value, testimonial, responded_at FROM ("+strings.Join(branches, " UNION ALL ")+") x ORDER BY "+
		strings.Join(by, ", ")+fmt.Sprintf(" LIMIT %d", n), vars...).Scan(&found).Error
	return found, err
}

// together are the parts that have the same bounds.
func together(parts []reached) (groups [][]reached) {
	at := map[[2]bound]int{} // statements are the same for the same question
	for _, p := range parts {
		i, known := at[p.bounds]
		if !known {
			i = len(groups)
			at[p.bounds], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], p)
	}
	return groups
}

// apart are the parts each alone. PostgreSQL then merges them, and looks at no more rows of each than it needs: with a
// condition that few rows meet, it would look at many of every part for the few that all of them give together.
func apart(parts []reached) (groups [][]reached) {
	for _, p := range parts {
		groups = append(groups, []reached{p})
	}
	return groups
}

// branch reads the next rows of each of some parts.
func (o Order) branch(group []reached, where clause.Expression) (string, []any) {
	const columns = "q.response_id, q.lifetime_value, q.testimonial, q.responded_at FROM "
	nth, cells, segments := make([]int32, len(group)), make([]int16, len(group)), make([]string, len(group))
	ranks := make([]string, len(group))
	for i, p := range group {
		nth[i], cells[i], segments[i] = int32(p.nth), int16(p.cell), p.segment
		ranks[i] = "{" + strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.ranks)), ","), "[]") + "}"
	}
	sql, vars := "", []any(nil)
	if len(group) == 1 {
		sql = "SELECT CAST(? AS integer) AS nth, CAST(? AS integer[]) AS ranks, q.* FROM (SELECT " + columns + "passives q"
		vars = []any{nth[0], ranks[0]}
	} else {
		sql = `SELECT c.nth, CAST(c.ranks AS integer[]) AS ranks, q.* FROM unnest(CAST(? AS integer[]), CAST(? AS smallint[]), CAST(? AS text[]), CAST(? AS text[]))
		AS c(nth, cell, segment, ranks) CROSS JOIN LATERAL (SELECT ` + columns + "passives q"
		vars = []any{pg.Array(nth), pg.Array(cells), pg.Array(segments), pg.Array(ranks)}
	}
	if where != nil {
		sql += " JOIN responses ON responses.id = q.response_id AND ?"
		vars = append(vars, where)
	}
	cell, segment := "c.cell", "c.segment"
	if len(group) == 1 {
		cell, segment = "CAST(? AS smallint)", "CAST(? AS text)"
		vars = append(vars, cells[0])
	}
	sql += " WHERE NOT q.taken AND q.cell = " + cell
	if slices.Contains(o.by, Segment) {
		sql += " AND q.segment = " + segment
		if len(group) == 1 {
			vars = append(vars, segments[0])
		}
	}
	return sql, vars
}
