package event

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Readers that are further behind than the cache of the newest events read the table in pages. A page begins at a multiple
// of pageSize, so that readers at different positions share it: it is read and decoded once for all who need it, and kept
// for a while after somebody last needed it.
const (
	pageSize = 200 // positions
	pageIdle = 10 * time.Second
)

// pages are the pages of the log that readers share. All fields are guarded by Log.mu, and so is what they say about
// epochs and erasures: a page is never kept beyond either.
type pages struct {
	db       *gorm.DB // reads the pages
	maxBytes int

	reading map[int64]*logPage // by number: the page n has the positions from n*pageSize+1 on
	kept    *simplelru.LRU[int64, *logPage]
	bytes   int // of the kept pages
}

// logPage is the events of a page, as far as this server had followed the log when somebody began to read it: it shows no
// erasure that this server has not read. It is never changed once it is ready.
type logPage struct {
	after, to int64         // the positions from after+1 to the one in to
	ready     chan struct{} // closed when the fields below are set
	events    []*Event
	err       error
	bytes     int

	used time.Time // guarded by Log.mu
}

func newPages(db *gorm.DB, maxBytes int) *pages {
	kept, err := simplelru.NewLRU[int64, *logPage](1<<30, nil) // bounded by bytes, not by its length
	if err != nil {
		panic(err) // cannot happen: NewLRU refuses only a size below 1
	}
	return &pages{db: db, maxBytes: maxBytes, reading: map[int64]*logPage{}, kept: kept}
}

// pageAfter returns the events after a position, up to the end of its page; none if the table has no more.
func (l *Log) pageAfter(ctx context.Context, position int64) ([]*Event, error) {
	for {
		l.mu.Lock()
		p, mine := l.pages.find(position, l.tail)
		l.mu.Unlock()
		if mine {
			l.fill(ctx, p)
		}
		select {
		case <-p.ready:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		switch events := p.behind(position); {
		case mine && ctx.Err() != nil:
			return nil, ctx.Err()
		case mine, len(events) > 0, p.err != nil && p.err != errReaderLeft:
			return events, p.err
		} // else its reader has left, or has read it before the log had more: read it again
	}
}

// errReaderLeft is the error of a page whose reader's context ended: another reader must read it.
var errReaderLeft = errors.New("the reader of a page has left")

// find returns the page behind a position if it is kept and reaches further, or if somebody is reading it. Otherwise the
// caller must fill the page that it returns.
func (ps *pages) find(position, tail int64) (p *logPage, mine bool) {
	n := position / pageSize
	if p, ok := ps.kept.Get(n); ok && p.to > position {
		p.used = time.Now()
		return p, false
	}
	if p := ps.reading[n]; p != nil {
		return p, false
	}
	p = &logPage{after: n * pageSize, to: min((n+1)*pageSize, tail), ready: make(chan struct{})}
	ps.reading[n] = p
	return p, true
}

// fill reads a page. It is kept unless the page was dropped meanwhile.
func (l *Log) fill(ctx context.Context, p *logPage) {
	p.err = errReaderLeft // unless it is replaced: decoding may panic
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		close(p.ready)
		if n := p.after / pageSize; l.pages.reading[n] == p {
			delete(l.pages.reading, n)
			if p.err == nil && len(p.events) > 0 {
				l.pages.keep(n, p)
			}
		}
	}()
	rows, err := pg.Find[model.Event](l.pages.db.WithContext(ctx).Where("position > ? AND position <= ?", p.after, p.to).Order("position"))
	if err == nil {
		p.events, err = l.decodeAll(rows)
	}
	for _, e := range p.events {
		p.bytes += e.size()
	}
	switch {
	case err == nil:
		p.err = nil
	case ctx.Err() == nil:
		p.err = fmt.Errorf("read the log: %w", err)
	}
}

func (ps *pages) keep(n int64, p *logPage) {
	p.used = time.Now()
	ps.drop(n)
	ps.kept.Add(n, p)
	ps.bytes += p.bytes
	for ps.bytes > ps.maxBytes {
		oldest, _, _ := ps.kept.GetOldest()
		ps.drop(oldest)
	}
}

func (ps *pages) drop(n int64) {
	if p, ok := ps.kept.Peek(n); ok {
		ps.bytes -= p.bytes
		ps.kept.Remove(n)
	}
}

// dropIdle drops the pages that nobody has needed for a while.
func (ps *pages) dropIdle(now time.Time) {
	for {
		n, p, ok := ps.kept.GetOldest()
		if !ok || now.Sub(p.used) < pageIdle {
			return
		}
		ps.drop(n)
	}
}

// dropCases drops the pages that have events of one of the cases. A page that is being read may have been read before the
// cases were erased: its readers have a revision from before the erasure, and nobody else may get it.
func (ps *pages) dropCases(erased map[model.CaseID]*Event) {
	clear(ps.reading)
	for _, n := range ps.kept.Keys() {
		p, _ := ps.kept.Peek(n)
		if slices.ContainsFunc(p.events, func(e *Event) bool { return erased[e.CaseID] != nil }) {
			ps.drop(n)
		}
	}
}

// dropAll drops all pages: with a new epoch, other events may have their positions.
func (ps *pages) dropAll() {
	clear(ps.reading)
	ps.kept.Purge()
	ps.bytes = 0
}

// behind returns the page's events after a position.
func (p *logPage) behind(position int64) []*Event {
	from, _ := slices.BinarySearchFunc(p.events, position+1, func(e *Event, at int64) int { return int(*e.Position - at) })
	return slices.Clip(p.events[from:])
}
