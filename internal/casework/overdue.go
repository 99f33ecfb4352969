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
	dueBatch = 100 // the most overdue cases, and the most escalation steps, that one run handles
)

// WatchDue marks cases that fall overdue and takes the steps of escalations, once a second, until ctx ends. Every
// server runs it: the first server that locks a row does the work, and the others skip the row.
func (w *Work) WatchDue(ctx context.Context, log *slog.Logger) {
	job.Every(ctx, dueEvery, nil, job.Task{
		Trouble: "overdue cases and due escalation steps cannot be handled; retrying every second", Log: log, Do: w.runDue,
	})
}

// runDue marks up to dueBatch overdue cases and takes up to dueBatch escalation steps. When one of the two fails, it still
// does the other. It returns true where more work may be due.
func (w *Work) runDue(ctx context.Context) (more bool, err error) {
	if due, err := w.due(ctx, nextOverdue+", "+nextStep); err != nil || !due {
		return false, err
	}
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
// dueBatch. A case that was past its target already when it opened gets neither event nor mail.
func (w *Work) MarkOverdue(ctx context.Context) (marked int, err error) {
	if due, err := w.due(ctx, nextOverdue); err != nil || !due {
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
		cases, err := LockCases(tx, ids)
		if err != nil {
			return err
		}
		changes := w.Changes()
		for _, c := range cases {
			logged := changes.Change(c, event.Entry{Type: model.EventOverdue}, func() { c.OverdueAt = &now })
			changes.mails = append(changes.mails, overdueMails(c, logged, settings.CentralAddresses)...)
		}
		marked = len(ids)
		return w.Save(tx, changes)
	})
	if err != nil {
		return 0, fmt.Errorf("mark overdue cases: %w", err)
	}
	return marked, nil
}

// toFallDue is the condition of the index cases_falling_due.
// Together with due_at < now it selects the cases that filter.Overdue selects, except cases that are marked already and
// cases that were past their target when they opened.
const toFallDue = "overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at"

// The next times at which a case falls overdue, and a step of an escalation is due. min(due_at) is one look into the index; with
// EXISTS, PostgreSQL may scan the table when it expects many due rows.
const (
	nextOverdue = "(SELECT min(due_at) FROM cases WHERE " + toFallDue + ")"
	nextStep    = "(SELECT min(due_at) FROM case_escalations WHERE settled_at IS NULL)"
)

// due reports whether one of the times has passed. It takes no lock, because there is seldom anything to do.
func (w *Work) due(ctx context.Context, times string) (due bool, err error) {
	err = w.db.Lane(pg.Background).Pool.QueryRow(ctx, "SELECT coalesce(least("+times+") < $1, false)", pg.Timestamp(w.now())).Scan(&due)
	return due, err
}

// overdueMails returns the mails to the active assignee or, where there is none, to the central addresses.
func overdueMails(c *LockedCase, e *model.LoggedEvent, central []string) []model.Notification {
	addresses := central
	if c.Assignee != nil && c.Assignee.Active {
		addresses = []string{c.Assignee.Email}
	}
	var mails []model.Notification
	for _, to := range addresses {
		if c.Customer.Email != nil && model.Fold(*c.Customer.Email) == model.Fold(to) {
			continue // an internal mail about a customer never goes to that customer
		}
		mails = append(mails, model.Notification{
			Kind: model.NotifyCaseOverdue, To: to, CreatedAt: e.At, CaseID: &c.ID, ResponseID: c.ResponseID, EventID: &e.ID,
		})
	}
	return mails
}
