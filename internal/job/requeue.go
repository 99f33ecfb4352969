package job

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Requeue queues a mail again after its job has ended, in tx. The caller must have locked the notification's row and
// checked that the job has ended. The row's count of attempts starts at zero again. The row's id stays, so the repeated
// mail has the same Message-ID, which is made from this id.
func (q *Queue) Requeue(ctx context.Context, tx *gorm.DB, n *model.Notification) error {
	n.Status, n.Attempts = model.NotificationQueued, 0
	err := tx.Model(&model.Notification{}).Where("id = ?", n.ID).Select("Status", "Attempts").Updates(n).Error
	if err != nil {
		return fmt.Errorf("update the notification: %w", err)
	}
	if _, err := q.river.InsertTx(ctx, pg.Raw(tx), SendMail{NotificationID: n.ID}, nil); err != nil {
		return fmt.Errorf("queue a mail again: %w", err)
	}
	return nil
}
