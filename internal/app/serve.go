package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"syscall"
	"time"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/httpd"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/internal/sample"
)

// Listen takes the address of the settings. A command calls it before Open, so that a server that cannot start leaves no
// trace in the database: the administrator's first token is shown only once.
func Listen(c *config.Config) (net.Listener, error) {
	listener, err := net.Listen("tcp", c.Listen)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program uses the address %s: stop it, or choose another address with CLOSELOOP_LISTEN", c.Listen)
	case err != nil:
		return nil, fmt.Errorf("the address %s cannot be used (choose another with CLOSELOOP_LISTEN): %w", c.Listen, err)
	}
	return listener, nil
}

// Serve answers the API on the listener, and does what must be done in the background, until ctx ends. The caller closes
// the listener.
func (a *App) Serve(ctx context.Context, listener net.Listener) (err error) {
	if a.config.SMTPURL == "" {
		a.Queue.KeepUnsent()
	}
	server := &http.Server{
		Handler: a.Handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, ConnState: httpd.LimitNewConnections(), ErrorLog: slog.NewLogLogger(a.log.Handler(), slog.LevelDebug),
	}
	a.Feed.Follow()
	a.Mailer.Announce(ctx)
	a.Jobs.Start(context.WithoutCancel(ctx))
	running, end := context.WithCancel(ctx)
	defer end()
	background := a.background(running)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	if a.options.Listening != nil {
		a.options.Listening(listener.Addr())
	}

	select {
	case err = <-failed:
	case <-ctx.Done():
		err = nil
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdown)
	defer cancel()
	end()
	background.Wait()
	return errors.Join(err, a.CloseSockets(ending), server.Shutdown(ending), a.Jobs.Stop(ending))
}

// background starts what runs until ctx ends, besides mails and answers.
func (a *App) background(ctx context.Context) *sync.WaitGroup {
	var all sync.WaitGroup
	timers := func() {
		all.Go(func() { a.Work.WatchDue(ctx, a.log) })
		all.Go(func() { idempotency.PruneKeys(ctx, a.DB, time.Now, a.log) })
		all.Go(func() { a.Tagger.WatchEstimates(ctx, a.log) })
		all.Go(func() { a.Privacy.WatchRetention(ctx, a.log) })
		all.Go(func() { audit.WatchRetention(ctx, a.DB, time.Now, a.log) })
		all.Go(func() { a.Sources.Watch(ctx, a.log) })
	}
	all.Go(func() { keepHeapFloor(ctx) })
	all.Go(func() { a.Uploads.Run(ctx) })
	all.Go(func() { a.SignIns.Run(ctx, a.log) })
	all.Go(func() { rollup.Watch(ctx, a.DB, a.log) })
	if a.options.Sample {
		all.Go(func() { a.sample(ctx, timers) }) // The past is made by a clock of its own: no timer may look at it.
	} else {
		timers()
	}
	all.Go(func() { a.Webhooks.Run(ctx) })
	return &all
}

// sample fills an empty database with made-up data, calls made, and then keeps responses coming.
func (a *App) sample(ctx context.Context, made func()) {
	err := sample.Run(ctx, sample.Options{DB: a.DB, Configuration: a.Configuration, Feed: a.Feed, Queue: a.Queue, Log: a.log, Now: time.Now, Made: made})
	if err != nil && ctx.Err() == nil {
		a.log.Error("sample data", "error", err)
	}
}
