package pg

import (
	"fmt"

	"gorm.io/gorm"
)

// Replan has the connection plan its statements afresh, those of triggers and foreign keys too. It keeps the plan of a
// statement that it sends often; one that was made while a table was small reads the table whole, or by the wrong
// index, and would go on doing so while thousands of rows come in a second, until PostgreSQL looks at the table again,
// a minute later. It costs some milliseconds.
func Replan(tx *gorm.DB) error {
	if err := tx.Exec("DISCARD PLANS").Error; err != nil {
		return fmt.Errorf("have statements planned afresh: %w", err)
	}
	return nil
}
