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

// idempotentEvent calls idempotency.Run for a mutation that answers with one event and its case. It stores the id of the
// event, and a repeated call reads the event by that id.
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

// Reload reads an event that a call of the viewer created, and its case in its current state. Where the case is no longer in
// the viewer's scope, Reload returns the case as it was right after the event, as the first answer did, so that the viewer
// learns nothing new.
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
	return of, logged, pg.WrapErr("read a case", err)
}
