package page_test

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
)

// rankOf is a ranked key: a thing's rank, -1 to 2, plus one.
var rankOf = page.Key[thing]{Name: "RANKED", Kind: page.Integer, Of: func(x *thing) any { return x.Rank + 1 }}

// partsBy cuts a list into one part for each rank of a thing.
func partsBy(order page.Order[thing]) (parts []page.Part) {
	for rank := range 4 {
		var p page.Part
		for _, k := range order {
			if k.Name == rankOf.Name {
				p.Ranks = append(p.Ranks, rank)
			} else {
				p.Ranks = append(p.Ranks, page.NoRank)
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// walkParts reads a page by a walk; each run is a statement of its own, and Go sorts the rows.
func walkParts(db *gorm.DB, order page.Order[thing], args page.Args) (*page.Connection[thing], error) {
	walk, err := order.Walk(args)
	if err != nil {
		return nil, err
	}
	rows, more, err := walk.Read(partsBy(order), func(runs []page.Run, n int) (found []thing, err error) {
		var all []*thing
		for _, group := range page.Alike(runs) {
			for _, r := range group {
				query := db.Where("rank = ?", r.Nth-1).Order(walk.OrderBy()).Limit(n)
				for _, between := range walk.Where(group[0]) {
					query = query.Where(between)
				}
				var some []*thing
				if err := query.Find(&some).Error; err != nil {
					return nil, err
				}
				all = append(all, some...)
			}
		}
		all = inOrder(order, all)
		if walk.Backward() {
			slices.Reverse(all)
		}
		for _, x := range all[:min(n, len(all))] {
			found = append(found, *x)
		}
		return found, nil
	})
	edges := make([]*page.Edge[thing], len(rows))
	for i := range rows {
		edges[i] = &page.Edge[thing]{Cursor: order.Cursor(&rows[i]), Node: &rows[i]}
	}
	return page.NewConnection(edges, more, walk.Backward(), args, nil), err
}

// rankedOrder is an order of keys that cannot be missing, with the rank somewhere among them.
func rankedOrder(r *rand.Rand) page.Order[thing] {
	order := page.Order[thing]{rankOf}
	for _, name := range []string{"NAME", "PRICE", "MADE"} {
		if r.IntN(2) == 0 {
			order = append(order, key(name, r.IntN(2) == 0))
		}
	}
	r.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	return append(order, byID(r.IntN(2) == 0))
}

func TestWalk(t *testing.T) {
	t.Parallel()
	t.Run("gives the whole list in any order and both ways", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 60)
		for range 20 {
			order := rankedOrder(r)
			all := ids(inOrder(order, made))
			list := func(args page.Args) (*page.Connection[thing], error) { return walkParts(db, order, args) }
			forward(t, r, list, all)
			backward(t, r, list, all)
		}
	})
	t.Run("gives what lies between two positions", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 60)
		for range 20 {
			order := rankedOrder(r)
			sorted := inOrder(order, made)
			from, to := r.IntN(len(sorted)), r.IntN(len(sorted))
			after, before := order.Cursor(sorted[from]), order.Cursor(sorted[to])
			found, err := walkParts(db, order, page.Args{First: number(100), After: &after, Before: &before})
			if err != nil {
				t.Fatal(err)
			}
			want := []uuid.UUID{}
			if from < to {
				want = ids(sorted[from+1 : to])
			}
			if got := ids(found.Nodes()); !slices.Equal(got, want) {
				t.Errorf("%s, between %d and %d: %v; want %v", names(order), from, to, got, want)
			}
		}
	})
	t.Run("reads a later part only if the parts before it have too few rows", func(t *testing.T) {
		t.Parallel()
		order := page.Order[thing]{rankOf, byID(false)}
		walk, err := order.Walk(page.Args{First: number(2)})
		if err != nil {
			t.Fatal(err)
		}
		var read []int
		_, more, err := walk.Read(partsBy(order), func(runs []page.Run, _ int) ([]thing, error) {
			for _, r := range runs {
				read = append(read, r.Nth)
			}
			return make([]thing, 2), nil
		})
		if want := []int{0, 1, 2}; err != nil || !more || !slices.Equal(read, want) {
			t.Errorf("the parts %v were read, more %t: %v; want %v", read, more, err, want)
		}
	})
	t.Run("has no rows of no parts", func(t *testing.T) {
		t.Parallel()
		walk, err := page.Order[thing]{rankOf, byID(false)}.Walk(page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		rows, more, err := walk.Read(nil, func([]page.Run, int) ([]thing, error) { return nil, errors.New("read") })
		if len(rows) != 0 || more || err != nil {
			t.Errorf("%d rows, more %t: %v", len(rows), more, err)
		}
	})
	t.Run("refuses wrong arguments", func(t *testing.T) {
		t.Parallel()
		order := page.Order[thing]{rankOf, byID(false)}
		_, err := order.Walk(page.Args{First: number(0)})
		assertRefused(t, err, "first")
		_, err = order.Walk(page.Args{Before: cursor("x")})
		assertRefused(t, err, "before")
		var f *fault.Error
		if _, err := order.Walk(page.Args{After: new(cursorOf([]any{"RANKED ID ", nil, uuid.Nil.String()}))}); !errors.As(err, &f) {
			t.Errorf("a cursor without a rank: %v", err)
		}
	})
}
