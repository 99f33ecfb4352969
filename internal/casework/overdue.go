package casework

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	dueEvery = time.Second
	dueBatch = 100 // cases, or escalation steps, before the other kind has its turn
)

// WatchDue marks cases that fall overdue and takes the steps of escalations, once a second, until ctx ends. Every
// server runs it: the first server that locks a row does the work, and the others skip the row.
func (w *Work) WatchDue(ctx context.Context, log *slog.Logger) {
	job.Every(ctx, dueEvery, nil, job.Task{
		Trouble: "what falls due cannot be looked for; it is tried again every second", Log: log, Do: w.runDue,
	})
}

// runDue does the due work of both kinds, up to a bound for each. When one kind fails, the other is still done.
func (w *Work) runDue(ctx context.Context) (more bool, err error) {
	marked, err := w.MarkOverdue(ctx)
	steps := 0
	for ; steps < dueBatch; steps++ {
		found, failed := w.Escalate(ctx)
		if !found || failed != nil {
			err = errors.Join(err, failed)
			break
		}
	}
	return marked == dueBatch || steps == dueBatch, err
}

// MarkOverdue records one event on each case whose target has passed without a follow-up, and queues a mail: to the
// assignee or, if the case has no active assignee, to the central addresses. It returns how many cases it marked, at most
// a hundred. A case that was past its target when it opened did not become overdue, and gets neither.
func (w *Work) MarkOverdue(ctx context.Context) (marked int, err error) {
	now := pg.Timestamp(w.now())
	// Look without a lock first: mostly there is nothing to do. The query asks for the case that comes next, which is the
	// index's first entry. Asked whether any case is due, PostgreSQL would read the table if it estimates that many are.
	var due bool
	err = w.db.Gorm.WithContext(ctx).Raw("SELECT coalesce(min(due_at) < ?, false) FROM cases WHERE "+toFallDue, now).Scan(&due).Error
	if err != nil || !due {
		return 0, err
	}
	err = w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		marked = 0
		var ids []model.CaseID
		err := tx.Raw("SELECT id FROM cases WHERE due_at < ? AND "+toFallDue+" ORDER BY due_at, id LIMIT ? FOR UPDATE SKIP LOCKED", now, dueBatch).Scan(&ids).Error
		if err != nil || len(ids) == 0 {
			return err
		}
		var settings model.Settings
		if err := tx.Take(&settings).Error; err != nil {
			return err
		}
		var mails []model.Notification
		for _, id := range ids {
			h, err := LockCase(tx, id, nil)
			if err != nil {
				return err
			}
			logged, err := h.Change(tx, now, event.Entry{Type: model.EventOverdue}, func() { h.OverdueAt = &now })
			if err != nil {
				return err
			}
			mails = append(mails, overdueMails(h, logged, settings.CentralAddresses)...)
		}
		marked = len(ids)
		return w.Mail(ctx, tx, mails)
	})
	if err != nil {
		return 0, fmt.Errorf("mark overdue cases: %w", err)
	}
	return marked, nil
}

// toFallDue is the condition of the index cases_falling_due.
// With due_at < now it is filter.Overdue of cases that are not marked yet, without those past their target when they opened.
const toFallDue = "overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at"

func overdueMails(h *LockedCase, e *model.LoggedEvent, central []string) []model.Notification {
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
