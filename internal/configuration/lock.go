package configuration

import (
	"fmt"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
)

// lock is shared by transactions that save responses. The functions in migrations/00017_configuration.sql name it too.
const lock pg.AdvisoryLock = "closeloop configuration"

// Lock waits for the transactions that are saving responses and for other changes, and makes later ones wait until the
// caller's transaction ends. A change of what decides about responses (users, rules, themes, settings) calls it before
// it takes other locks. So every response is either committed before the change, or decided by what the change has made
// of the configuration.
func Lock(tx *gorm.DB) error { return lock.Lock(tx) }

// Share prevents such changes until the caller's transaction ends, and returns the revision. Several transactions may
// share. It is the transaction's first lock, after an idempotency key.
func Share(tx *gorm.DB) (revision Revision, err error) {
	if err := tx.Raw("SELECT share_configuration()").Scan(&revision).Error; err != nil {
		return 0, fmt.Errorf("share the configuration: %w", err)
	}
	return revision, nil
}
