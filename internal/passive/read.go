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

// Page is a page of the queue, in the order of the queue.
type Page struct {
	Responses []model.ResponseID
	Cursors   []string
	More      bool // there are more rows in the direction of reading
	Backward  bool
}

// row is a row of the queue, with the columns that an order uses.
type row struct {
	Nth           int // the index of its part
	ResponseID    uuid.UUID
	LifetimeValue decimal.Decimal
	Testimonial   float64
	RespondedAt   time.Time

	ranks []int
}

// Read reads a page of the queue. where is a condition on the table responses; nil selects all rows.
//
// No index can have the rows in every order. But an index stores the next few rows of each part next to each other, so Read
// takes these from every part and sorts them: a few hundred rows, however long the queue is (see page.Walk).
func (o Order) Read(db *gorm.DB, args page.Args, where clause.Expression) (*Page, error) {
	keys := o.keys()
	walk, err := keys.Walk(args)
	if err != nil {
		return nil, err
	}
	parts, err := o.partsIn(db)
	if err != nil {
		return nil, err
	}
	list := make([]page.Part, len(parts))
	for i, p := range parts {
		list[i] = p.Part
	}
	found, more, err := walk.Read(list, func(runs []page.Run, n int) ([]row, error) { return o.next(db, walk, parts, runs, n, where) })
	if err != nil {
		return nil, fmt.Errorf("read the passives' queue: %w", err)
	}
	p := &Page{More: more, Backward: walk.Backward()}
	for i := range found {
		found[i].ranks = parts[found[i].Nth].ranks()
		p.Responses = append(p.Responses, model.ResponseID{UUID: found[i].ResponseID})
		p.Cursors = append(p.Cursors, keys.Cursor(&found[i]))
	}
	return p, nil
}

// keys returns the priorities as the keys of a cursor.
func (o Order) keys() page.Order[row] {
	var keys page.Order[row]
	rank := 0
	for _, p := range o.by {
		key := page.Key[row]{Name: "PASSIVES " + string(p), Kind: page.Decimal, Desc: true}
		switch p {
		case LifetimeValue:
			key.Column, key.Of = "q.lifetime_value", func(r *row) any { return r.LifetimeValue }
		case Testimonial:
			key.Column, key.Kind, key.Of = "q.testimonial", page.Float, func(r *row) any { return r.Testimonial }
		default:
			nth := rank
			rank++
			key.Kind, key.Of = page.Integer, func(r *row) any { return r.ranks[nth] }
		}
		if p == Segment { // a rank in one list of segments means nothing in another list
			key.Name += fmt.Sprintf("%q", o.segments)
		}
		keys = append(keys, key)
	}
	return append(keys,
		page.Key[row]{Name: "PASSIVES", Column: "q.responded_at", Kind: page.Time, Desc: true, Of: func(r *row) any { return r.RespondedAt }},
		page.Key[row]{Name: "ID", Column: "q.response_id", Kind: page.ID, Desc: true, Of: func(r *row) any { return r.ResponseID }})
}

// segmentsIn reads the segments in the queue, with one index lookup for each segment.
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

// next reads the first n rows of several runs together. Runs with the same conditions share a branch of the statement, so
// that the statement does not grow with the number of segments.
func (o Order) next(db *gorm.DB, walk *page.Walk[row], parts []part, runs []page.Run, n int, where clause.Expression) ([]row, error) {
	groups := page.Alike(runs)
	if where != nil && len(runs) <= cells {
		groups = apart(runs)
	}
	var branches []string
	var vars []any
	for _, group := range groups {
		sql, of := o.branch(parts, group, where)
		for _, between := range walk.Where(group[0]) {
			sql, of = sql+" AND "+between.SQL, append(of, between.Vars...)
		}
		sql += " ORDER BY " + walk.OrderBy() + fmt.Sprintf(" LIMIT %d) q", n)
		branches, vars = append(branches, sql), append(vars, of...)
	}
	direction, ranksDirection := " DESC", ""
	if walk.Backward() {
		direction, ranksDirection = "", " DESC"
	}
	var by []string
	rank := 0
	for _, p := range o.by {
		if c := column[p]; c != "" {
			by = append(by, c+direction)
			continue
		}
		rank++
		by = append(by, fmt.Sprintf("ranks[%d]", rank)+ranksDirection)
	}
	by = append(by, "responded_at"+direction, "response_id"+direction)
	var found []row
	err := db.Raw("SELECT nth, response_id, lifetime_value, testimonial, responded_at FROM ("+strings.Join(branches, " UNION ALL ")+") x ORDER BY "+
		strings.Join(by, ", ")+fmt.Sprintf(" LIMIT %d", n), vars...).Scan(&found).Error
	return found, err
}

// apart puts each run into a group of its own. PostgreSQL then merges the runs, and reads only the rows that it needs from
// each run. In one group, it would read n matching rows of every part, which takes many rows where few rows meet the
// condition.
func apart(runs []page.Run) (groups [][]page.Run) {
	for _, r := range runs {
		groups = append(groups, []page.Run{r})
	}
	return groups
}

// branch is the part of the statement that reads the next rows of each run of a group.
func (o Order) branch(parts []part, group []page.Run, where clause.Expression) (string, []any) {
	const columns = "q.response_id, q.lifetime_value, q.testimonial, q.responded_at FROM "
	nth, cells, segments := make([]int32, len(group)), make([]int16, len(group)), make([]string, len(group))
	ranks := make([][]int, len(group)) // by run
	for i, r := range group {
		p := parts[r.Nth]
		nth[i], cells[i], segments[i], ranks[i] = int32(r.Nth), int16(p.cell), p.segment, p.ranks()
	}
	sql, vars := "", []any(nil)
	if len(group) == 1 {
		sql = "SELECT CAST(? AS integer) AS nth, CAST(? AS integer[]) AS ranks, q.* FROM (SELECT " + columns + "passives q"
		vars = []any{nth[0], pg.Array(ranks[0])}
	} else {
		// unnest flattens an array of arrays, so each rank needs an array of its own.
		arrays, names := "", make([]string, len(ranks[0]))
		vars = []any{pg.Array(nth), pg.Array(cells), pg.Array(segments)}
		for i := range names {
			arrays, names[i] = arrays+", CAST(? AS integer[])", fmt.Sprintf("rank%d", i+1)
			column := make([]int, len(group))
			for j := range group {
				column[j] = ranks[j][i]
			}
			vars = append(vars, pg.Array(column))
		}
		sql = "SELECT c.nth, CAST(ARRAY[" + strings.Join(names, ", ") + "] AS integer[]) AS ranks, q.* FROM " +
			"unnest(CAST(? AS integer[]), CAST(? AS smallint[]), CAST(? AS text[])" + arrays + ") AS c(" +
			strings.Join(append([]string{"nth", "cell", "segment"}, names...), ", ") + ") CROSS JOIN LATERAL (SELECT " + columns + "passives q"
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
