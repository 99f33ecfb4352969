package event

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// news is what the follower reads, together with a stamp where it can.
type news struct {
	after int64 // the position behind which events are read
	rows  []*newsRow
	began time.Time // right before the rows were read; zero: they were not, because the log was idle
}

// newsRow is an event with its note. The text of a note is not in the log, and most subscriptions show it: whoever is at the
// head finds it here, and an event takes no statement after its stamp.
type newsRow struct {
	model.Event
	Note *model.Note
}

// readNote is a note as it was at some time after began.
type readNote struct {
	note  *model.Note
	began time.Time
}

// newsAfter is the query of the next events behind a position.
func (l *Log) newsAfter(ctx context.Context, position int64) *gorm.DB {
	return l.feed.Gorm.WithContext(ctx).Joins("Note").Where("position > ?", position).Order("position").Limit(batchSize)
}

func (l *Log) readNews(ctx context.Context, after int64) (n news, err error) {
	n = news{after: after, began: time.Now()}
	if n.rows, err = pg.Find[newsRow](l.newsAfter(ctx, after)); err != nil {
		return n, fmt.Errorf("read the log: %w", err)
	}
	return n, nil
}

// follow reports whether the news were read, and are those behind the position.
func (n news) follow(position int64) bool { return !n.began.IsZero() && n.after == position }

// noteFor is how long a note that was read with its event counts as current.
const noteFor = time.Second

func (l *Log) decodeNews(n news) ([]*Event, error) {
	rows := make([]*model.Event, len(n.rows))
	for i, row := range n.rows {
		rows[i] = &row.Event
	}
	events, err := l.decodeAll(rows)
	for i, e := range events {
		if note := n.rows[i].Note; note != nil {
			e.note.Store(&readNote{note, n.began})
		}
	}
	return events, err
}

// recentNote returns the event's note if it was read together with the event and counts as current; else nil.
func (e *Event) recentNote(now time.Time) *model.Note {
	if read := e.note.Load(); read != nil && now.Sub(read.began) <= noteFor {
		return read.note
	}
	return nil
}
