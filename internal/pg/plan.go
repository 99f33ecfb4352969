package pg

import (
	"fmt"

	"gorm.io/gorm"
)

// Replan makes the connection plan its statements anew, including the statements of triggers and foreign keys.
// PostgreSQL caches the plan of a frequent statement. A plan that was made while a table was small reads the whole table,
// or uses the wrong index, and stays in use while thousands of rows arrive each second, until the next autovacuum
// analyzes the table, a minute later. Replan costs some milliseconds.
func Replan(tx *gorm.DB) error {
	if err := tx.Exec("DISCARD PLANS").Error; err != nil {
		return fmt.Errorf("discard plans: %w", err)
	}
	return nil
}
