package event_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	manyWriters = 32
	hotCases    = 40
)

// hammerFor is how long the writers write: CLOSELOOP_HAMMER (such as 10m); without it 20 s, and 5 s with -short.
func hammerFor(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("CLOSELOOP_HAMMER"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	if testing.Short() {
		return 5 * time.Second
	}
	return 20 * time.Second
}

// hammer records the events of the writers: committed and rolled back.
type hammer struct {
	*world
	db    *pg.DB // the writers' pool
	cases []*subject
	logs  []*event.Log // of two servers

	rollbacks, savepoints, kills atomic.Int64

	mu        sync.Mutex
	committed map[model.EventID]bool
	abandoned map[model.EventID]bool // rolled back, wholly or to a savepoint
}

// 32 writers change 40 cases in transactions of random length, and roll some of them back. Meanwhile connections of the
// servers that stamp and follow are cut. 8 readers read at two servers; half of them leave and resume.
func TestLogUnderManyWritersShowsEveryReaderOneOrderWithNothingMissedOrDoubled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	h := &hammer{world: w, committed: map[model.EventID]bool{}, abandoned: map[model.EventID]bool{}}
	for range hotCases {
		h.cases = append(h.cases, w.open())
	}
	// The cache of the second server is so small that its readers read the table.
	for _, bytes := range []int{0, 50_000} {
		h.logs = append(h.logs, w.follow(w.another(8, "feed"), 100*time.Millisecond, bytes))
	}
	start := w.head(h.logs[0])
	h.db = w.another(manyWriters, "writers")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writing, reading sync.WaitGroup
	for i := range manyWriters {
		writing.Go(func() { h.write(ctx, rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))) })
	}
	writing.Go(func() { h.kill(ctx) })
	end := new(atomic.Int64) // the last position, once it is known
	end.Store(1 << 62)
	readers := make([]*follower, 8)
	reads, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	for i := range readers {
		readers[i] = &follower{t: t, ctx: reads, logs: h.logs, cursor: *start, end: end, Rand: rand.New(rand.NewPCG(1, uint64(i)))}
		reading.Go(func() { readers[i].read(i) })
	}
	h.enough(readers, hammerFor(t))
	stop()
	writing.Wait()
	w.must(w.db.Tx(t.Context(), func(tx *gorm.DB) error { // one more event, so that readers that wait notice the end
		id, err := h.change(tx, h.cases[0])
		h.committed[id] = true
		end.Store(int64(hotCases + len(h.committed)))
		return err
	}))
	h.logs[0].Wake()
	defer time.AfterFunc(patience, giveUp).Stop()
	reading.Wait()
	h.check(readers)
}

// enough waits until the writers have written for that long, and until enough has happened for a meaningful test, which
// takes longer on a busy machine. By then each reader has read concurrently with the writers.
func (h *hammer) enough(readers []*follower, least time.Duration) {
	h.t.Helper()
	began := time.Now()
	for end := began.Add(least + 2*patience); ; time.Sleep(100 * time.Millisecond) {
		missing := h.missing(readers)
		if missing == "" && time.Since(began) >= least {
			return
		}
		if h.t.Failed() || time.Now().After(end) {
			h.t.Errorf("too little happened for the test to show anything: %s", missing)
			return
		}
	}
}

// missing describes what has not happened yet.
func (h *hammer) missing(readers []*follower) string {
	h.mu.Lock()
	committed := len(h.committed)
	h.mu.Unlock()
	if committed < 500 || h.rollbacks.Load() < 20 || h.savepoints.Load() < 20 || h.kills.Load() < 10 {
		return fmt.Sprintf("%d events committed, %d rollbacks, %d savepoints, %d connections cut",
			committed, h.rollbacks.Load(), h.savepoints.Load(), h.kills.Load())
	}
	for i, f := range readers {
		if seen := f.seen.Load(); seen < int64(committed/2) {
			return fmt.Sprintf("reader %d has seen %d of %d events: it does not read beside the writers", i, seen, committed)
		}
		if comesAndGoes := i%2 == 1; comesAndGoes && f.came.Load() < 3 {
			return fmt.Sprintf("reader %d came %d times", i, f.came.Load())
		}
	}
	late := query[int](h.world, `SELECT count(*) FROM (SELECT seq < max(seq) OVER (ORDER BY position
		ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS late FROM case_events WHERE position IS NOT NULL) x WHERE late`)
	if late < 20 {
		return fmt.Sprintf("%d events committed after a later sequence", late)
	}
	return ""
}

