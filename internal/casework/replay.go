package casework

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// idempotentEvent calls idempotency.Run for a mutation that answers with one event and its case. It stores the id of the
// event, and a repeated call reads the event by that id with reload.
func idempotentEvent(ctx context.Context, w *Work, viewer auth.Viewer, c idempotency.Call, answer func(*model.Case, *model.LoggedEvent),
	do func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error), reload reload,
) error {
	return idempotency.Run(ctx, w.Write, viewer, c, func(tx *gorm.DB, now time.Time) (id model.EventID, err error) {
		of, logged, err := do(tx, now)
		if err != nil {
			return id, err
		}
		answer(of, logged)
		return logged.ID, nil
	}, func(tx *gorm.DB, id model.EventID) error {
		of, logged, err := reload(tx, viewer, id)
		if err != nil {
			return err
		}
		answer(of, logged)
		return nil
	})
}

// reload reads what a repeated call answers with.
type reload func(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error)

// reloadNamed reads an event that a call created on a case that its input names, and the case in its current state. The call
// may have come from another token of the same user, and the scope may have changed since: where the case is outside the
// viewer's scope now, reloadNamed answers as LockCaseFor does.
func (w *Work) reloadNamed(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
	of, logged, err := w.read(tx, viewer, id)
	if err == nil && of == nil {
		return nil, nil, noSuchCase()
	}
	return of, logged, err
}

// ReloadMoved is for a call that may itself have moved the case out of the viewer's scope, because it gave the case to
// another user. Where the viewer still sees the case's customer and response, as the call demanded, ReloadMoved then returns
// the case as it was right after the event, as the first answer did. Else it returns NOT_FOUND for the argument.
func (w *Work) ReloadMoved(tx *gorm.DB, viewer auth.Viewer, argument string, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
	of, logged, err := w.read(tx, viewer, id)
	if err != nil || of != nil {
		return of, logged, err
	}
	const subject = "id = (SELECT %s FROM cases WHERE id = ?)"
	scope, now := viewer.Scope(), w.now()
	seen, err := viewer.Sees(tx.Model(&model.Customer{}).Where(fmt.Sprintf(subject, "customer_id"), logged.CaseID).Where(scope.Customers(now)))
	if seen && err == nil && logged.Then.Response != nil {
		seen, err = viewer.Sees(tx.Model(&model.Response{}).Where(fmt.Sprintf(subject, "response_id"), logged.CaseID).Where(scope.Responses(now)))
	}
	switch {
	case err != nil:
		return nil, nil, err
	case !seen:
		return nil, nil, fault.NotFound(argument, "there is no such case")
	}
	then := logged.Then.Case
	then.Customer, then.Response = &logged.Then.Customer, logged.Then.Response
	return &then, logged, nil
}

// read reads an event and its case in its current state; the case is nil where it is outside the viewer's scope.
func (w *Work) read(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
	logged, err := event.Read(tx, id)
	if err != nil {
		return nil, nil, err
	}
	of := new(model.Case)
	err = tx.Where("id = ?", logged.CaseID).Where(viewer.Scope().Cases(w.now())).Take(of).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, logged, nil
	}
	return of, logged, pg.WrapErr("read a case", err)
}
