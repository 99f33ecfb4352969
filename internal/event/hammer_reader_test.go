package event_test

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// entry is the part of an event that the test compares.
type entry struct {
	ID       model.EventID
	Position int64
	Seq      int64
	CaseID   model.CaseID
	Version  int
}

// follower reads the log to its end, and records what it read.
type follower struct {
	*rand.Rand
	t      *testing.T
	ctx    context.Context
	logs   []*event.Log
	cursor string // after the last event that it has read
	end    *atomic.Int64
	seen   atomic.Int64
	events []entry
	came   atomic.Int64 // how often it resumed
}

// read reads to the end. Every second follower leaves now and then, and resumes with its cursor at any of the servers.
func (f *follower) read(nth int) {
	for f.ctx.Err() == nil && f.position() < f.end.Load() {
		l := f.logs[nth/2%2]
		comesAndGoes := nth%2 == 1
		if comesAndGoes {
			l = f.logs[f.IntN(len(f.logs))]
		}
		r, err := l.From(f.ctx, &f.cursor)
		if fault.Is(err, fault.CodeFeedReset) || fault.Is(err, fault.CodeBadUserInput) {
			f.t.Errorf("the cursor of position %d: %v", f.position(), err)
			return
		}
		if err != nil { // its connection was cut: it resumes
			continue
		}
		f.came.Add(1)
		for turns := 1 + f.IntN(4); f.position() < f.end.Load() && (!comesAndGoes || turns > 0); turns-- {
			if !f.next(r) {
				return
			}
		}
	}
}

func (f *follower) next(r *event.Reader) bool {
	events, err := r.Next(f.ctx)
	if fault.Is(err, fault.CodeFeedReset) || f.ctx.Err() != nil {
		f.t.Errorf("at position %d of %d: %v", f.position(), f.end.Load(), err)
		return false
	}
	for _, e := range events { // no events after an error
		f.events = append(f.events, entry{e.ID, *e.Position, e.Seq, e.CaseID, e.Version})
		f.cursor = e.Cursor
	}
	f.seen.Store(int64(len(f.events)))
	return true
}

func (f *follower) position() int64 {
	if len(f.events) == 0 {
		return hotCases
	}
	return f.events[len(f.events)-1].Position
}

// check compares the committed events with the table and with the events of each reader.
func (h *hammer) check(readers []*follower) {
	t := h.t
	t.Helper()
	table := query[[]entry](h.world, "SELECT id, position, seq, case_id, version FROM case_events ORDER BY position")
	versions := map[model.CaseID]int{}
	late, newest := 0, int64(0) // events that a reader by sequence number would have missed
	for i, e := range table {
		if e.Position != int64(i+1) {
			t.Fatalf("event %d has position %d", i+1, e.Position)
		}
		if versions[e.CaseID]++; e.Version != versions[e.CaseID] {
			t.Fatalf("position %d: version %d of a case comes after version %d", e.Position, e.Version, versions[e.CaseID]-1)
		}
		if i >= hotCases && !h.committed[e.ID] {
			t.Errorf("position %d was never committed, or rolled back: %t", e.Position, h.abandoned[e.ID])
		}
		if e.Seq < newest {
			late++
		}
		newest = max(newest, e.Seq)
	}
	if len(table) != hotCases+len(h.committed) {
		t.Errorf("%d events were committed; the log has %d", hotCases+len(h.committed), len(table))
	}
	for i, f := range readers {
		if !slices.Equal(f.events, table[hotCases:]) {
			at := 0
			for at < min(len(f.events), len(table)-hotCases) && f.events[at] == table[hotCases+at] {
				at++
			}
			t.Errorf("reader %d saw %d events of %d; the first that differs is at position %d", i, len(f.events), len(h.committed), hotCases+at+1)
		}
	}
	t.Logf("%d events committed, %d given up in %d rollbacks and %d savepoints, %d committed after a later sequence, %d connections cut",
		len(h.committed), len(h.abandoned), h.rollbacks.Load(), h.savepoints.Load(), late, h.kills.Load())
}
