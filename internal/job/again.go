package job

import (
	"context"
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// MailAgain queues a mail whose job has ended once more, in tx. The caller holds the notification's row and has found
// it at its end; what the row counts begins anew, and the id, of which the Message-ID is made, stays.
func (q *Queue) MailAgain(ctx context.Context, tx *gorm.DB, n *model.Notification) error {
	n.Status, n.Attempts = model.NotificationQueued, 0
	err := tx.Model(&model.Notification{}).Where("id = ?", n.ID).Select("Status", "Attempts").Updates(n).Error
	if err != nil {
		return fmt.Errorf("write a notification: %w", err)
	}
	if _, err := q.river.InsertTx(ctx, pg.Raw(tx), SendMail{NotificationID: n.ID}, nil); err != nil {
		return fmt.Errorf("queue a mail again: %w", err)
	}
	return nil
}
