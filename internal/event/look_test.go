package event_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// pagesOf reads a list to its end, as a client does that goes on while there is more, and returns the positions of its
// events, the oldest first, and how many pages it took.
func (w *world) pagesOf(l *event.Log, s *filter.Scope, size int, backward bool, q event.Request) (positions []int64, pages int) {
	w.t.Helper()
	var cursor *string
	for more := true; more; pages++ {
		args := page.Args{First: &size, After: cursor}
		if backward {
			args = page.Args{Last: &size, Before: cursor}
		}
		got, err := l.List(w.t.Context(), s, args, q)
		w.must(err)
		var found []int64
		for _, e := range got.Edges {
			found = append(found, *e.Node.Position)
		}
		if backward {
			positions = append(found, positions...)
			more, cursor = got.PageInfo.HasPreviousPage, got.PageInfo.StartCursor
		} else {
			positions = append(positions, found...)
			more, cursor = got.PageInfo.HasNextPage, got.PageInfo.EndCursor
		}
		if len(got.Edges) > size || more && cursor == nil {
			w.t.Fatalf("page %d has %d events, and its cursor to go on is %v", pages, len(got.Edges), cursor)
		}
	}
	return positions, pages
}

// rareWorld is a log of two cases. The events of one are rare: it is given to Bob and taken away again, three times.
type rareWorld struct {
	*world
	log       *event.Log
	counter   *pgtest.Counter
	rare, all []int64 // the positions
	subject   *subject
}

func newRareWorld(t *testing.T, gaps ...int) *rareWorld {
	t.Helper()
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	r := &rareWorld{world: w, log: w.log(), counter: counter, subject: w.open()}
	other := w.open()
	w.exec("UPDATE cases SET country = 'DE'")
	for i, gap := range gaps {
		w.moves(other, gap)
		w.head(r.log) // else the next event would not wait for all of these
		to := []*model.UserID{&w.bob, nil}[i%2]
		w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return r.subject.give(tx, to) })
		w.head(r.log)
	}
	r.all = query[[]int64](w, "SELECT position FROM case_events ORDER BY position")
	r.rare = query[[]int64](w, "SELECT position FROM case_events WHERE type = 'ASSIGNED' ORDER BY position")
	return r
}

