// Package report owns figures: counts, rates and medians over all that a filter leaves, whole and by groups.
// docs/figures.md says what each of them means. It only reads.
//
// Every figure is counted afresh, in one statement, from the columns that lists filter by.
package report

import (
	"context"
	"maps"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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

	boards *boards
}

// New makes the reports. Close ends what is watched of them.
func New(db *pg.DB, log *event.Log, now func() time.Time) *Reports {
	return &Reports{db: db.Gorm, log: log, now: now, boards: newBoards()}
}

// question is a set of rows, who asks about them, and when: what figures call @now.
type question struct {
	db     *gorm.DB
	rows   *gorm.DB
	viewer auth.Viewer
	now    time.Time
	span   filter.Span // what the filter bounds the rows' own time to
}

// within is the same question, asked for somebody else's call.
func (q question) within(ctx context.Context) question {
	q.db, q.rows = q.db.WithContext(ctx), q.rows.WithContext(ctx)
	return q
}

// cases are those that the viewer sees and the filter leaves.
func (r *Reports) cases(ctx context.Context, viewer auth.Viewer, f *filter.Case) question {
	q := question{db: r.db.WithContext(ctx), viewer: viewer, now: r.now()}
	q.span = f.Opened(q.now)
	q.rows = q.db.Model(&model.Case{}).Where(viewer.Scope().Cases(q.now)).Where(f.Where(viewer.User.ID, q.now)).Session(&gorm.Session{})
	return q
}

// responses are those that the viewer sees and the filter leaves.
func (r *Reports) responses(ctx context.Context, viewer auth.Viewer, f *filter.Response) question {
	q := question{db: r.db.WithContext(ctx), viewer: viewer, now: r.now()}
	q.span = f.Responded(q.now)
	q.rows = q.db.Model(&model.Response{}).Where(viewer.Scope().Responses(q.now)).Where(f.Where(q.now)).Session(&gorm.Session{})
	return q
}

// whole counts all rows together.
func whole[F any](q question, figures string) (f F, err error) {
	err = q.rows.Clauses(q.selects(figures, nil)).Scan(&f).Error
	return f, err
}

// selects says what is counted; values are those of the names in it, besides @now.
func (q question) selects(figures string, values map[string]any) clause.Expression {
	named := map[string]any{"now": q.now}
	maps.Copy(named, values)
	return clause.Select{Expression: clause.NamedExpr{SQL: figures, Vars: []any{named}}}
}
