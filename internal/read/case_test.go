package read_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

func TestCaseByNumber(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.open(w.customer(nil), nil, nil)
	second := w.open(w.customer(nil), nil, nil)
	var number int
	w.must(w.db.Gorm.Raw("SELECT number FROM cases WHERE id = ?", second.ID).Scan(&number).Error)
	if got, err := w.read.CaseByNumber(t.Context(), everybody, number, nil); err != nil || got.ID != second.ID || got.Number != number {
		t.Errorf("got %v, %v, want case %d", got, err, number)
	}
	for _, none := range []int{0, -1, number + 1, 2147483647} {
		if got, err := w.read.CaseByNumber(w.answer(), everybody, none, nil, read.NoteList{}); got != nil || err != nil {
			t.Errorf("the unknown number %d: got %v, %v, want nil", none, got, err)
		}
	}
}

func TestCaseByNumberWithNotes(t *testing.T) {
	t.Parallel()
	counter := new(pgtest.Counter)
	w := newWorld(t, pgtest.WithTracer(counter))
	other := w.open(w.customer(nil), nil, nil)
	w.note(other, w.ann, "a note of another case", moment)
	c := w.open(w.customer(func(c *model.Customer) { c.Country = pointer("DE") }), nil, nil)
	for i := range 5 {
		w.note(c, w.ann, fmt.Sprint("note ", i), moment.Add(time.Duration(i)*time.Minute))
	}
	w.must(w.db.Gorm.Raw("SELECT number FROM cases WHERE id = ?", c.ID).Scan(&c.Number).Error)
	first, err := read.NotesOf(w.answer(), c.ID, read.NoteList{Args: page.Args{First: pointer(2)}})
	w.must(err)

	lists := []read.NoteList{
		{},
		{Args: page.Args{Last: pointer(2)}, Select: read.Selection{"body": nil, "author": read.Selection{"name": nil}}},
		{Args: page.Args{First: pointer(2), After: first.PageInfo.EndCursor}, Select: read.Selection{"body": nil}},
	}
	t.Run("waits once, and returns what the lists return alone", func(t *testing.T) {
		ctx := w.answer()
		counter.Reset()
		got, err := w.read.CaseByNumber(ctx, everybody, c.Number, nil, lists...)
		w.must(err)
		if got == nil || got.ID != c.ID {
			t.Fatalf("got %v, want the case %s", got, c.ID)
		}
		pages := make([]*read.NoteConnection, len(lists))
		for i, q := range lists {
			pages[i], err = read.NotesOf(ctx, c.ID, q)
			w.must(err)
		}
		if counter.Trips() != 1 {
			t.Errorf("%d waits for PostgreSQL, want 1 for all: %q", counter.Trips(), counter.Statements())
		}
		for i, q := range lists {
			alone, err := read.NotesOf(w.answer(), c.ID, q)
			w.must(err)
			if a, b := pageText(t, pages[i]), pageText(t, alone); a != b || len(alone.Edges) == 0 {
				t.Errorf("list %d: together\n%s\nalone\n%s", i, a, b)
			}
			if n, err := pages[i].TotalCount(ctx); n != 5 || err != nil {
				t.Errorf("list %d: %d notes in all, %v; want 5", i, n, err)
			}
		}
	})
	t.Run("leaves a list that cannot be read to whoever asks for it", func(t *testing.T) {
		ctx := w.answer()
		bad := read.NoteList{Args: page.Args{First: pointer(-1)}}
		if got, err := w.read.CaseByNumber(ctx, everybody, c.Number, nil, bad); got == nil || err != nil {
			t.Errorf("got %v, %v, want the case", got, err)
		}
		if _, err := read.NotesOf(ctx, c.ID, bad); err == nil {
			t.Error("a list of -1 notes is read")
		}
	})
	t.Run("finds neither case nor notes outside the viewer's scope", func(t *testing.T) {
		outside := auth.Viewer{User: &model.User{Role: model.Partner, ScopeCustomer: json.RawMessage(`{"country": {"eq": "FR"}}`)}}
		ctx := w.read.WithLoaders(auth.With(t.Context(), outside))
		if got, err := w.read.CaseByNumber(ctx, outside, c.Number, nil, lists...); got != nil || err != nil {
			t.Errorf("got %v, %v, want nothing", got, err)
		}
		if notes, err := read.NotesOf(ctx, c.ID, lists[0]); err != nil || len(notes.Edges) != 0 {
			t.Errorf("got %v, %v, want no notes", notes, err)
		}
		inside := auth.Viewer{User: &model.User{Role: model.Partner, ScopeCustomer: json.RawMessage(`{"country": {"eq": "DE"}}`)}}
		ctx = w.read.WithLoaders(auth.With(t.Context(), inside))
		if got, err := w.read.CaseByNumber(ctx, inside, c.Number, nil, lists...); got == nil || err != nil {
			t.Errorf("inside the scope: got %v, %v, want the case", got, err)
		}
		if notes, err := read.NotesOf(ctx, c.ID, lists[0]); err != nil || len(notes.Edges) != 5 {
			t.Errorf("inside the scope: got %v, %v, want five notes", notes, err)
		}
	})
}

// pageText is a page of notes, to compare it.
func pageText(t *testing.T, notes *read.NoteConnection) string {
	t.Helper()
	raw, err := json.Marshal([]any{notes.Edges, notes.PageInfo})
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