func TestListOfARareFilter(t *testing.T) {
	t.Parallel()
	w := newRareWorld(t, 0, 0, 700, 100, 1300, 0)
	l, rare, counter := w.log, w.rare, w.counter
	bobs, assigned := request(`{"mine": true}`), request("", model.EventAssigned)
	w.moves(w.open(), 900)
	w.head(l)
	head := w.all[len(w.all)-1] + 901

	t.Run("is found whole, each event once, in bounded steps", func(t *testing.T) {
		t.Parallel()
		for name, x := range map[string]struct {
			*rareWorld
			most []int64
		}{
			"a long log":  {newRareWorld(t, 0, 0, 700, 100, 1300, 0), []int64{300, 5000}},
			"a short log": {newRareWorld(t, 0, 2, 5, 1, 0, 3), []int64{1, 2, 3, 100}},
		} {
			for _, c := range []struct {
				name  string
				scope *filter.Scope
				q     event.Request
				want  []int64
			}{
				{"by filter", filter.Unrestricted(x.bob), bobs, x.rare},
				{"by type", filter.Unrestricted(x.ann), assigned, x.rare},
				{"by scope", x.scoped("DE"), assigned, x.rare},
				{"nothing", filter.Unrestricted(x.ann), request(`{"or": []}`), nil},
			} {
				for _, most := range x.most {
					x.log.TuneLook(most, time.Hour)
					for _, size := range []int{2, 9} {
						for _, backward := range []bool{false, true} {
							got, pages := x.pagesOf(x.log, c.scope, size, backward, c.q)
							if least := len(x.all) / int(most); !slices.Equal(got, c.want) || pages < least {
								t.Errorf("%s, %s, %d a page, %d positions a list, backward %t: %v in %d pages; want %v in at least %d",
									name, c.name, size, most, backward, got, pages, c.want, least)
							}
						}
					}
				}
			}
		}
	})

	t.Run("costs a bounded number of statements", func(t *testing.T) {
		l.TuneLook(1000, time.Hour)
		for _, backward := range []bool{false, true} {
			counter.Reset()
			args := page.Args{}
			if backward {
				args = page.Args{Last: number(20)}
			}
			got, err := l.List(t.Context(), filter.Unrestricted(w.ann), args, request(`{"or": []}`))
			w.must(err)
			looks := 0
			for _, sql := range counter.Statements() {
				if strings.Contains(sql, "position > ") {
					looks++
				}
			}
			if looks != 3 || len(got.Edges) > 0 { // 21 rows, then 500, then the other 479 of the thousand
				t.Errorf("backward %t: %d events in %d statements: %q", backward, len(got.Edges), looks, counter.Statements())
			}
		}
	})

	t.Run("says how far it came", func(t *testing.T) {
		l.TuneLook(1000, time.Hour)
		nonce := nonces(w.world)[0]
		at := func(p int64) string { return *w.cursor(nonce, p) }
		for _, c := range []struct {
			name           string
			args           page.Args
			q              event.Request
			want           int
			start, end     string
			next, previous bool
		}{
			{"a short page", page.Args{First: number(9)}, bobs, 4, at(rare[0]), at(1000), true, false},
			{"an empty page", page.Args{First: number(9), After: strPtr(at(1000))}, bobs, 0, at(2000), at(2000), true, true},
			{"a short page backward", page.Args{Last: number(9)}, bobs, 2, at(head - 1000 + 1), at(rare[5]), false, true},
			{"an empty page backward", page.Args{Last: number(9), Before: strPtr(at(2100))}, bobs, 0, at(1100), at(1100), true, true},
			{"a full page", page.Args{First: number(2)}, bobs, 2, at(rare[0]), at(rare[1]), true, false},
			{"a full page without the next event in reach", page.Args{First: number(4)}, bobs, 4, at(rare[0]), at(1000), true, false},
			{"the exact end", page.Args{First: number(9), After: strPtr(at(head - 1000))}, bobs, 2, at(rare[4]), at(rare[5]), false, true},
		} {
			got, err := l.List(t.Context(), filter.Unrestricted(w.bob), c.args, c.q)
			w.must(err)
			info := got.PageInfo
			if len(got.Edges) != c.want || info.StartCursor == nil || info.EndCursor == nil || *info.StartCursor != c.start || *info.EndCursor != c.end ||
				info.HasNextPage != c.next || info.HasPreviousPage != c.previous {
				t.Errorf("%s: %d events, %s", c.name, len(got.Edges), asJSON(t, info))
			}
		}
	})

	t.Run("stops after a time", func(t *testing.T) {
		l.TuneLook(5000, time.Nanosecond)
		got, err := l.List(t.Context(), filter.Unrestricted(w.bob), page.Args{}, bobs)
		w.must(err)
		if end := got.PageInfo.EndCursor; len(got.Edges) != 4 || !got.PageInfo.HasNextPage || end == nil || *end != *w.cursor(nonces(w.world)[0], 1000) {
			t.Errorf("%d events, %s", len(got.Edges), asJSON(t, got.PageInfo))
		}
	})

	t.Run("does not touch the history of one case", func(t *testing.T) {
		l.TuneLook(10, time.Nanosecond)
		got, err := l.Histories(t.Context(), w.scoped("DE"), []model.CaseID{w.subject.Case.ID}, page.Args{First: number(50)})
		w.must(err)
		if h := got[w.subject.Case.ID]; len(h.Edges) != 7 || h.PageInfo.HasNextPage {
			t.Errorf("%d events, %s", len(h.Edges), asJSON(t, h.PageInfo))
		}
	})
}

func strPtr(s string) *string { return &s }
