package report

import "time"

// Tune sets how far counts of what is watched are apart, and when it is counted without a cause; before Watch.
func (r *Reports) Tune(apart, anyway time.Duration) { r.boards.apart, r.boards.anyway = apart, anyway }

// Watched is how many different figures are watched.
func (r *Reports) Watched() int {
	r.boards.mu.Lock()
	defer r.boards.mu.Unlock()
	return len(r.boards.open)
}
