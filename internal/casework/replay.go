package casework

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// idempotentEvent is idempotency.Run for a call that answers with one event and its case: it stores the event's id.
func idempotentEvent(ctx context.Context, w *Work, viewer auth.Viewer, c idempotency.Call, answer func(*model.Case, *model.LoggedEvent),
	do func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error),
) error {
	return idempotency.Run(ctx, w.Write, viewer, c, func(tx *gorm.DB, now time.Time) (id model.EventID, err error) {
		of, logged, err := do(tx, now)
		if err != nil {
			return id, err
		}
		answer(of, logged)
		return logged.ID, nil
	}, func(tx *gorm.DB, id model.EventID) error {
		of, logged, err := w.Reload(tx, viewer, id)
		if err != nil {
			return err
		}
		answer(of, logged)
		return nil
	})
}

// Reload reads an event that a call of the viewer made, and its case in its present state. If the case has left the
// viewer's scope since, or by the call itself, the case is as in the first answer: the viewer learns nothing new.
func (w *Work) Reload(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
	logged, err := event.Read(tx, id)
	if err != nil {
		return nil, nil, err
	}
	of := new(model.Case)
	err = tx.Where("id = ?", logged.CaseID).Where(viewer.Scope().Cases(w.now())).Take(of).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		then := logged.Then.Case
		then.Customer, then.Response = &logged.Then.Customer, logged.Then.Response
		return &then, logged, nil
	}
	return of, logged, pg.WrapErr("read a case again", err)
}
