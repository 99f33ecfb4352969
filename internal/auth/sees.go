package auth

import (
	"fmt"

	"gorm.io/gorm"
)

// Sees reports whether the query, which the caller has bounded by the viewer's scope, finds a row. A viewer who sees
// everything costs no statement.
func (v Viewer) Sees(query *gorm.DB) (bool, error) {
	if !v.Scope().Restricted() {
		return true, nil
	}
	var n int64
	if err := query.Count(&n).Error; err != nil {
		return false, fmt.Errorf("look for a row within a scope: %w", err)
	}
	return n > 0, nil
}
