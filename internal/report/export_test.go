package report

import "time"

// Tune sets the shortest and the longest time between two counts of a board. Call it before Watch.
func (r *Reports) Tune(minInterval, maxInterval time.Duration) {
	r.boards.minInterval, r.boards.maxInterval = minInterval, maxInterval
}

// Boards returns the number of boards.
func (r *Reports) Boards() int {
	r.boards.mu.Lock()
	defer r.boards.mu.Unlock()
	return len(r.boards.open)
}

// AllCounts asks for every figure.
var AllCounts = allCounts
