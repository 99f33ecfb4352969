package page_test

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"testing"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
)

type read func(page.Args) (*page.Connection[thing], error)

// forward reads the list from the start to the end by pages of random sizes, and checks their rows and PageInfo.
func forward(t *testing.T, r *rand.Rand, list read, all []uuid.UUID) {
	t.Helper()
	var after *string
	for at := 0; ; {
		size := 1 + r.IntN(9)
		c, err := list(page.Args{First: &size, After: after})
		if err != nil {
			t.Fatal(err)
		}
		end := min(at+size, len(all))
		if got := ids(c.Nodes()); !slices.Equal(got, all[at:end]) {
			t.Fatalf("the %d after %d are %v; want %v", size, at, got, all[at:end])
		}
		checkInfo(t, c, end < len(all), after != nil)
		if !c.PageInfo.HasNextPage {
			return
		}
		at, after = end, c.PageInfo.EndCursor
	}
}

// backward reads the list from the end to the start. The rows of a page are in the list's order all the same.
func backward(t *testing.T, r *rand.Rand, list read, all []uuid.UUID) {
	t.Helper()
	var before *string
	for at := len(all); ; {
		size := 1 + r.IntN(9)
		c, err := list(page.Args{Last: &size, Before: before})
		if err != nil {
			t.Fatal(err)
		}
		start := max(0, at-size)
		if got := ids(c.Nodes()); !slices.Equal(got, all[start:at]) {
			t.Fatalf("the %d before %d are %v; want %v", size, at, got, all[start:at])
		}
		checkInfo(t, c, before != nil, start > 0)
		if !c.PageInfo.HasPreviousPage {
			return
		}
		at, before = start, c.PageInfo.StartCursor
	}
}

func checkInfo(t *testing.T, c *page.Connection[thing], next, previous bool) {
	t.Helper()
	info := c.PageInfo
	if info.HasNextPage != next || info.HasPreviousPage != previous {
		t.Fatalf("hasNextPage %t, hasPreviousPage %t; want %t, %t", info.HasNextPage, info.HasPreviousPage, next, previous)
	}
	if len(c.Edges) == 0 {
		if info.StartCursor != nil || info.EndCursor != nil {
			t.Fatal("an empty page has cursors")
		}
		return
	}
	if *info.StartCursor != c.Edges[0].Cursor || *info.EndCursor != c.Edges[len(c.Edges)-1].Cursor {
		t.Fatal("the page's cursors are not those of its first and last row")
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	t.Run("cover the list in any order and both ways", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 60)
		rounds := 60
		if testing.Short() {
			rounds = 15
		}
		for range rounds {
			order := anyOrder(r)
			all := ids(inOrder(order, made))
			list := func(args page.Args) (*page.Connection[thing], error) { return page.Read(db, order, args, nil) }
			t.Run(names(order), func(t *testing.T) {
				forward(t, r, list, all)
				backward(t, r, list, all)
			})
			if t.Failed() {
				return
			}
		}
	})

	t.Run("cover the list of each parent", func(t *testing.T) {
		t.Parallel()
		r := random(t)
		db, made := things(t, r, 60)
		parents := []uuid.UUID{{1}, {2}, {3}, {4}} // the last has none
		for range 20 {
			order := anyOrder(r)
			lists := func(args page.Args, of []uuid.UUID) (map[uuid.UUID]*page.Connection[thing], error) {
				return readEach(db, order, args, of)
			}
			first := 4
			together, err := lists(page.Args{First: &first}, parents)
			if err != nil {
				t.Fatal(err)
			}
			for _, parent := range parents {
				var own []*thing
				for _, x := range made {
					if x.Parent == parent {
						own = append(own, x)
					}
				}
				all := ids(inOrder(order, own))
				if got := ids(together[parent].Nodes()); !slices.Equal(got, all[:min(4, len(all))]) {
					t.Errorf("%s: beside the others, the first of %v are %v; want %v", names(order), parent[0], got, all[:min(4, len(all))])
				}
				checkInfo(t, together[parent], len(all) > 4, false)
				if n, err := together[parent].TotalCount(t.Context()); n != len(all) || err != nil {
					t.Errorf("%s: the list of %v has %d rows: %v; want %d", names(order), parent[0], n, err, len(all))
				}
				for _, beside := range [][]uuid.UUID{nil, {{9}}} { // a single list is read in another way than several
					one := func(args page.Args) (*page.Connection[thing], error) {
						found, err := lists(args, append([]uuid.UUID{parent}, beside...))
						return found[parent], err
					}
					t.Run(names(order), func(t *testing.T) {
						forward(t, r, one, all)
						backward(t, r, one, all)
					})
				}
			}
		}
	})

	t.Run("take one statement with its limit as a number", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		db, _ := things(t, random(t), 60, pgtest.WithTracer(counter))
		order := page.Order[thing]{key("MADE", true), byID(true)}
		five := 5
		for _, args := range []page.Args{{}, {First: &five}, {Last: &five}} {
			want := "6" // one more than the page, to know whether there is more
			if args.First == nil && args.Last == nil {
				want = "21"
			}
			counter.Reset()
			c, err := page.Read(db, order, args, nil)
			if err != nil {
				t.Fatal(err)
			}
			sent := counter.Statements()
			if len(sent) != 1 {
				t.Fatalf("%d statements: %q", len(sent), sent)
			}
			if found := limit.FindStringSubmatch(sent[0]); found == nil || found[1] != want {
				t.Errorf("%q; want a limit of %s at its end", sent[0], want)
			}
			// TotalCount is a statement of its own.
			n, err := c.TotalCount(t.Context())
			if err != nil || n != 60 || counter.Count() != 2 {
				t.Errorf("the whole list has %d rows, by %d statements: %v", n, counter.Count()-1, err)
			}
		}
		counter.Reset()
		if _, err := readEach(db, order, page.Args{}, []uuid.UUID{{1}, {2}, {3}}); err != nil || counter.Count() != 1 {
			t.Errorf("three lists by %d statements: %v", counter.Count(), err)
		}
	})
}

// readEach is ReadEach over things.
func readEach(db *gorm.DB, order page.Order[thing], args page.Args, of []uuid.UUID) (map[uuid.UUID]*page.Connection[thing], error) {
	parents := page.Parents[thing]{Column: "things.parent", Of: func(x *thing) uuid.UUID { return x.Parent }, IDs: of}
	return page.ReadEach(db.Model(new(thing)), parents, order, args, nil)
}

var limit = regexp.MustCompile(`LIMIT (\S+)$`)
