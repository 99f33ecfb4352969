package live_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/live"
)

// feed is a log that the test writes; its subscribers share their execution.
type feed struct {
	mu     sync.Mutex
	values []string // the first has position 1
	erased int64    // times
	err    error    // ends all
	grown  chan struct{}
	gate   chan struct{} // each Read of somebody who is behind takes a value of it; nil: it does not wait
	free   string        // who reads without such a value
	reads  chan string   // who waits at the gate, or passed it freely
	hidden string        // a value that must not be shown any more

	waiting atomic.Int32 // goroutines that wait for more
}

func newFeed() *feed { return &feed{grown: make(chan struct{}), reads: make(chan string, 1000)} }

func (f *feed) publish(values ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.values = append(f.values, values...)
	close(f.grown)
	f.grown = make(chan struct{})
}

func (f *feed) fail(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.err = err
	close(f.grown)
	f.grown = make(chan struct{})
}

// erase replaces all values that were published.
func (f *feed) erase() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.values {
		f.values[i] = "erased"
	}
	f.erased++
}

// hide takes a value out of what may be shown, without a new revision.
func (f *feed) hide(value string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.hidden = value
}

// reader is a position in a feed. It reads pages of ten values.
type reader struct {
	of     *feed
	name   string
	at     int
	erased int64 // when the page was read
}

func (r *reader) Outdated(v value) bool {
	if r.Revision() == r.erased {
		return false
	}
	r.at = v.position - 1
	return true
}

func (r *reader) Revision() int64 {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	return r.of.erased
}

type value struct {
	position int
	text     string
}

func (v value) at() live.Position {
	return live.Position{Offset: int64(v.position), Cursor: fmt.Sprint("p", v.position)}
}

func (r *reader) Position() live.Position { return value{r.at, ""}.at() }

func (r *reader) Newest() bool {
	r.of.mu.Lock()
	defer r.of.mu.Unlock()
	return r.at == len(r.of.values)
}

func (r *reader) Next(ctx context.Context) (page []value, err error) {
	for {
		r.of.mu.Lock()
		r.erased = r.of.erased
		for r.at < len(r.of.values) && len(page) < 10 {
			if r.at++; r.of.hidden == "" || r.of.values[r.at-1] != r.of.hidden {
				page = append(page, value{r.at, r.of.values[r.at-1]})
			}
		}
		grown, err := r.of.grown, r.of.err
		r.of.mu.Unlock()
		if len(page) > 0 || err != nil {
			return page, err
		}
		r.of.waiting.Add(1)
		select {
		case <-grown:
		case <-ctx.Done():
		}
		r.of.waiting.Add(-1)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

func (r *reader) Read(ctx context.Context) ([]value, error) {
	if r.of.gate != nil {
		r.of.reads <- r.name
		if r.name != r.of.free {
			select {
			case <-r.of.gate:
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}
	}
	return r.Next(ctx)
}

func (r *reader) Seek(to live.Position) error {
	r.at = int(to.Offset)
	return nil
}

func (r *reader) StillShown(v value) func() bool {
	return func() bool {
		r.of.mu.Lock()
		defer r.of.mu.Unlock()
		return v.text != r.of.hidden
	}
}

var _ live.Replayer[value] = &reader{}

// follow is the resolver of the field feed.
func (w *world) follow(ctx context.Context, args map[string]any) graphql.ResponseHandler {
	asked, _ := args["after"].(string)
	key := ""
	if mine, _ := args["mine"].(bool); mine {
		key, _ = ctx.Value(viewerKey{}).(string)
	}
	values, err := live.Follow(ctx, live.Feed[value]{
		Start: "after", Key: key, Position: value.at,
		Open: func(_ context.Context, after *string) (live.Source[value], error) {
			defer w.opened.Add(1) // the reader sees whatever is published after that
			if after == nil {
				after = &asked
			}
			r := &reader{of: w.feed, name: fmt.Sprint(args["also"])}
			if *after == "" {
				w.feed.mu.Lock()
				defer w.feed.mu.Unlock()
				r.at = len(w.feed.values)
			} else if _, err := fmt.Sscanf(*after, "p%d", &r.at); err != nil {
				return nil, errors.New("no such position")
			}
			return r, nil
		},
	})
	if err != nil {
		graphql.AddError(ctx, err)
		return nil
	}
	return func(ctx context.Context) *graphql.Response {
		select {
		case v := <-values:
			w.executed.Add(1)
			text := v.text
			switch text {
			case "slow":
				time.Sleep(live.TurnTime)
			case "stuck":
				<-w.free
			}
			if text == "broken" {
				answer := response("feed", text)
				answer.Errors = gqlerror.List{{Message: "broken"}}
				return answer
			}
			if key != "" {
				text = key + " " + text
			}
			return response("feed", text)
		case <-ctx.Done():
			return nil
		}
	}
}
