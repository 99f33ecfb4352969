package answer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

const looking = "SELECT pg_current_snapshot()::text WHERE NOT pg_is_in_recovery()"

// world is the answers of a database, and a table to ask for.
type world struct {
	*Answers
	t  *testing.T
	db *pg.DB
}

func newWorld(t *testing.T, total int, options ...pgtest.Option) *world {
	t.Helper()
	db := pgtest.New(t, append(options, pgtest.Empty())...)
	w := &world{newAnswers(db, total), t, db}
	w.exec("CREATE TABLE numbers (n int)")
	return w
}

func (w *world) exec(sql string) {
	w.t.Helper()
	if _, err := w.db.Pool.Exec(w.t.Context(), sql); err != nil {
		w.t.Fatal(err)
	}
}

// count is a run: it counts the table's rows.
func (w *world) count() *Answer {
	var n int
	if err := w.db.Pool.QueryRow(context.Background(), "SELECT count(*) FROM numbers").Scan(&n); err != nil {
		w.t.Error(err)
	}
	return &Answer{Data: fmt.Append(nil, n)}
}

// ask asks a question, and returns the answer and whether it was run for.
func (w *world) ask(key Key, keep bool, run func() *Answer) (data string, ran bool) {
	found := w.Ask(w.t.Context(), key, keep, func() *Answer { ran = true; return run() })
	if found == nil {
		return "", ran
	}
	return string(found.Data), ran
}

// wantRun asks, and wants a run with this answer.
func (w *world) wantRun(key Key, keep bool, data string) {
	w.t.Helper()
	if got, ran := w.ask(key, keep, w.count); got != data || !ran {
		w.t.Errorf("got %q, run: %t; want %q, run", got, ran, data)
	}
}

// wantKept asks, and wants this answer from before. Other databases of the same PostgreSQL, and PostgreSQL itself, commit
// too: it asks again if there was a run.
func (w *world) wantKept(key Key, data string) {
	w.t.Helper()
	for range tries {
		got, ran := w.ask(key, true, w.count)
		if got != data {
			w.t.Fatalf("got %q, want %q", got, data)
		}
		if !ran {
			return
		}
	}
	w.t.Errorf("it was run %d times", tries)
}

const tries = 200

