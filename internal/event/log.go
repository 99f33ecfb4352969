// Package event owns the log: appending to it in the writer's transaction, stamping positions onto what has been
// committed, reading it in pages, and following it live. A case's history, the feed, and whatever else wants to know
// what happened are readers of this one log.
//
// It refuses to decide what happens to a case (that is casework's), and never publishes what is not committed: the
// feed is read from the table, and waking is only 'look again'.
package event

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	channel     = "closeloop_feed" // NOTIFY's
	notifyEvery = 5 * time.Millisecond
	batchSize   = 500
)

// Event is an entry of the log as it is followed: decoded once for all who watch.
type Event struct {
	model.Event
	Cursor string
	Then   *model.Snapshot // the case right after
	Was    *model.Snapshot // the case right before; nil where the event opened it
}

// Log is the log of one database as this process sees it.
type Log struct {
	db  *pg.DB
	log *slog.Logger

	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	tasks sync.WaitGroup
	wake  job.Signal // 'look again' for the follower here

	lookEvery   time.Duration // the net below a missed wake-up
	memoryBytes int           // how much of the newest log is remembered

	starting sync.Mutex
	pending  bool // a NOTIFY is under way and has not yet been sent
	closed   bool

	loading sync.Mutex // of the epochs

	mu      sync.Mutex
	epochs  []epoch
	memory  []*Event                // contiguous by position, the newest last
	newest  map[model.CaseID]*Event // of each case that memory has an event of
	bytes   int
	tail    int64         // the position that memory, or the follower's start, reaches up to
	started chan struct{} // closed when the follower knows its tail
	grown   chan struct{} // closed, and replaced, when memory grows or an epoch begins

	erasures atomic.Int64 // how often the follower has read that customers were erased; written under mu
}

// New opens the log. Nothing is followed until Follow runs; Close ends what it started.
func New(db *pg.DB, log *slog.Logger) *Log {
	ctx, stop := context.WithCancel(context.Background())
	return &Log{
		db: db, log: log, ctx: ctx, stop: stop,
		wake: job.NewSignal(), started: make(chan struct{}), grown: make(chan struct{}),
		lookEvery: time.Second, memoryBytes: 32 << 20,
	}
}

// Close ends the follower and the notifier, and waits for them.
func (l *Log) Close() {
	l.starting.Lock()
	l.closed = true
	l.starting.Unlock()
	l.stop()
	l.tasks.Wait()
}

// Wake tells every server to look at the log again; call it after a commit. It never waits: NOTIFY is sent apart from
// any transaction, and those of a few milliseconds together, because inside one it takes a cluster-wide lock at commit.
func (l *Log) Wake() {
	l.wake.Send()
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.pending || l.closed {
		return
	}
	l.pending = true
	l.tasks.Go(l.notify)
}

func (l *Log) notify() {
	select {
	case <-time.After(notifyEvery):
	case <-l.ctx.Done():
	}
	l.starting.Lock()
	l.pending = false // a commit from here on asks for a NOTIFY of its own
	l.starting.Unlock()
	// A process that is about to end still owes this one.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
	defer cancel()
	if _, err := l.db.Pool.Exec(ctx, "SELECT pg_notify($1, '')", channel); err != nil {
		l.log.Debug("a wake-up was not sent; servers look once a second anyway", "error", err)
	}
}
