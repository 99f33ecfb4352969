package pg_test

import (
	"context"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestAContextThatEndsInsideATransactionLeavesTheConnectionAlone(t *testing.T) {
	db := pgtest.New(t)
	for range 200 {
		ctx, cancel := context.WithCancel(context.Background())
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			if err := tx.Exec("SELECT 1").Error; err != nil {
				return err
			}
			cancel()
			return tx.Exec("SELECT 2").Error
		})
		if err == nil {
			t.Fatal("no error")
		}
		cancel()
	}
}
