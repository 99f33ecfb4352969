package event_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func number(n int) *int { return &n }

// positionsOf returns the positions of a page's events, marked if the case has just left the filter.
func positionsOf(c *page.Connection[model.LoggedEvent]) []string {
	found := []string{}
	for _, e := range c.Edges {
		text := fmt.Sprint(*e.Node.Position)
		if !e.Node.Matches {
			text += " left"
		}
		found = append(found, text)
	}
	return found
}

func TestList(t *testing.T) {
	t.Parallel()
	t.Run("pages both ways by types and filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		s := w.open() // 1
		for i := range 6 {
			country := []string{"FR", "DE"}[i%2]
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.move(tx, country) }) // 2, 4, 6, 8, 10, 12
			to := []*model.UserID{&w.ann, &w.bob, nil}[i%3]
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, to) }) // 3, 5, 7, 9, 11, 13
		}
		w.head(l)
		nonce := nonces(w)[0]
		at := func(p int64) *string { return w.cursor(nonce, p) }
		french := request(`{"customer": {"country": {"eq": "FR"}}}`)
		for _, c := range []struct {
			name           string
			args           page.Args
			q              event.Request
			want           []string
			next, previous bool
		}{
			{"from the beginning", page.Args{First: number(3)}, request(""), []string{"1", "2", "3"}, true, false},
			{"after a cursor", page.Args{First: number(3), After: at(3)}, request(""), []string{"4", "5", "6"}, true, true},
			{"up to the head", page.Args{First: number(3), After: at(10)}, request(""), []string{"11", "12", "13"}, false, true},
			{"after the head", page.Args{After: at(13)}, request(""), []string{}, false, true},
			{"from the head back", page.Args{Last: number(3)}, request(""), []string{"11", "12", "13"}, false, true},
			{"before a cursor", page.Args{Last: number(3), Before: at(4)}, request(""), []string{"1", "2", "3"}, true, false},
			{"before a place, without a number", page.Args{Before: at(3)}, request(""), []string{"1", "2"}, true, false},
			{"between", page.Args{First: number(9), After: at(4), Before: at(7)}, request(""), []string{"5", "6"}, false, true},
			{"of a type", page.Args{First: number(2)}, request("", model.EventAssigned), []string{"3", "5"}, true, false},
			{"of a type, backward", page.Args{Last: number(2), Before: at(7)}, request("", model.EventAssigned), []string{"3", "5"}, true, false},
			{"of two types", page.Args{First: number(3)}, request("", model.EventAssigned, model.EventOpened), []string{"1", "3", "5"}, true, false},
			{"of no type", page.Args{}, event.Request{Types: []model.CaseEventType{}}, []string{}, false, false},
			{"by filter", page.Args{First: number(4)}, french, []string{"2", "3", "4 left", "6"}, true, false},
			{"by filter, backward", page.Args{Last: number(3)}, french, []string{"10", "11", "12 left"}, false, true},
			{"by filter, all", page.Args{First: number(9)}, french, []string{"2", "3", "4 left", "6", "7", "8 left", "10", "11", "12 left"}, false, false},
			{"by filter and type", page.Args{}, request(`{"mine": true}`, model.EventAssigned), []string{"3", "5 left", "9", "11 left"}, false, false},
			{"by a filter that nothing matches", page.Args{}, request(`{"or": []}`), []string{}, false, false},
		} {
			got, err := l.List(t.Context(), filter.Unrestricted(w.ann), c.args, c.q)
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if !slices.Equal(positionsOf(got), c.want) || got.PageInfo.HasNextPage != c.next || got.PageInfo.HasPreviousPage != c.previous {
				t.Errorf("%s: %v, next %t, previous %t; want %v, %t, %t", c.name, positionsOf(got), got.PageInfo.HasNextPage, got.PageInfo.HasPreviousPage, c.want, c.next, c.previous)
			}
			if n := len(got.Edges); n > 0 && (*got.PageInfo.StartCursor != *at(*got.Edges[0].Node.Position) || *got.PageInfo.EndCursor != *at(*got.Edges[n-1].Node.Position)) {
				t.Errorf("%s: the page's cursors are not places in the feed", c.name)
			}
		}
		if _, err := l.List(t.Context(), filter.Unrestricted(w.ann), page.Args{First: number(0)}, request("")); !is(err, fault.CodeBadUserInput, "first") {
			t.Errorf("a page of nothing: %v", err)
		}
	})

	// Go evaluates the filter, so a page may take several reads. No event may be missed between two reads.
	t.Run("finds all events of a rare filter", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		l.TuneLook(0, time.Hour)
		s := w.open()
		var rare []model.EventID
		for range 3 {
			w.moves(s, 520)
			rare = append(rare, w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, &w.bob) }).ID)
			w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, nil) })
		}
		for _, args := range []page.Args{{First: number(9)}, {Last: number(9)}, {First: number(6)}} {
			got, err := l.List(t.Context(), filter.Unrestricted(w.bob), args, request(`{"mine": true}`))
			if err != nil || len(got.Edges) != 6 {
				t.Fatalf("%d events: %v; want the three and the three departures", len(got.Edges), err)
			}
			for i, id := range rare {
				if got.Edges[2*i].Node.ID != id || !got.Edges[2*i].Node.Matches || got.Edges[2*i+1].Node.Matches {
					t.Errorf("event %d is another", i)
				}
			}
		}
	})

	// Only PostgreSQL can evaluate a search, and a snapshot is not a row.
	t.Run("refuses full-text search", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		q := request(`{"response": {"search": "late"}}`)
		_, listed := l.List(t.Context(), filter.Unrestricted(w.ann), page.Args{}, q)
		_, watched := l.Watch(t.Context(), filter.Unrestricted(w.ann), q)
		for _, err := range []error{listed, watched} {
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != "filter" || !strings.Contains(f.Message, "cannot be searched") {
				t.Errorf("%v", err)
			}
		}
	})
}

