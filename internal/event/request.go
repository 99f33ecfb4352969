package event

import "github.com/closeloop/closeloop/internal/fault"

// check refuses a filter that cannot be evaluated on a snapshot: full-text search needs PostgreSQL.
func (q Request) check() error {
	if q.Filter.Searches() {
		return fault.Input("filter", "events cannot be searched: use contains or startsWith")
	}
	return nil
}
