// Package event owns the log: appending to it in the writer's transaction, stamping positions onto committed events,
// reading it in pages, and following it live. The history of a case, the feed, mails, webhooks and figures all read this
// one log.
//
// It refuses to decide what happens to a case (package casework does), and never publishes an event that is not
// committed: the feed is read from the table, and a wake-up carries nothing but "look again".
package event

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/shared"
	"github.com/closeloop/closeloop/model"
)

const (
	channel     = "closeloop_feed" // of NOTIFY
	notifyEvery = 5 * time.Millisecond
	batchSize   = 500
)

// Event is an entry of the log as it is followed. It is decoded once and shared by all readers, so it is never changed.
type Event struct {
	model.Event
	Cursor string
	Then   *model.Snapshot // the case right after the event
	Was    *model.Snapshot // the case right before the event; nil where the event opened the case

	kept atomic.Pointer[subjects]
	note atomic.Pointer[readNote]
}

// Log is the log of one database as this server sees it, with a cache of its newest events.
type Log struct {
	db   *pg.DB
	feed *pg.DB // its lane Feed: no request delays the head of the log
	log  *slog.Logger
	name string // of this server in NOTIFY

	ctx   context.Context // ends with Close
	stop  context.CancelFunc
	tasks sync.WaitGroup
	wake  job.Signal // tells the follower of this server to look again

	lookEvery  time.Duration // how soon an event is found whose wake-up was missed
	cacheBytes int           // how much of the newest log is cached
	lookMost   int64         // how many positions a list looks at
	lookFor    time.Duration // after how long a list stops looking

	fresh    atomic.Bool // this server has committed events since its last stamp
	starting sync.Mutex
	follows  bool // Follow was called
	pending  bool // a NOTIFY has been asked for and not yet sent
	closed   bool

	stamping *shared.Question[cursor] // the head
	loading  sync.Mutex               // locked while the epochs are loaded

	mu      sync.Mutex
	epochs  []epoch
	recent  []*Event                // the cache: contiguous by position, the newest last
	newest  map[model.CaseID]*Event // the newest cached event of each case that has one
	bytes   int
	pages   *pages        // older than the cache
	tail    int64         // the position up to which the log was followed; the cache ends there
	started chan struct{} // closed when the follower knows its tail
	grown   chan struct{} // closed, and replaced, when the cache grows or an epoch begins

	revision atomic.Int64 // how often what readers have read before became outdated: customers were erased, notes redacted, or an epoch began; changed only under mu
}

// New opens the log. Nothing is followed until Follow is called. Close ends what New and Follow started.
func New(db *pg.DB, log *slog.Logger) *Log {
	ctx, stop := context.WithCancel(context.Background())
	return &Log{
		db: db, feed: db.Lane(pg.Feed), log: log, name: newNonce(), ctx: ctx, stop: stop,
		wake: job.NewSignal(), started: make(chan struct{}), grown: make(chan struct{}),
		lookEvery: time.Second, cacheBytes: 32 << 20, pages: newPages(db.Lane(pg.CatchUp).Gorm, 32<<20), stamping: shared.New[cursor](), lookMost: LookMost, lookFor: lookFor,
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

// Wake tells every server to look at the log again; call it after a commit. Wake never waits. A server that follows the log
// stamps at once, and the stamp tells the others. Where nothing follows, as in a command, a NOTIFY of its own does, and one
// serves all calls of a few milliseconds. No writer sends NOTIFY in its transaction, where it takes a cluster-wide lock at
// commit.
func (l *Log) Wake() {
	l.fresh.Store(true)
	l.wake.Send()
	l.starting.Lock()
	defer l.starting.Unlock()
	if l.follows || l.pending || l.closed {
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
	l.pending = false // a commit from here on needs another NOTIFY
	l.starting.Unlock()
	// This NOTIFY is sent even if the server is closing: a commit has been made that other servers must hear of.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(l.ctx), time.Second)
	defer cancel()
	if _, err := l.feed.Pool.Exec(ctx, "SELECT pg_notify($1, $2)", channel, l.name); err != nil {
		l.log.Debug("a wake-up was not sent; every server still looks at the log once a second", "error", err)
	}
}
