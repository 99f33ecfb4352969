package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// What was read for an event counts as current for perEventTTL, and is kept for at most perEventMax events.
const (
	perEventTTL = time.Second
	perEventMax = 1000
)

// perEvent caches a row that subscriptions show with an event and that the log does not have. All subscriptions reach an
// event within moments of each other, at the head and on the way there, and the first one reads the row for all of them.
type perEvent[T any] struct {
	reads *lru.Cache[eventKey, *eventRead[T]]
}

type eventKey struct {
	event    model.EventID
	revision int64 // the log's revision: what was read before a customer's erasure is not returned afterwards
}

type eventRead[T any] struct {
	began time.Time
	row   func() (*T, error)
}

func newPerEvent[T any]() perEvent[T] {
	reads, err := lru.New[eventKey, *eventRead[T]](perEventMax)
	if err != nil {
		panic(err) // cannot happen: lru.New refuses only a size below 1
	}
	return perEvent[T]{reads}
}

// row returns the row with the ID, which belongs to the event; nil if there is none.
func (p perEvent[T]) row(ctx context.Context, db *gorm.DB, key eventKey, id any) (*T, error) {
	now := time.Now()
	own := &eventRead[T]{began: now, row: sync.OnceValues(func() (*T, error) {
		// Other answers wait for this read, too, so the end of the first answer must not cancel it.
		rows, err := pg.Find[T](db.WithContext(context.WithoutCancel(ctx)).Where("id = ?", id))
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		return rows[0], nil
	})}
	s, found, _ := p.reads.PeekOrAdd(key, own)
	if !found || now.Sub(s.began) > perEventTTL {
		s = own
		p.reads.Add(key, s)
	}
	row, err := s.row()
	if err != nil {
		p.reads.Remove(key)
	}
	return row, err
}

// CaseOf returns the current case of an event that a subscription shows. A viewer with a scope never uses the cache: the
// case may have left the viewer's scope since it was cached.
func (r *Reader) CaseOf(ctx context.Context, e *model.LoggedEvent) (*model.Case, error) {
	viewer, err := auth.From(ctx)
	if err != nil || viewer.Scope().Restricted() {
		return Case(ctx, e.CaseID)
	}
	c, err := r.caseOf.row(ctx, r.db, eventKey{e.ID, r.log.Revision()}, e.CaseID)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the case of an event: %w", err)
	case c == nil:
		return nil, notFound("case")
	}
	return c, nil
}

// NoteOf returns the note of an event that a subscription shows; nil if it has none, or none that the viewer may see. A
// viewer with a scope or without personal data never uses the cache.
func (r *Reader) NoteOf(ctx context.Context, e *model.LoggedEvent) (*model.Note, error) {
	viewer, err := auth.From(ctx)
	if e.NoteID == nil || err != nil || viewer.Scope().Restricted() || viewer.Scope().Masked() {
		return Optional(ctx, LoadersFrom(ctx).Notes, e.NoteID)
	}
	n, err := r.noteOf.row(ctx, r.db, eventKey{e.ID, r.log.Revision()}, *e.NoteID)
	if err != nil {
		return nil, fmt.Errorf("read the note of an event: %w", err)
	}
	return n, nil
}
