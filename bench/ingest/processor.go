package main

import (
	"context"
	"os"
	"time"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/internal/pg"
)

// processorTime is what this program and PostgreSQL have used of the processors, as Linux counts it.
type processorTime struct{ program, postgres time.Duration }

// processor reads the times. Where there is no /proc, they are 0.
func processor(db *pg.DB) processorTime {
	var postmaster int
	check(db.Pool.QueryRow(context.Background(), "SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int").Scan(&postmaster))
	own, _ := program.TimeOf(os.Getpid())
	return processorTime{own.Own, program.PostgresTime(postmaster)}
}

func (t processorTime) since(earlier processorTime) processorTime {
	return processorTime{t.program - earlier.program, t.postgres - earlier.postgres}
}
