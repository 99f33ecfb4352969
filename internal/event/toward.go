package event

import (
	"context"
	"errors"

	"github.com/closeloop/closeloop/model"
)

// Place is a position in one epoch of the log: what is there includes every event up to it.
type Place struct {
	Epoch    string // its nonce
	Position int64
}

// Stand is where a statement stands in the log that reads the tables, and the log itself, in one snapshot: it has read what
// the events up to the place did, and the pending events, which were committed and had no position yet. Every other event
// is later.
type Stand struct {
	Place
	Pending map[model.EventID]bool
}

// StandSQL selects where its own snapshot stands, for a statement that reads the tables as well: one row with the columns
// position, epoch and pending (an array of ids).
const StandSQL = `SELECT position, coalesce((SELECT nonce FROM feed_epochs ORDER BY id DESC LIMIT 1), '') AS epoch,
	ARRAY(SELECT id FROM case_events WHERE position IS NULL) AS pending FROM feed_head`

// ErrLost is the error of Toward if the events cannot be had: an epoch has begun, or this server does not keep them any more.
var ErrLost = errors.New("the events behind this position are not there any more")

// Place returns the place of the log's head. All that is committed when Place is called is at or before it. Callers at the
// same time share a statement.
func (l *Log) Place(ctx context.Context) (Place, error) {
	at, err := l.head(ctx)
	return Place{at.nonce, at.position}, err
}

// Place returns the reader's place: Next has returned all events up to it since the reader began.
func (r *Reader) Place() Place { return Place{r.at.nonce, r.at.position} }

// Cursor is the place as clients get it.
func (p Place) Cursor() string { return cursor{p.Epoch, p.Position}.String() }

// Follows reports whether this server follows the log, and knows where its head is.
func (l *Log) Follows() bool {
	select {
	case <-l.started:
		return l.ctx.Err() == nil
	default:
		return false
	}
}

// Toward returns the next events after a position that is before the place, in order; the last may be beyond the place. It
// waits until this server has read them, costs no statement, and returns an event at least. After ErrLost the caller must
// read the tables again.
func (l *Log) Toward(ctx context.Context, after int64, to Place) ([]*Event, error) {
	for {
		l.mu.Lock()
		current, grown := l.nonce() == to.Epoch, l.grown
		events, cached := l.fromCache(after)
		l.mu.Unlock()
		switch {
		case !current || !cached:
			return nil, ErrLost
		case len(events) > 0:
			return events, nil
		}
		l.wake.Send() // another server may have stamped the events, and its wake-up be on the way
		select {
		case <-grown:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-l.ctx.Done():
			return nil, errShutDown
		}
	}
}