func TestHistories(t *testing.T) {
	t.Parallel()
	t.Run("of several cases are one statement and page both ways", func(t *testing.T) {
		t.Parallel()
		counter := new(pgtest.Counter)
		w := newWorld(t, pgtest.WithTracer(counter))
		l := w.log()
		a, b, c := w.open(), w.open(), w.open() // 1, 2, 3
		for range 4 {
			w.moves(a, 1) // 4, 6, 8, 10
			w.moves(b, 1) // 5, 7, 9, 11
		}
		w.head(l)
		nonce := nonces(w)[0]
		at := func(p int64) *string { return w.cursor(nonce, p) }
		nobody := model.CaseID{UUID: model.NewUUID()}
		for _, x := range []struct {
			name           string
			args           page.Args
			a, b, c        []string
			next, previous bool // PageInfo of a's history
		}{
			{"from the beginning", page.Args{First: number(2)}, []string{"1", "4"}, []string{"2", "5"}, []string{"3"}, true, false},
			{"all", page.Args{First: number(5)}, []string{"1", "4", "6", "8", "10"}, []string{"2", "5", "7", "9", "11"}, []string{"3"}, false, false},
			{"after a cursor", page.Args{First: number(2), After: at(5)}, []string{"6", "8"}, []string{"7", "9"}, []string{}, true, true},
			{"the newest", page.Args{Last: number(2)}, []string{"8", "10"}, []string{"9", "11"}, []string{"3"}, false, true},
			{"before a cursor", page.Args{Last: number(2), Before: at(6)}, []string{"1", "4"}, []string{"2", "5"}, []string{"3"}, true, false},
			{"between", page.Args{After: at(4), Before: at(10)}, []string{"6", "8"}, []string{"5", "7", "9"}, []string{}, false, true},
		} {
			counter.Reset()
			got, err := l.Histories(t.Context(), filter.Unrestricted(w.ann), []model.CaseID{a.Case.ID, b.Case.ID, c.Case.ID, nobody}, x.args)
			if err != nil {
				t.Fatal(err)
			}
			looks := 1 // one statement for the stamp, and one for each cursor
			for _, cursor := range []*string{x.args.After, x.args.Before} {
				if cursor != nil {
					looks++
				}
			}
			if counter.Count() != looks+1 {
				t.Errorf("%s: %d statements: %q", x.name, counter.Count(), counter.Statements())
			}
			for name, h := range map[string]struct {
				id   model.CaseID
				want []string
			}{"a": {a.Case.ID, x.a}, "b": {b.Case.ID, x.b}, "c": {c.Case.ID, x.c}, "nobody": {nobody, []string{}}} {
				if page := got[h.id]; page == nil || !slices.Equal(positionsOf(page), h.want) {
					t.Errorf("%s, %s: %v; want %v", x.name, name, positionsOf(page), h.want)
				}
			}
			if info := got[a.Case.ID].PageInfo; info.HasNextPage != x.next || info.HasPreviousPage != x.previous {
				t.Errorf("%s: next %t, previous %t", x.name, info.HasNextPage, info.HasPreviousPage)
			}
		}
		if _, err := l.Histories(t.Context(), filter.Unrestricted(w.ann), nil, page.Args{First: number(1), Last: number(1)}); !is(err, fault.CodeBadUserInput, "last") {
			t.Errorf("first and last: %v", err)
		}
	})
}

func TestFind(t *testing.T) {
	t.Parallel()
	t.Run("finds an event by its ID and stamps it first", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		l := w.log()
		s := w.open()
		written := w.write(func(tx *gorm.DB) (*model.LoggedEvent, error) { return s.give(tx, &w.bob) })
		if written.Cursor != "" || !written.Matches || *written.Then.Case.AssigneeID != w.bob {
			t.Errorf("as it was written it has the cursor %q, matches %t", written.Cursor, written.Matches)
		}
		cursor, err := l.Cursor(t.Context(), written)
		if err != nil || cursor != *w.head(l) {
			t.Errorf("the cursor of the newest event is %q: %v", cursor, err)
		}
		found, err := l.Find(t.Context(), filter.Unrestricted(w.ann), written.ID)
		if err != nil || found.ID != written.ID || found.Cursor != cursor || *found.Position != 2 {
			t.Errorf("%v, %v", found, err)
		}
		if again, err := l.Cursor(t.Context(), found); again != cursor || err != nil {
			t.Errorf("%q, %v", again, err)
		}
		stranger := model.EventID{UUID: model.NewUUID()}
		if found, err := l.Find(t.Context(), filter.Unrestricted(w.ann), stranger); found != nil || err != nil {
			t.Errorf("%v, %v", found, err)
		}
		if _, err := l.Cursor(t.Context(), &model.LoggedEvent{Event: model.Event{ID: stranger}}); !is(err, fault.CodeNotFound, "") {
			t.Errorf("the cursor of an event that is not there: %v", err)
		}
	})
}
