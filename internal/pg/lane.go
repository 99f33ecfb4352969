package pg

// Lane names the connections of one kind of work. Each lane has a pool of its own, so that work of one kind never waits
// for work of another kind. docs/decisions has the reasons and the sizes.
type Lane int

const (
	// Requests is for lists and writes. The DB that Open returns is this lane.
	Requests Lane = iota
	// Reports is for statements that count many rows. It is small, because such a statement occupies a processor.
	Reports
	// SignIn is for checking tokens, and for health.
	SignIn
	// Feed is for giving events their positions, and for following the log at its head.
	Feed
	// CatchUp is for reading the log for subscriptions that are behind its head.
	CatchUp
	// Background is for queued jobs and the loops around them.
	Background

	lanes
)

// size returns how many connections the lane has at most, where requests have n. Together a server has
// n + 2 max(2, n/8) + max(4, n/2) + 8 connections and one for LISTEN: 25 with 8 connections for requests.
func (l Lane) size(n int32) int32 {
	switch l {
	case Reports, CatchUp:
		return max(2, n/8)
	case SignIn, Feed:
		return 4
	case Background:
		return max(4, n/2)
	}
	return n
}

// Lane returns the same database by the connections of a lane. Only the DB that Open returned is closed.
func (d *DB) Lane(l Lane) *DB { return d.lanes[l] }