func TestAsk(t *testing.T) {
	t.Parallel()
	a, b := Key{1}, Key{2}

	t.Run("gives an answer from before while nothing changes", func(t *testing.T) {
		t.Parallel()
		var counter pgtest.Counter
		w := newWorld(t, totalBytes, pgtest.WithTracer(&counter))
		for try := 1; ; try++ {
			w.wantKept(a, "0")
			counter.Reset()
			_, ran := w.ask(a, true, w.count)
			sent := counter.Statements()
			kept := w.Kept(t.Context(), a)
			if !ran && slices.Equal(sent, []string{looking}) && kept != nil && string(kept.Data) == "0" {
				break
			}
			if try == tries {
				t.Fatalf("an answer from before costs %q; %v is kept", sent, kept)
			}
		}
		w.wantRun(b, true, "0")
	})

	t.Run("gives none after a change of any table", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, totalBytes)
		w.wantRun(a, true, "0")
		w.exec("INSERT INTO numbers VALUES (1)")
		w.wantRun(a, true, "1")
		w.exec("CREATE TABLE others (n int)")
		if kept := w.Kept(t.Context(), a); kept != nil {
			t.Errorf("%s is kept", kept.Data)
		}
		w.wantRun(a, true, "1")
		w.exec("BEGIN; INSERT INTO numbers VALUES (1); ROLLBACK")
		w.exec("SELECT 1")
		w.wantKept(a, "1")
	})

	t.Run("keeps nothing of a run during which something changed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, totalBytes)
		got, _ := w.ask(a, true, func() *Answer {
			found := w.count()
			w.exec("INSERT INTO numbers VALUES (1)")
			w.wantRun(b, true, "1") // somebody else notices
			return found
		})
		if got != "0" {
			t.Errorf("got %s", got)
		}
		w.wantRun(a, true, "1")
	})

	t.Run("counts an open transaction's rows from its commit on", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, totalBytes)
		tx, err := w.db.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback(context.Background()) //nolint:errcheck // it is committed below
		if _, err := tx.Exec(t.Context(), "INSERT INTO numbers VALUES (1)"); err != nil {
			t.Fatal(err)
		}
		w.exec("INSERT INTO numbers VALUES (2)") // a later transaction, which ends first
		w.wantRun(a, true, "1")
		w.wantKept(a, "1")
		if err := tx.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.wantRun(a, true, "2")
	})

	t.Run("keeps nothing for a question that is not to be kept, or of a run without an answer", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, totalBytes)
		w.wantRun(a, false, "0")
		w.wantRun(a, false, "0")
		if _, ran := w.ask(a, true, func() *Answer { return nil }); !ran {
			t.Error("it was not run")
		}
		w.wantRun(a, true, "0")
	})

	t.Run("gives nothing from before its connection was lost", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, totalBytes)
		w.wantRun(a, true, "0")
		w.exec("SELECT pg_terminate_backend(" + fmt.Sprint(w.connection.PgConn().PID()) + ")")
		w.ask(a, true, w.count) // maybe it notices only now
		w.wantRun(b, true, "0")
		if w.current.life < 2 {
			t.Errorf("life %d", w.current.life)
		}
	})

	t.Run("bounds its bytes", func(t *testing.T) {
		t.Parallel()
		const total = 10 * (1000 + ownBytes)
		w := newWorld(t, total)
		large := func() *Answer { return &Answer{Data: make([]byte, 1000)} }
		for try := 0; w.kept.Len() < 10 && try < tries; try++ { // a commit elsewhere drops all
			for n := range 30 {
				w.ask(Key{byte(n), byte(try)}, true, large)
				if w.bytes > total || w.bytes != w.kept.Len()*(1000+ownBytes) {
					t.Fatalf("%d answers of %d bytes are kept", w.kept.Len(), w.bytes)
				}
			}
		}
		if n := w.kept.Len(); n != 10 || w.bytes != total {
			t.Errorf("%d answers of %d bytes are kept", n, w.bytes)
		}
		w.ask(Key{99}, true, func() *Answer { return &Answer{Data: make([]byte, eachBytes)} })
		if w.Find(Key{99}) != nil {
			t.Error("a large answer is kept")
		}
		w.exec("INSERT INTO numbers VALUES (1)")
		w.ask(a, false, w.count)
		w.ask(b, true, w.count)
		if n := w.kept.Len(); n != 1 || w.bytes != 1+ownBytes || len(w.flights) != 0 {
			t.Errorf("%d answers of %d bytes and %d flights are kept after a change", n, w.bytes, len(w.flights))
		}
	})
}

// Callers who ask while a run is under way wait, and share the next one or its answer.
func TestAskTogether(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{true, false} {
		t.Run(fmt.Sprintf("keep %t", keep), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, totalBytes)
			key, began, goOn := Key{7}, make(chan struct{}), make(chan struct{})
			var mu sync.Mutex
			runs := 0
			run := func() *Answer {
				mu.Lock()
				runs++
				first := runs == 1
				mu.Unlock()
				if first {
					close(began)
					<-goOn
				}
				return w.count()
			}
			var all sync.WaitGroup
			all.Go(func() { w.Ask(t.Context(), key, keep, run) })
			<-began
			w.exec("INSERT INTO numbers VALUES (1)") // committed before the others ask
			for range 20 {
				all.Go(func() {
					if found := w.Ask(t.Context(), key, keep, run); found == nil || string(found.Data) != "1" {
						t.Errorf("got %v", found)
					}
				})
			}
			for {
				w.mu.Lock()
				f := w.flights[key]
				callers := f.callers
				w.mu.Unlock()
				if callers == 21 {
					break
				}
				time.Sleep(time.Millisecond)
			}
			close(goOn)
			all.Wait()
			if runs > 3 { // one of them may not have asked yet when the second began
				t.Errorf("%d runs", runs)
			}
		})
	}
}
