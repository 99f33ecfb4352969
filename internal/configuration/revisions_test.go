package configuration_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

var start = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// server is the Revisions of one server, with a clock that the test sets.
type server struct {
	t *testing.T
	*configuration.Revisions
	mu  sync.Mutex
	now time.Time
}

func newServer(t *testing.T, db *pg.DB) *server {
	s := &server{t: t, now: start}
	s.Revisions = configuration.New(db, s.clock)
	return s
}

func (s *server) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *server) later(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *server) recent() configuration.Revision {
	s.t.Helper()
	revision, err := s.Recent(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	return revision
}

func (s *server) rename() {
	s.t.Helper()
	if err := s.Change(s.t.Context(), currency); err != nil {
		s.t.Fatal(err)
	}
}

func currency(tx *gorm.DB) error { return tx.Exec("UPDATE settings SET currency = 'GBP'").Error }

func TestRecent(t *testing.T) {
	t.Parallel()
	t.Run("sees the changes of its process at once, and those of another within a second", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		a, b := newServer(t, db), newServer(t, db)
		was := a.recent()
		if b.recent() != was {
			t.Fatal("two servers know different revisions at the start")
		}
		a.rename()
		if now := a.recent(); now <= was {
			t.Errorf("after its own change, the server knows %d; before it was %d", now, was)
		}
		if b.recent() != was {
			t.Error("the other server has asked within half a second")
		}
		b.later(time.Second)
		if now := b.recent(); now != a.recent() {
			t.Errorf("a second later, the other server knows %d", now)
		}
	})

	t.Run("costs one statement in half a second, for all who ask", func(t *testing.T) {
		t.Parallel()
		count := &pgtest.Counter{}
		a := newServer(t, pgtest.New(t, pgtest.WithTracer(count)))
		for step, want := range []int{1, 0, 1, 0, 1} { // at 0, 250, 500, 750, 1000 ms
			count.Reset()
			for range 100 {
				a.recent()
			}
			var all sync.WaitGroup
			for range 20 {
				all.Go(func() { a.recent() })
			}
			all.Wait()
			if got := count.Statements(); len(got) != want {
				t.Errorf("step %d: %q", step, got)
			}
			a.later(250 * time.Millisecond)
		}
	})

	t.Run("fails while the database does not answer, a second after the last answer", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		a := newServer(t, db)
		a.recent()
		if _, err := db.Pool.Exec(t.Context(), "ALTER TABLE configuration RENAME TO gone"); err != nil {
			t.Fatal(err)
		}
		a.later(999 * time.Millisecond)
		a.recent()
		a.later(time.Millisecond)
		if _, err := a.Recent(t.Context()); err == nil || !strings.Contains(err.Error(), "read the configuration's revision") {
			t.Errorf("a second later: %v", err)
		}
	})

	t.Run("does not trust what is known after a change that may have failed, nor a clock that was set back", func(t *testing.T) {
		t.Parallel()
		count := &pgtest.Counter{}
		a := newServer(t, pgtest.New(t, pgtest.WithTracer(count)))
		a.recent()
		lost := errors.New("the answer was lost")
		if err := a.Change(t.Context(), func(*gorm.DB) error { return lost }); !errors.Is(err, lost) {
			t.Fatal(err)
		}
		for _, after := range []string{"the change", "the clock"} { // in this order: the second reads what the first made unknown
			if after == "the clock" {
				a.later(-time.Minute)
			}
			count.Reset()
			if a.recent(); count.Count() != 1 {
				t.Errorf("after %s: %q", after, count.Statements())
			}
		}
	})
}

// A read that has begun before a change of the process must not pass for one that knows the change.
func TestRecentDuringAChange(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	a := newServer(t, db)
	for range 200 {
		var all sync.WaitGroup
		stop, cancel := context.WithCancel(t.Context())
		for range 4 {
			all.Go(func() {
				for stop.Err() == nil {
					_, _ = a.Current(stop)
				}
			})
		}
		was := a.recent()
		a.rename()
		now := a.recent()
		cancel()
		all.Wait()
		if now <= was {
			t.Fatalf("after the change the revision is %d; before it was %d", now, was)
		}
	}
}

func TestLock(t *testing.T) {
	t.Parallel()
	t.Run("lets nobody share the configuration while it changes, who then gets the new revision", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		a := newServer(t, db)
		was := a.recent()
		changing, change, got := make(chan struct{}), make(chan struct{}), make(chan configuration.Revision, 1)
		var all sync.WaitGroup
		all.Go(func() {
			err := a.Change(t.Context(), func(tx *gorm.DB) error {
				if err := configuration.Lock(tx); err != nil {
					return err
				}
				close(changing)
				<-change
				return currency(tx)
			})
			if err != nil {
				t.Error(err)
			}
		})
		<-changing
		all.Go(func() { got <- share(t, db) })
		awaitLock(t, db)
		close(change)
		all.Wait()
		if now := <-got; now <= was || now != a.recent() {
			t.Errorf("who waited for the change gets revision %d; before it was %d", now, was)
		}
	})

	t.Run("is taken at the commit by whoever has not taken it", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		saving, save := make(chan configuration.Revision), make(chan struct{})
		var all sync.WaitGroup
		all.Go(func() {
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				var revision configuration.Revision
				err := pg.Pipelined(tx, func(p *pg.Pipeline) { configuration.Share(p, &revision) })
				saving <- revision
				<-save
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
		was := <-saving
		changed := make(chan struct{})
		all.Go(func() {
			defer close(changed)
			if _, err := db.Lane(pg.Background).Pool.Exec(t.Context(), "UPDATE users SET name = 'x'; UPDATE rules SET name = 'x'; UPDATE settings SET currency = 'GBP'"); err != nil {
				t.Error(err)
			}
		})
		awaitLock(t, db)
		select {
		case <-changed:
			t.Error("the settings changed while a response was being saved")
		default:
		}
		close(save)
		all.Wait()
		if now := share(t, db); now <= was {
			t.Errorf("the revision stays %d", now)
		}
	})
}

func share(t *testing.T, db *pg.DB) (revision configuration.Revision) {
	err := db.Tx(t.Context(), func(tx *gorm.DB) error {
		return pg.Pipelined(tx, func(p *pg.Pipeline) { configuration.Share(p, &revision) })
	})
	if err != nil {
		t.Error(err)
	}
	return revision
}

// awaitLock waits until a statement waits for an advisory lock.
func awaitLock(t *testing.T, db *pg.DB) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		var n int
		err := db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatal("nobody waits for the lock")
		}
	}
}
