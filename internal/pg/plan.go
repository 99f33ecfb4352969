package pg

import (
	"fmt"

	"gorm.io/gorm"
)

// ByKeys has the transaction's statements, and those of its triggers, find rows by indexes alone. A connection keeps
// the plan of a statement that it sends often. One that was made while a table was small reads the table whole, and
// goes on doing so when thousands of rows come in a second, until PostgreSQL looks at the table again, a minute later.
func ByKeys(tx *gorm.DB) error {
	// Without jit, because a table that has no such index is planned at a price at which PostgreSQL would compile.
	err := tx.Exec(`SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
		set_config('enable_mergejoin', 'off', true), set_config('jit', 'off', true)`).Error
	if err != nil {
		return fmt.Errorf("have rows found by keys: %w", err)
	}
	return nil
}
