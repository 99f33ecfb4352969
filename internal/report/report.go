// Package report owns figures: counts, rates and medians over the rows that match a filter, in total and by group.
// docs/figures.md defines each figure.
//
// It refuses to write, and to store figures. One statement counts a figure anew, from the columns that lists filter by;
// package tally keeps the numbers of all cases in memory, and package rollup those of responses by the day.
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
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/internal/tally"
	"github.com/closeloop/closeloop/model"
)

// Reports counts the figures of one database.
type Reports struct {
	db  *gorm.DB
	log *event.Log
	now func() time.Time

	tally  *tally.Tally
	rollup *rollup.Rollup
	users  *userNames
	boards *boards
}

// New makes the reports. work bounds the time that watches take to decide which events concern them; nil: nothing does.
// Close ends all watches.
func New(db *pg.DB, log *event.Log, work *rate.Work, now func() time.Time) *Reports {
	return &Reports{db: db.Gorm, log: log, now: now, tally: tally.New(db, log), rollup: rollup.New(db), users: newUserNames(db, now), boards: newBoards(work)}
}

// selection is the set of rows that a report counts, with its viewer and time. The SQL of figures uses the time as @now.
type selection struct {
	db     *gorm.DB
	rows   *gorm.DB
	viewer auth.Viewer
	now    time.Time
	users  *userNames
	span   filter.Span // the bounds that the filter sets for openedAt or respondedAt
}

// withContext returns the same selection for a call with another context.
func (q selection) withContext(ctx context.Context) selection {
	q.db, q.rows = q.db.WithContext(ctx), q.rows.WithContext(ctx)
	return q
}

// cases selects the cases that the viewer may see and that match the filter.
func (r *Reports) cases(ctx context.Context, viewer auth.Viewer, f *filter.Case) selection {
	q := selection{db: r.db.WithContext(ctx), viewer: viewer, now: r.now(), users: r.users}
	q.span = f.Opened(q.now)
	q.rows = q.db.Model(&model.Case{}).Where(viewer.Scope().Cases(q.now)).Where(f.Where(viewer.User.ID, q.now)).Session(&gorm.Session{})
	return q
}

// responses selects the responses that the viewer may see and that match the filter.
func (r *Reports) responses(ctx context.Context, viewer auth.Viewer, f *filter.Response) selection {
	q := selection{db: r.db.WithContext(ctx), viewer: viewer, now: r.now(), users: r.users}
	q.span = f.Responded(q.now)
	q.rows = q.db.Model(&model.Response{}).Where(viewer.Scope().Responses(q.now)).Where(f.Where(q.now)).Session(&gorm.Session{})
	return q
}

// responsesOf selects the responses that match both filters.
func (r *Reports) responsesOf(q selection, scope, f *filter.Response) *gorm.DB {
	return q.db.Model(&model.Response{}).Where(scope.Where(q.now)).Where(f.Where(q.now)).Session(&gorm.Session{})
}

// countAll counts all rows together.
func countAll[F any](q selection, figures string) (f F, err error) {
	err = q.rows.Clauses(q.selectFigures(figures, nil)).Scan(&f).Error
	return f, err
}

// selectFigures makes the SELECT list. values holds the values of the named parameters in figures, apart from @now.
func (q selection) selectFigures(figures string, values map[string]any) clause.Expression {
	named := map[string]any{"now": q.now}
	maps.Copy(named, values)
	return clause.Select{Expression: clause.NamedExpr{SQL: figures, Vars: []any{named}}}
}
