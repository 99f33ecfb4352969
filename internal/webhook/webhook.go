// Package webhook owns the delivery of case events to other systems: the selection and order of the events, the body and
// its signature, which answers count as accepted, and when deliveries end and a webhook is disabled.
//
// A webhook is a reader of the log: its row has the position up to which deliveries exist. Any number of servers work at
// the same time. One server creates the deliveries of the next events, in the transaction that moves the position. Any
// server posts a delivery, after it has moved the time of the next try into the future (a lease); if the server dies,
// another server tries the delivery at that time. So an event is posted at least once, and the receiver drops repeats by
// webhook-id. The next event of a case is posted only after the previous event has ended. While a server waits for a
// receiver, it holds no transaction, no lock and no database connection.
//
// It does not store bodies: each try builds the body from the log, so that erased data is never posted. A body never
// contains the text of a note, which must not reach a customer; package notify follows the same rule. It does not decide
// which events a user may see; package filter does.
package webhook

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	// answerTimeout limits a request, from dialling to the end of the answer, and recordTimeout the write of its result.
	// The lease is longer than both together, so that no other server posts the delivery meanwhile.
	answerTimeout = 15 * time.Second
	recordTimeout = 10 * time.Second
	leaseTime     = 40 * time.Second

	pollInterval  = time.Second
	pruneInterval = time.Hour
	requestsMax   = 4               // concurrent requests to one webhook from one server
	closeTimeout  = 3 * time.Second // for running requests when the server stops
)

// Options say how events are posted. Only Now is required.
type Options struct {
	Addresses Addresses
	Now       func() time.Time
	Log       *slog.Logger // the results of deliveries, by id; nil: nothing is logged
	// Backoff returns the wait after the given number of tries. Nil: the function backoff.
	Backoff func(tries int) time.Duration
	// AnswerTimeout, LeaseTime, PollInterval and Roots (the trusted certificates) are for tests.
	AnswerTimeout, LeaseTime, PollInterval time.Duration
	Roots                                  *tls.Config
}

// Sender creates deliveries and posts them.
type Sender struct {
	db    *pg.DB
	log   *event.Log
	queue *job.Queue
	o     Options

	ofAdmins, ofOthers *http.Client // post the events of webhooks of administrators, and of other users

	woken job.Signal // deliveries may be due

	revisions *configuration.Revisions
	noneAt    atomic.Int64 // the revision of the configuration at which no webhook was enabled

	mu      sync.Mutex
	running map[model.WebhookID]int // running requests of this server
	tasks   sync.WaitGroup
}

// New returns a Sender that does not run yet. The log must be followed.
func New(db *pg.DB, revisions *configuration.Revisions, log *event.Log, queue *job.Queue, o Options) *Sender {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.AnswerTimeout <= 0 {
		o.AnswerTimeout = answerTimeout
	}
	if o.LeaseTime <= 0 {
		o.LeaseTime = leaseTime
	}
	if o.PollInterval <= 0 {
		o.PollInterval = pollInterval
	}
	s := &Sender{
		db: db, revisions: revisions, log: log, queue: queue, o: o, ofAdmins: o.Addresses.OfAdmins.Client(o.AnswerTimeout, o.Roots), ofOthers: o.Addresses.OfOthers.Client(o.AnswerTimeout, o.Roots),
		woken: job.NewSignal(), running: map[model.WebhookID]int{},
	}
	s.noneAt.Store(-1)
	return s
}

// Run works until ctx ends. Running requests then have closeTimeout to end; another server repeats the requests that Run
// cancels.
func (s *Sender) Run(ctx context.Context) {
	posting, cancelPosting := context.WithCancel(context.WithoutCancel(ctx))
	defer cancelPosting()
	var loops sync.WaitGroup
	dispatch := func(ctx context.Context) error { return s.dispatch(ctx, posting) }
	loops.Go(func() { job.Every(ctx, s.o.PollInterval, s.log.Grown, s.task("webhooks cannot read the log", s.fill)) })
	loops.Go(func() {
		job.Every(ctx, pruneInterval, nil, s.task("old deliveries of webhooks cannot be deleted", s.prune))
	})
	loops.Go(func() {
		job.Every(ctx, s.o.PollInterval, s.woken.Wake, s.task("due deliveries of webhooks cannot be read", dispatch))
	})
	loops.Wait()

	ended := make(chan struct{})
	go func() {
		defer close(ended)
		s.tasks.Wait()
	}()
	select {
	case <-ended:
	case <-time.After(closeTimeout):
		cancelPosting()
		<-ended
	}
	s.ofAdmins.CloseIdleConnections()
	s.ofOthers.CloseIdleConnections()
}

// task returns a task that Run repeats.
func (s *Sender) task(trouble string, do func(context.Context) error) job.Task {
	return job.Task{
		Trouble: trouble + "; retrying", Log: s.o.Log,
		Do: func(ctx context.Context) (more bool, err error) { return false, do(ctx) },
	}
}

// clock returns the time truncated to microseconds like in PostgreSQL, because a lease is recognised by its time.
func (s *Sender) clock() time.Time { return pg.Timestamp(s.o.Now()) }
