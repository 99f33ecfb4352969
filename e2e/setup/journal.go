package setup

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// Journal is the log of a server. A test can wait for a line of it.
type Journal struct {
	all   bool // lines of every level are kept
	mu    sync.Mutex
	lines []string
	grown chan struct{} // closed with the next line; nil while no goroutine waits
}

// Enabled implements slog.Handler, as the next three methods do.
func (j *Journal) Enabled(_ context.Context, l slog.Level) bool { return j.all || l >= slog.LevelInfo }

// WithAttrs drops the attributes.
func (j *Journal) WithAttrs([]slog.Attr) slog.Handler { return j }

// WithGroup drops the group.
func (j *Journal) WithGroup(string) slog.Handler { return j }

// Handle records a line.
func (j *Journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
	return nil
}

// Lines are all lines so far.
func (j *Journal) Lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// Await waits for a line that contains the text, and returns the line.
func (j *Journal) Await(t *testing.T, text string) string {
	t.Helper()
	late := time.After(Patience)
	for {
		j.mu.Lock()
		for _, line := range j.lines {
			if strings.Contains(line, text) {
				j.mu.Unlock()
				return line
			}
		}
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		grown := j.grown
		j.mu.Unlock()
		select {
		case <-grown:
		case <-late:
			t.Fatalf("the log never says %q", text)
		}
	}
}

// Take returns the lines since the last call, and forgets them, so that a long test does not collect them.
func (j *Journal) Take() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}
