// Package report owns figures. It only reads, and counts what the viewer sees: each query says
// .Where(viewer.Scope().…), as package auth's comment tells.
package report

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Reports counts in one database.
type Reports struct {
	db  *gorm.DB
	log *event.Log
	now func() time.Time
}

// New makes the reports.
func New(db *pg.DB, log *event.Log, now func() time.Time) *Reports {
	return &Reports{db: db.Gorm, log: log, now: now}
}

// CaseSummary is how many cases stand where.
type CaseSummary struct {
	Open       int
	InProgress int
	Closed     int
	Total      int
	Overdue    int
	Cursor     string // empty where it was not asked for
}

// CaseSummary counts the cases that the viewer sees and the filter leaves. The cursor, where it is asked for, is read before they are
// counted: the figures include at least everything up to it.
func (r *Reports) CaseSummary(ctx context.Context, viewer auth.Viewer, f *filter.Case, cursor bool) (*CaseSummary, error) {
	var head string
	var err error
	if cursor {
		if head, err = r.log.Head(ctx); err != nil {
			return nil, err
		}
	}
	now := r.now()
	out := new(CaseSummary)
	err = r.db.WithContext(ctx).Model(&model.Case{}).Where(viewer.Scope().Cases(now)).Where(f.Where(viewer.User.ID, now)).Select(`
		count(*) FILTER (WHERE status = 'OPEN') AS open,
		count(*) FILTER (WHERE status = 'IN_PROGRESS') AS in_progress,
		count(*) FILTER (WHERE status = 'CLOSED') AS closed,
		count(*) AS total,
		count(*) FILTER (WHERE due_at < ? AND first_follow_up_at IS NULL AND status <> 'CLOSED') AS overdue`, now).Scan(out).Error
	if err != nil {
		return nil, fmt.Errorf("count cases: %w", err)
	}
	out.Cursor = head // not before: Scan begins with a zero value
	return out, nil
}
