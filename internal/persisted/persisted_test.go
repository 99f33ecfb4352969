package persisted_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/persisted"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

var administrator = auth.System("persisted test")

type world struct {
	*testing.T
	now time.Time
	*persisted.Registry
}

// server is a registry of the database with a clock of its own, like another server.
func server(t *testing.T, db *pg.DB) *world {
	t.Helper()
	w := &world{T: t, now: time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)}
	w.Registry = persisted.New(db, func() time.Time { return w.now })
	return w
}

func (w *world) finds(name, want string) {
	w.Helper()
	text, ok, err := w.Find(w.Context(), name)
	if err != nil || ok != (want != "") || text != want {
		w.Errorf("%s: %q, %t, %v; want %q", name, text, ok, err, want)
	}
}

func (w *world) add(want int, documents ...persisted.Document) {
	w.Helper()
	if added, err := w.Add(w.Context(), administrator, documents); err != nil || added != want {
		w.Errorf("%d were added, %v", added, err)
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	const one, two = "{ one }", "{ two }"

	t.Run("finds documents by id and hash, and sees changes of other servers within a second", func(t *testing.T) {
		t.Parallel()
		count := &pgtest.Counter{}
		db := pgtest.New(t, pgtest.WithTracer(count))
		a, b := server(t, db), server(t, db)
		b.finds("1", "")
		a.add(2, persisted.Document{ID: "1", Body: one}, persisted.Document{ID: "2", Body: two})
		a.add(1, persisted.Document{ID: "1", Body: one}, persisted.Document{ID: "3", Body: two})
		b.now = b.now.Add(time.Second)
		b.finds("1", one)
		before := count.Count()
		b.finds("3", two)
		b.finds(persisted.Hash(two), two)
		b.finds("4", "")
		if count.Count() != before {
			t.Errorf("%d statements within the second", count.Count()-before)
		}
		b.now = b.now.Add(time.Second)
		b.finds("1", one)
		if n := count.Count() - before; n != 1 {
			t.Errorf("%d statements to see that nothing has changed", n)
		}
		if removed, err := a.Remove(t.Context(), administrator, []string{"4", "1"}); !slices.Equal(removed, []string{"1"}) || err != nil {
			t.Errorf("%q were removed, %v", removed, err)
		}
		b.now = b.now.Add(time.Second)
		b.finds("1", "")
		b.finds("2", two)
		if all, err := a.List(t.Context()); err != nil || len(all) != 2 || all[0].ID != "2" || all[0].Body != two || !all[0].CreatedAt.Equal(a.now) {
			t.Errorf("%+v, %v", all, err)
		}
	})

	t.Run("refuses another text for an id, and adds none then", func(t *testing.T) {
		t.Parallel()
		w := server(t, pgtest.New(t))
		w.add(1, persisted.Document{ID: "1", Body: one})
		_, err := w.Add(t.Context(), administrator, []persisted.Document{{ID: "0", Body: one}, {ID: "1", Body: two}})
		if !fault.Is(err, fault.CodeConflict) || !strings.Contains(err.Error(), "the id 1") {
			t.Errorf("%v", err)
		}
		w.finds("0", "")
		w.finds("1", one)
	})

	t.Run("records changes in the audit, with at most 20 ids", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		w := server(t, db)
		documents := make([]persisted.Document, 25)
		for i := range documents {
			documents[i] = persisted.Document{ID: fmt.Sprintf("doc-%02d", i), Body: one}
		}
		w.add(25, documents...)
		w.add(0, documents...)
		for _, id := range []string{"doc-07", "none"} {
			if _, err := w.Remove(t.Context(), administrator, []string{id}); err != nil {
				t.Fatal(err)
			}
		}
		var entries string
		err := db.Pool.QueryRow(t.Context(), `SELECT string_agg(concat_ws(' ', action, program, object_type, after->'documents', jsonb_array_length(after->'ids'), before), E'\n' ORDER BY action)
			FROM audit_events`).Scan(&entries)
		if want := "DOCUMENTS_REGISTERED persisted test DOCUMENT 25 20\nDOCUMENTS_REMOVED persisted test DOCUMENT {\"ids\": [\"doc-07\"], \"documents\": 1}"; err != nil || entries != want {
			t.Errorf("%v, %s", err, entries)
		}
	})

	t.Run("serves on while the database does not answer", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		w := server(t, db)
		w.add(1, persisted.Document{ID: "1", Body: one})
		w.finds("1", one)
		if _, err := db.Pool.Exec(t.Context(), "ALTER TABLE registered_documents_version RENAME TO gone"); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Minute)
		w.finds("1", one)
		if _, _, err := server(t, db).Find(t.Context(), "1"); err == nil {
			t.Error("a server that has no list yet finds nothing, without an error")
		}
	})
}
