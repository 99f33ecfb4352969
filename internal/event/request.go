package event

import "github.com/closeloop/closeloop/internal/fault"

// check refuses a filter that cannot be decided from a snapshot: full-text search needs PostgreSQL.
func (q Request) check() error {
	if q.Filter.Searches() {
		return fault.Input("filter", "a search narrows lists only: here say what a field contains, or starts with")
	}
	return nil
}
