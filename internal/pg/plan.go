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

const planForValues = "closeloop:plan_for_values"

// PlanForValues makes Find plan the query for its values each time. PostgreSQL otherwise plans a frequent statement once
// for all values, as if each were as frequent as any other. That plan reads ten thousand rows for a value that ten rows
// have where an index has the ten. Planning costs about as much as reading a page.
func PlanForValues(query *gorm.DB) *gorm.DB { return query.Set(planForValues, true) }
