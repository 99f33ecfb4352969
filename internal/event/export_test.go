package event

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/model"
)

// NotifyEvery is the shortest time between two notifications of a server.
const NotifyEvery = notifyEvery

// StampMost is how many events a stamp gives positions.
const StampMost = stampMost

// StampOnce stamps once, and returns whether more may be waiting.
func (l *Log) StampOnce(ctx context.Context) (more bool, err error) {
	_, more, err = l.stampSome(ctx, nil)
	return more, err
}

// Tune changes settings for a test, before Follow: how often the log is read without a notification, and the size of the
// cache. 0 keeps the default.
func (l *Log) Tune(lookEvery time.Duration, cacheBytes int) {
	if lookEvery > 0 {
		l.lookEvery = lookEvery
	}
	if cacheBytes > 0 {
		l.cacheBytes = cacheBytes
	}
}

// TuneLook changes, for a test, how many positions a list looks at, and for how long. 0 keeps the default.
func (l *Log) TuneLook(most int64, within time.Duration) {
	if most > 0 {
		l.lookMost = most
	}
	if within > 0 {
		l.lookFor = within
	}
}

// Cached returns the first and the last cached position, the size that the cache has counted, and its real size.
func (l *Log) Cached() (first, tail int64, counted, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.recent {
		bytes += e.size()
	}
	if len(l.recent) > 0 {
		first = *l.recent[0].Position
	}
	return first, l.tail, l.bytes, bytes
}

// Started is closed when the follower knows its first position.
func (l *Log) Started() <-chan struct{} { return l.started }

// TunePages changes the bound of the pages that readers share, before Follow.
func (l *Log) TunePages(bytes int) { l.pages.maxBytes = bytes }

// Pages returns how many pages are kept, the size that was counted for them, and their real size.
func (l *Log) Pages() (n, counted, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.pages.kept.Values() {
		for _, e := range p.events {
			bytes += e.size()
		}
	}
	return l.pages.kept.Len(), l.pages.bytes, bytes
}

// DropIdlePages drops the pages that nobody has needed for so long.
func (l *Log) DropIdlePages(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pages.dropIdle(time.Now().Add(after))
}

// PageIdle is how long a page is kept that nobody needs.
const PageIdle = pageIdle

// TakeStampTurn makes all who ask for the head wait, until the function that it returns is called.
func (l *Log) TakeStampTurn() (give func()) {
	ctx, cancel := context.WithCancel(context.Background())
	taken, given, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_, _ = l.stamping.Ask(ctx, func() (cursor, error) {
			close(taken)
			<-given
			return cursor{}, nil
		})
	}()
	<-taken
	return func() {
		cancel() // so that nobody gets this answer
		close(given)
		<-done
	}
}

// NoteAt returns the note that was read with the event, if it counts as current at that time.
func (e *Event) NoteAt(now time.Time) *model.Note { return e.recentNote(now) }
