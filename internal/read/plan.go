package read

import (
	"encoding/json"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/pg"
)

// listFilter is a filter of a list, of any type.
type listFilter interface {
	Raw() json.RawMessage
	Only() string
}

// steady are the filters of cases for which one plan is right for all values: an index has the rows of each value in the
// list's own order.
var steady = map[string]bool{"status": true, "assignee": true, "mine": true}

// planned decides whether PostgreSQL plans a list for the values of its filter and scope. It takes a range of values to
// match few rows, and a value to be as frequent as any other, unless it knows them. ordered says whether the list has an
// order of the caller's.
func planned(query *gorm.DB, viewer auth.Viewer, f listFilter, ordered bool) *gorm.DB {
	if !viewer.Scope().Restricted() {
		if raw := f.Raw(); raw == nil || string(raw) == "{}" || !ordered && steady[f.Only()] {
			return query
		}
	}
	return pg.PlanForValues(query)
}
