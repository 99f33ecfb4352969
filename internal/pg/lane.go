package pg

import (
	"fmt"
	"time"
)

// Lane names the connections of one kind of work. Each lane has a pool of its own, so that work of one kind never waits
// for work of another kind. docs/decisions/0020 has the reasons.
type Lane int

const (
	// Lists is for everything that reads, but reports. The DB that Open returns is this lane, and its transactions are those
	// of Writes.
	Lists Lane = iota
	// Writes is for transactions. There are more of them than lists, because much of their time they wait for the disk.
	Writes
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
	// Revision is for looking whether the configuration has changed: one statement at a time, which waits for no other.
	Revision

	lanes
)

// size returns how many connections the lane has at most, where writes have n.
func (l Lane) size(n int32) int32 {
	switch l {
	case Lists:
		return max(minConns, n/2)
	case Reports, CatchUp:
		return max(2, n/8)
	case SignIn, Feed:
		return 4
	case Revision:
		return 1
	case Background:
		return max(4, n/4)
	}
	return n
}

// ofCallers reports whether the lane is for callers of the API, who have shares of it.
func (l Lane) ofCallers() bool { return l == Lists || l == Writes || l == Reports }

// settings returns statements that set up a connection of the lane: for callers of the API, how long a statement may run.
// PostgreSQL ends it itself, so that it ends also when this server is killed. Such a statement has one process, because
// two would occupy a server of two processors, and is not compiled: PostgreSQL would decide on that by its estimate of the rows.
func (l Lane) settings(limits Limits) string {
	limit := map[Lane]time.Duration{Lists: limits.List, Writes: limits.Write, Reports: limits.Report}[l]
	if limit == 0 {
		return ""
	}
	return fmt.Sprintf("SET statement_timeout = %d; SET max_parallel_workers_per_gather = 0; SET jit = off", limit.Milliseconds())
}

// Lane returns the same database by the connections of a lane. Only the DB that Open returned is closed.
func (d *DB) Lane(l Lane) *DB { return d.lanes[l] }
