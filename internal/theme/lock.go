package theme

import (
	"fmt"

	"gorm.io/gorm"
)

// LockKeywords waits for the transactions that are taking responses in, and makes later ones wait until the caller's
// transaction ends; a write of themes calls it before it changes keywords. So a response is either committed before
// the change, and a run over past responses finds it, or tagged by the new keywords as it comes in. None is missed.
func LockKeywords(tx *gorm.DB) error {
	if err := tx.Exec("SELECT pg_advisory_xact_lock(hashtext('closeloop keywords'))").Error; err != nil {
		return fmt.Errorf("wait for responses that come in: %w", err)
	}
	return nil
}

// ShareKeywords keeps all keywords as they are until the caller's transaction ends, and lets other callers do the same.
func ShareKeywords(tx *gorm.DB) error {
	if err := tx.Exec("SELECT pg_advisory_xact_lock_shared(hashtext('closeloop keywords'))").Error; err != nil {
		return fmt.Errorf("keep the keywords as they are: %w", err)
	}
	return nil
}
