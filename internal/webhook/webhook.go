// Package webhook owns how case events reach other systems: who gets which, in what order, what is posted and how it
// is signed, what counts as taken, and when a receiver is given up.
//
// A webhook is a reader of the log: its row has the position up to which there are deliveries. Any number of servers
// work at once. One of them makes the deliveries of the next events, in the transaction that moves the position; any
// of them posts one, having put the time of its next try off (a lease): a server that dies in between has its
// deliveries tried by another when that time comes. So an event is posted at least once, and the receiver drops
// repeats by webhook-id. Of one case's events the next is posted when the one before has ended. Nothing is held while
// a receiver is waited for: no transaction, no lock and no connection.
//
// It refuses to keep what it posts: a body is made of the log each time, so what was erased there is gone here. It
// refuses the text of notes, which must never reach a customer, as package notify does.
package webhook

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	// answering is what a receiver may take from dialling to the end of its answer, recording what we may take to write
	// down what became of it. The lease is longer than both: nobody else posts meanwhile.
	answering = 15 * time.Second
	recording = 10 * time.Second
	leased    = 40 * time.Second

	lookEvery  = time.Second
	pruneEvery = time.Hour
	lanes      = 4               // requests at once, to one webhook from one server
	grace      = 3 * time.Second // for requests under way when the server stops
)

// Options say how events leave. The zero values of all but Now are good.
type Options struct {
	Policy egress.Policy
	Now    func() time.Time
	Log    *slog.Logger // gets what becomes of deliveries, by id
	// Backoff is how long to wait after that many tries, 1 being the first. Nil: see backoff.
	Backoff func(tries int) time.Duration
	// Answering, Lease and LookEvery are for tests; so are the certificates that are trusted.
	Answering, Lease, LookEvery time.Duration
	Roots                       *tls.Config
}

// Sender makes deliveries and posts them.
type Sender struct {
	db     *pg.DB
	log    *event.Log
	queue  *job.Queue
	client *http.Client
	o      Options

	poked job.Signal // deliveries may be due

	mu    sync.Mutex
	under map[model.WebhookID]int // requests under way here
	tasks sync.WaitGroup
}

// New makes a sender that does not run yet. The log must be followed.
func New(db *pg.DB, log *event.Log, queue *job.Queue, o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.Answering <= 0 {
		o.Answering = answering
	}
	if o.Lease <= 0 {
		o.Lease = leased
	}
	if o.LookEvery <= 0 {
		o.LookEvery = lookEvery
	}
	return &Sender{
		db: db, log: log, queue: queue, o: o, client: o.Policy.Client(o.Answering, o.Roots),
		poked: job.NewSignal(), under: map[model.WebhookID]int{},
	}
}

// Run works until ctx ends. Requests under way then have a moment to end by themselves; what is broken off is posted
// again by whoever runs next.
func (s *Sender) Run(ctx context.Context) {
	posting, breakOff := context.WithCancel(context.WithoutCancel(ctx))
	defer breakOff()
	var loops sync.WaitGroup
	dispatch := func(ctx context.Context) error { return s.dispatch(ctx, posting) }
	loops.Go(func() { job.Every(ctx, s.o.LookEvery, s.log.Grown, s.task("webhooks cannot read the log", s.fill)) })
	loops.Go(func() {
		job.Every(ctx, pruneEvery, nil, s.task("old deliveries of webhooks cannot be deleted", s.prune))
	})
	loops.Go(func() {
		job.Every(ctx, s.o.LookEvery, s.poked.Wake, s.task("deliveries of webhooks cannot be looked for", dispatch))
	})
	loops.Wait()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.tasks.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(grace):
		breakOff()
		<-ended
	}
	s.client.CloseIdleConnections()
}

func (s *Sender) task(trouble string, do func(context.Context) error) job.Task {
	return job.Task{
		Trouble: trouble + "; it is tried again and again", Log: s.o.Log,
		Do: func(ctx context.Context) (more bool, err error) { return false, do(ctx) },
	}
}

// clock is cut to microseconds, as PostgreSQL cuts it: a lease is known again by its time.
func (s *Sender) clock() time.Time { return pg.Timestamp(s.o.Now()) }
