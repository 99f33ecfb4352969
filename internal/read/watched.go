package read

import (
	"context"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// A case that was read for an event is what the event's case is now, for so long, and for so many events.
const (
	watchedFor  = time.Second
	watchedMost = 1000
)

// watched are the cases of the newest events. Different subscriptions come to an event within moments of each other;
// whichever is first reads the case for all.
type watched = lru.Cache[watchedKey, *sighting]

type watchedKey struct {
	event    model.EventID
	revision int64 // of the log: what was read before a customer was erased is not shown again
}

type sighting struct {
	began time.Time
	read  func() (*model.Case, error)
}

func newWatched() *watched {
	cases, err := lru.New[watchedKey, *sighting](watchedMost)
	if err != nil {
		panic(err) // of a size that is none
	}
	return cases
}

// CaseOf is the case of an event that a subscription shows, as it is now. Who may see a part of the cases alone has it
// read for himself, for it may have left that part just now.
func (r *Reader) CaseOf(ctx context.Context, e *model.LoggedEvent) (*model.Case, error) {
	viewer, err := auth.From(ctx)
	if err != nil || viewer.Scope().Restricted() {
		return Case(ctx, e.CaseID)
	}
	key, now := watchedKey{e.ID, r.log.Revision()}, time.Now()
	ours := &sighting{began: now, read: sync.OnceValues(func() (*model.Case, error) {
		var c model.Case
		// Not of the answer that happens to be first: others wait for it too, and that one may be over before.
		err := r.db.WithContext(context.WithoutCancel(ctx)).Where("id = ?", e.CaseID).Limit(1).Find(&c).Error
		return &c, err
	})}
	s, found, _ := r.watched.PeekOrAdd(key, ours)
	if !found || now.Sub(s.began) > watchedFor {
		s = ours
		r.watched.Add(key, s)
	}
	c, err := s.read()
	switch {
	case err != nil:
		r.watched.Remove(key)
		return nil, fmt.Errorf("read the case of an event: %w", err)
	case c.ID != e.CaseID:
		return nil, gone("case")
	}
	return c, nil
}
