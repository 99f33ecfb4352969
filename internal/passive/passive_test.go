package passive_test

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

var moment = time.Date(2026, 3, 2, 9, 30, 0, 0, time.UTC)

// queued is a passive as it is in the tables other than passives.
type queued struct {
	ID          model.ResponseID
	Score       int
	Segment     *string
	Value       *decimal.Decimal
	Testimonial *float64
	Easy        bool
	Resolved    bool
	RespondedAt time.Time
}

// crowd fills the database with passives that have few different values, so that many rows tie, and returns the passives
// that belong to the queue.
func crowd(t *testing.T, db *pg.DB, seed uint64) []queued {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	exec := func(sql string, args ...any) {
		t.Helper()
		if _, err := db.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	var themes []model.ThemeID
	for i, effort := range []model.Effort{model.Easy, model.Hard, model.Easy, model.Medium} {
		id := model.ThemeID{UUID: model.NewUUID()}
		themes = append(themes, id)
		var resolved, deleted *time.Time
		if i < 2 {
			resolved = new(moment.Add(5 * time.Minute))
		}
		if i == 2 {
			deleted = &moment
		}
		exec("INSERT INTO themes (id, name, name_fold, effort, resolved_at, created_at, updated_at, deleted_at) VALUES ($1, $2, $2, $3, $4, $5, $5, $6)",
			id, fmt.Sprint("theme ", i), string(effort), resolved, moment, deleted)
	}
	for range 400 {
		var segment, value, testimonial any
		if i := random.IntN(5); i > 0 {
			segment = []string{"gold", "silver", "bronze", "iron"}[i-1]
		}
		if i := random.IntN(4); i > 0 {
			value = decimal.New(int64(i)*150, -2).String()
		}
		if i := random.IntN(4); i > 0 {
			testimonial = float64(i) * 0.33
		}
		customer, response := model.NewUUID(), model.NewUUID()
		exec("INSERT INTO customers (id, segment, segment_fold, lifetime_value, created_at) VALUES ($1, $2, $2, CAST($3::text AS numeric), $4)", customer, segment, value, moment)
		exec("INSERT INTO responses (id, customer_id, score, testimonial_likelihood, responded_at, received_at) VALUES ($1, $2, $3, $4, $5, $5)",
			response, customer, 6+random.IntN(4), testimonial, moment.Add(time.Duration(random.IntN(10))*time.Minute))
		for _, theme := range themes {
			if random.IntN(4) == 0 {
				exec("INSERT INTO response_themes (response_id, theme_id) VALUES ($1, $2)", response, theme)
			}
		}
	}
	var list []queued
	err := db.Gorm.Raw(`SELECT r.id, r.score, c.segment, c.lifetime_value AS value, r.testimonial_likelihood AS testimonial, r.responded_at,
		EXISTS (SELECT 1 FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = r.id AND t.deleted_at IS NULL AND t.effort = 'EASY') AS easy,
		EXISTS (SELECT 1 FROM response_themes x JOIN themes t ON t.id = x.theme_id WHERE x.response_id = r.id AND t.deleted_at IS NULL AND t.resolved_at > r.responded_at) AS resolved
		FROM responses r JOIN customers c ON c.id = r.customer_id WHERE r.score IN (7, 8)`).Scan(&list).Error
	if err != nil || len(list) < 100 {
		t.Fatalf("got %d passives, want at least 100; the error is %v", len(list), err)
	}
	return list
}

// before compares two passives by one priority after the other, without the queue's columns.
func before(by []passive.Priority, segments []string) func(a, b queued) int {
	yes := func(a, b bool) int {
		switch {
		case a == b:
			return 0
		case a:
			return -1
		}
		return 1
	}
	rank := func(s *string) int {
		if s == nil || !slices.Contains(segments, *s) {
			return len(segments)
		}
		return slices.Index(segments, *s)
	}
	return func(a, b queued) int {
		for _, p := range by {
			var c int
			switch p {
			case passive.Score:
				c = b.Score - a.Score
			case passive.EasyWins:
				c = yes(a.Easy, b.Easy)
			case passive.ResolvedThemes:
				c = yes(a.Resolved, b.Resolved)
			case passive.Segment:
				c = rank(a.Segment) - rank(b.Segment)
			case passive.LifetimeValue:
				if c = yes(a.Value != nil, b.Value != nil); c == 0 && a.Value != nil {
					c = b.Value.Cmp(*a.Value)
				}
			case passive.Testimonial:
				if c = yes(a.Testimonial != nil, b.Testimonial != nil); c == 0 && a.Testimonial != nil {
					c = cmp.Compare(*b.Testimonial, *a.Testimonial)
				}
			}
			if c != 0 {
				return c
			}
		}
		return cmp.Or(b.RespondedAt.Compare(a.RespondedAt), cmp.Compare(b.ID.String(), a.ID.String()))
	}
}

var every = []passive.Priority{passive.LifetimeValue, passive.Score, passive.EasyWins, passive.Segment, passive.Testimonial, passive.ResolvedThemes}

// orders returns the empty order, each priority alone, and 40 random orders of several priorities.
func orders(random *rand.Rand) [][]passive.Priority {
	list := [][]passive.Priority{nil}
	for _, p := range every {
		list = append(list, []passive.Priority{p})
	}
	for range 40 {
		several := slices.Clone(every)
		random.Shuffle(len(several), func(i, j int) { several[i], several[j] = several[j], several[i] })
		list = append(list, several[:2+random.IntN(5)])
	}
	return list
}

func TestQueue(t *testing.T) {
	t.Parallel()
	t.Run("is read completely in every order", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		seed := rand.Uint64()
		t.Logf("the seed is %d", seed)
		random := rand.New(rand.NewPCG(seed, 2))
		list := crowd(t, db, seed)
		for _, by := range orders(random) {
			var segments []string
			if slices.Contains(by, passive.Segment) {
				segments = []string{"silver", "gold", "none of them"}[:1+random.IntN(3)]
			}
			order, err := passive.NewOrder(by, segments)
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(list, before(by, segments))
			want := make([]model.ResponseID, len(list))
			for i, q := range list {
				want[i] = q.ID
			}
			size := 1 + random.IntN(60)
			var forward, backward []model.ResponseID
			for args := (page.Args{First: &size}); ; {
				p, err := order.Read(db.Gorm.WithContext(t.Context()), args, nil)
				if err != nil {
					t.Fatalf("%v: %v", by, err)
				}
				forward = append(forward, p.Responses...)
				if !p.More {
					break
				}
				args.After = &p.Cursors[len(p.Cursors)-1]
			}
			for args := (page.Args{Last: &size}); ; {
				p, err := order.Read(db.Gorm.WithContext(t.Context()), args, clause.Expr{SQL: "responses.score > ?", Vars: []any{0}})
				if err != nil {
					t.Fatalf("%v, backward: %v", by, err)
				}
				backward = append(p.Responses, backward...)
				if !p.More {
					break
				}
				args.Before = &p.Cursors[0]
			}
			if !slices.Equal(forward, want) {
				t.Errorf("by %v %v, in pages of %d: got %d rows, want the %d rows of the queue in order", by, segments, size, len(forward), len(want))
			}
			if !slices.Equal(backward, want) {
				t.Errorf("by %v %v, in pages of %d, backward: got %d rows, want the %d rows of the queue in order", by, segments, size, len(backward), len(want))
			}
			var whole []model.ResponseID
			if err := db.Gorm.Table("passives").Clauses(order.By()).Pluck("response_id", &whole).Error; err != nil || !slices.Equal(whole, want) {
				t.Errorf("by %v %v, with By: got %d rows, want the rows of the queue in order; the error is %v", by, segments, len(whole), err)
			}
		}
	})

	t.Run("returns the rows between two cursors", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		list := crowd(t, db, 7)
		by := []passive.Priority{passive.EasyWins, passive.LifetimeValue, passive.Score}
		slices.SortFunc(list, before(by, nil))
		order, err := passive.NewOrder(by, nil)
		if err != nil {
			t.Fatal(err)
		}
		all, err := order.Read(db.Gorm, page.Args{First: new(100)}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, between := range [][2]int{{3, 60}, {0, 99}, {10, 11}, {50, 20}} {
			p, err := order.Read(db.Gorm, page.Args{First: new(100), After: &all.Cursors[between[0]], Before: &all.Cursors[between[1]]}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want []model.ResponseID
			for i := between[0] + 1; i < between[1]; i++ {
				want = append(want, list[i].ID)
			}
			if !slices.Equal(p.Responses, want) {
				t.Errorf("between rows %v: got %d rows, want %d", between, len(p.Responses), len(want))
			}
		}
	})

	t.Run("refuses an impossible order", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			by       []passive.Priority
			segments []string
			argument string
		}{
			{[]passive.Priority{passive.Score, passive.Testimonial, passive.Score}, nil, "prioritizeBy[2]"},
			{[]passive.Priority{passive.Segment}, nil, "segments"},
			{[]passive.Priority{passive.Score}, []string{"gold"}, "segments"},
			{[]passive.Priority{passive.Segment}, []string{"gold", "GOLD"}, "segments[1]"},
			{[]passive.Priority{passive.Segment}, []string{""}, "segments[0]"},
			{[]passive.Priority{passive.Segment}, []string{"a\x00"}, "segments[0]"},
			{[]passive.Priority{passive.Segment}, make([]string, 101), "segments"},
		} {
			var f *fault.Error
			if _, err := passive.NewOrder(c.by, c.segments); !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != c.argument {
				t.Errorf("priorities %v and segments %q: got %v, want a fault of %s", c.by, c.segments, err, c.argument)
			}
		}
		db := pgtest.New(t)
		crowd(t, db, 8)
		gold, err := passive.NewOrder([]passive.Priority{passive.Segment}, []string{"gold"})
		if err != nil {
			t.Fatal(err)
		}
		p, err := gold.Read(db.Gorm, page.Args{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, other := range map[string]struct {
			by       []passive.Priority
			segments []string
		}{"no priority": {}, "another list of segments": {[]passive.Priority{passive.Segment}, []string{"silver"}}} {
			order, err := passive.NewOrder(other.by, other.segments)
			if err != nil {
				t.Fatal(err)
			}
			var f *fault.Error
			if _, err := order.Read(db.Gorm, page.Args{After: &p.Cursors[0]}, nil); !errors.As(err, &f) || f.Argument != "after" {
				t.Errorf("a cursor of another order was used with %s: got %v, want a fault of after", name, err)
			}
		}
	})
}