var errBack = errors.New("rolled back")

// write changes a few cases in each transaction, sometimes slowly, and rolls some of them back.
func (h *hammer) write(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		var kept, lost []model.EventID
		err := h.db.Tx(context.WithoutCancel(ctx), func(tx *gorm.DB) error {
			lost, kept = append(lost, kept...), nil // events of an attempt that PostgreSQL aborted
			chosen := r.Perm(hotCases)[:1+r.IntN(3)]
			slices.Sort(chosen) // all writers lock in one order, as casework does
			for _, i := range chosen {
				pause(r)
				id, back, err := h.changeAndMaybeBack(tx, h.cases[i], r)
				if err != nil {
					return err
				}
				if back {
					lost = append(lost, id)
				} else {
					kept = append(kept, id)
				}
			}
			pause(r)
			if r.IntN(6) == 0 {
				return errBack
			}
			return nil
		})
		switch {
		case errors.Is(err, errBack):
			h.rollbacks.Add(1)
		case err != nil:
			h.t.Errorf("a writer failed: %v", err)
			return
		}
		h.count(kept, lost, err == nil)
		if r.IntN(2) == 0 { // without a notification, a follower finds the events by itself
			h.logs[r.IntN(len(h.logs))].Wake()
		}
	}
}

func (h *hammer) changeAndMaybeBack(tx *gorm.DB, s *subject, r *rand.Rand) (id model.EventID, back bool, err error) {
	if r.IntN(4) > 0 {
		id, err = h.change(tx, s)
		return id, false, err
	}
	if err := tx.Exec("SAVEPOINT here").Error; err != nil {
		return id, false, err
	}
	if id, err = h.change(tx, s); err != nil {
		return id, false, err
	}
	pause(r)
	h.savepoints.Add(1)
	return id, true, tx.Exec("ROLLBACK TO SAVEPOINT here").Error
}

// change appends one event. The writers share the subject and only read it.
func (h *hammer) change(tx *gorm.DB, s *subject) (model.EventID, error) {
	own := *s
	logged, err := own.move(tx, "FR")
	if err != nil {
		return model.EventID{}, err
	}
	return logged.ID, nil
}

func (h *hammer) count(kept, lost []model.EventID, committed bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, id := range lost {
		h.abandoned[id] = true
	}
	for _, id := range kept {
		if committed {
			h.committed[id] = true
		} else {
			h.abandoned[id] = true
		}
	}
}

// pause makes transactions overlap in every way: most continue immediately, some make others wait.
func pause(r *rand.Rand) {
	switch n := r.IntN(20); {
	case n == 0:
		time.Sleep(time.Duration(r.IntN(int(20 * time.Millisecond))))
	case n < 6:
		time.Sleep(time.Duration(r.IntN(int(3 * time.Millisecond))))
	}
}

// kill cuts connections of the servers, during a stamp, a read, or listening.
func (h *hammer) kill(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-time.After(150 * time.Millisecond):
			var pids []int
			err := h.world.db.Gorm.Raw(`SELECT pid FROM (SELECT pid FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'feed' ORDER BY random() LIMIT 1) x WHERE pg_terminate_backend(pid)`).Scan(&pids).Error
			if err != nil {
				h.t.Error(err)
			}
			h.kills.Add(int64(len(pids)))
		}
	}
}
