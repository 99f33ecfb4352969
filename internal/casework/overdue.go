package casework

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/model"
)

const (
	overdueEvery = time.Second
	overdueBatch = 100 // cases in one transaction
)

// WatchDue marks cases that fall overdue, once a second, until ctx ends. Every server runs it; whichever comes first
// marks a case, and the others pass over it.
func (w *Work) WatchDue(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(overdueEvery)
	defer tick.Stop()
	failing := false
	for {
		marked, err := w.MarkOverdue(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			log.Error("cases that fall overdue cannot be looked for; it is tried again every second", "error", err)
		}
		failing = err != nil
		if marked == overdueBatch && !failing {
			continue // there are more
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// MarkOverdue gives each case whose target has passed without a follow-up its one event, and its mail: to the
// assignee, or, where nobody who is active has the case, to the central addresses. It answers with how many cases it marked, a
// hundred at most. A case that was past its target when it opened did not become overdue, and nobody is told.
func (w *Work) MarkOverdue(ctx context.Context) (marked int, err error) {
	now := w.now().UTC().Truncate(time.Microsecond)
	// A look without a lock first: mostly there is nothing to do.
	var due bool
	err = w.db.Gorm.WithContext(ctx).Raw("SELECT EXISTS (SELECT 1 FROM cases WHERE "+fallingDue+")", now).Scan(&due).Error
	if err != nil || !due {
		return 0, err
	}
	err = w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		marked = 0
		var ids []model.CaseID
		err := tx.Raw("SELECT id FROM cases WHERE "+fallingDue+" ORDER BY due_at, id LIMIT ? FOR UPDATE SKIP LOCKED", now, overdueBatch).Scan(&ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		var settings model.Settings
		if err := tx.Take(&settings).Error; err != nil {
			return err
		}
		var mails []model.Notification
		for _, id := range ids {
			h, err := hold(tx, id, nil)
			if err != nil {
				return err
			}
			logged, err := h.change(tx, now, event.Entry{Type: model.EventOverdue}, func() { h.OverdueAt = &now })
			if err != nil {
				return err
			}
			mails = append(mails, overdueMails(h, logged, settings.CentralAddresses)...)
		}
		marked = len(ids)
		return w.queue.Mail(ctx, tx, mails)
	})
	if err != nil {
		return 0, fmt.Errorf("mark overdue cases: %w", err)
	}
	return marked, nil
}

// fallingDue is what the index cases_falling_due holds, up to a time.
const fallingDue = "due_at < ? AND overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at"

func overdueMails(h *held, e *model.LoggedEvent, central []string) []model.Notification {
	addresses := central
	if h.Assignee != nil && h.Assignee.Active {
		addresses = []string{h.Assignee.Email}
	}
	var mails []model.Notification
	for _, to := range addresses {
		if h.Customer.Email != nil && model.Fold(*h.Customer.Email) == model.Fold(to) {
			continue // an internal mail never goes to the customer it is about
		}
		mails = append(mails, model.Notification{
			Kind: model.NotifyCaseOverdue, To: to, CreatedAt: e.At, CaseID: &h.ID, ResponseID: h.ResponseID, EventID: &e.ID,
		})
	}
	return mails
}
