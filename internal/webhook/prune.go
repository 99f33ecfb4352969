package webhook

import (
	"context"
	"fmt"
	"time"
)

const (
	keepTime   = 30 * 24 * time.Hour
	pruneBatch = 1000 // rows in one transaction
)

// prune deletes old deliveries that have ended, in batches.
func (s *Sender) prune(ctx context.Context) error {
	for {
		deleted := s.db.Gorm.WithContext(ctx).Exec(`DELETE FROM webhook_deliveries WHERE id IN (
			SELECT id FROM webhook_deliveries WHERE status <> 'QUEUED' AND created_at < ? ORDER BY created_at LIMIT ? FOR UPDATE SKIP LOCKED)`,
			s.clock().Add(-keepTime), pruneBatch)
		if deleted.Error != nil {
			return fmt.Errorf("delete old deliveries: %w", deleted.Error)
		}
		if deleted.RowsAffected < pruneBatch || ctx.Err() != nil {
			return nil
		}
	}
}
