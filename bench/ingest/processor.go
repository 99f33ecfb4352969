package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
)

// processorTime is what this program and PostgreSQL have used of the processors, as Linux counts it.
type processorTime struct{ program, postgres time.Duration }

// processor reads the times. Where there is no /proc, they are 0.
func processor(db *pg.DB) (t processorTime) {
	var postmaster int
	check(db.Pool.QueryRow(context.Background(), "SELECT split_part(pg_read_file('postmaster.pid'), E'\n', 1)::int").Scan(&postmaster))
	t.program, _ = processTimes(os.Getpid())
	own, ended := processTimes(postmaster)
	t.postgres = own + ended
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", postmaster, postmaster))
	if err != nil {
		return t
	}
	for child := range strings.FieldsSeq(string(children)) {
		pid, _ := strconv.Atoi(child)
		own, _ := processTimes(pid)
		t.postgres += own
	}
	return t
}

func (t processorTime) since(earlier processorTime) processorTime {
	return processorTime{t.program - earlier.program, t.postgres - earlier.postgres}
}

// processTimes reads the time of a process, and that of its children that have ended (proc(5)).
func processTimes(pid int) (own, ended time.Duration) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:])) // the first one is field 3
	at := func(field int) time.Duration {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return time.Duration(n) * 10 * time.Millisecond
	}
	return at(14) + at(15), at(16) + at(17)
}
