package privacy

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

const (
	retentionEvery = time.Minute
	retentionBatch = 20   // customers looked up at a time, each erased in a transaction of its own
	noteBatch      = 1000 // customers of whom one statement notes that they are active
)

// WatchRetention erases customers whose retention time is over, until ctx ends. Every server runs it; a server skips
// a customer whose row another transaction has locked.
func (p *Privacy) WatchRetention(ctx context.Context, log *slog.Logger) {
	job.Every(ctx, retentionEvery, nil, job.Task{
		Trouble: "cannot erase customers whose retention time is over; trying again every minute", Log: log,
		Do: func(ctx context.Context) (more bool, err error) {
			erased, err := p.EraseForgotten(ctx)
			if erased > 0 {
				log.Info("erased customers whose retention time is over", "customers", erased)
			}
			return erased > 0, err
		},
	})
}

// inactive selects the customers c without activity since a time: the customer was created earlier, no response of theirs
// was given or received later, all their cases are closed, and no case has a later event (a case's updated_at is the time
// of its newest event). The first line is the condition of the index customers_active.
const inactive = `c.erased_at IS NULL AND coalesce(c.active_at, c.created_at) < @since
	AND greatest(c.created_at, c.last_response_at) < @since
	AND NOT EXISTS (SELECT 1 FROM responses r WHERE r.customer_id = c.id AND (r.responded_at >= @since OR r.received_at >= @since))
	AND NOT EXISTS (SELECT 1 FROM cases k WHERE k.customer_id = c.id AND (k.status <> 'CLOSED' OR k.updated_at >= @since))`

// EraseForgotten erases some of the customers whose retention time is over, and returns how many.
func (p *Privacy) EraseForgotten(ctx context.Context) (erased int, err error) {
	db := p.db.Gorm.WithContext(ctx)
	var settings model.Settings
	if err := db.Take(&settings).Error; err != nil {
		return 0, fmt.Errorf("read the settings: %w", err)
	}
	if settings.EraseAfterDays == nil {
		return 0, nil
	}
	since := p.work.Now().Add(-24 * time.Hour * time.Duration(*settings.EraseAfterDays))
	if err := noteActive(db, since); err != nil {
		return 0, err
	}
	var ids []model.CustomerID
	err = db.Raw("SELECT c.id FROM customers c WHERE "+inactive+" ORDER BY coalesce(c.active_at, c.created_at) LIMIT @batch",
		map[string]any{"since": since, "batch": retentionBatch}).Scan(&ids).Error
	if err != nil {
		return 0, fmt.Errorf("find customers whose retention time is over: %w", err)
	}
	var failed []error
	for _, id := range ids {
		done, err := p.forget(ctx, id, since)
		if done {
			erased++
		}
		failed = append(failed, err) // a customer who cannot be erased does not stop the others
	}
	return erased, errors.Join(failed...)
}

// noteActive notes on the rows of customers who have responded since that they were active. A customer gets a note once in
// the retention time, and not with each response: a response would have to write all index entries of the row anew.
func noteActive(db *gorm.DB, since time.Time) error {
	for {
		noted := db.Exec(`WITH active AS MATERIALIZED (SELECT id FROM customers
				WHERE erased_at IS NULL AND coalesce(active_at, created_at) < @since AND last_response_at >= @since LIMIT @batch FOR UPDATE SKIP LOCKED)
			UPDATE customers c SET active_at = c.last_response_at FROM active WHERE c.id = active.id`,
			map[string]any{"since": since, "batch": noteBatch})
		if noted.Error != nil {
			return fmt.Errorf("note which customers are active: %w", noted.Error)
		}
		if noted.RowsAffected < noteBatch {
			return nil
		}
	}
}

// forget erases one customer who is still inactive. It checks the condition again after the row is locked, in a second
// statement, because the statement that takes the lock sees the other tables as they were before it waited.
func (p *Privacy) forget(ctx context.Context, id model.CustomerID, since time.Time) (done bool, err error) {
	err = p.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		done = false
		var locked []model.CustomerID
		if err := tx.Raw("SELECT id FROM customers WHERE id = ? FOR UPDATE SKIP LOCKED", id).Scan(&locked).Error; err != nil || len(locked) == 0 {
			return err
		}
		var customers []*model.Customer
		err := tx.Raw("SELECT c.* FROM customers c WHERE c.id = @id AND "+inactive, map[string]any{"id": id, "since": since}).Scan(&customers).Error
		if err != nil || len(customers) == 0 {
			return err
		}
		done = true
		return erase(tx, now, customers[0], auth.System("retention"))
	})
	if err != nil {
		return false, fmt.Errorf("erase customer %s: %w", id, err)
	}
	return done, nil
}
