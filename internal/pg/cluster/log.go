//go:build unix

package cluster

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// rotate is the size from which a start begins a new log file, keeping the one before.
const rotate = 8 << 20

// openLog opens PostgreSQL's log file for appending, and returns where it ends now. The server
// writes into the file itself: through a pipe it would lose its last words when we are killed.
func (c *Cluster) openLog() (*os.File, int64, error) {
	if info, err := os.Stat(c.logfile()); err == nil && info.Size() > rotate {
		if err := os.Rename(c.logfile(), c.logfile()+".old"); err != nil {
			return nil, 0, fmt.Errorf("begin a new log file: %w", err)
		}
	}
	file, err := os.OpenFile(c.logfile(), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open PostgreSQL's log file: %w", err)
	}
	size, err := file.Seek(0, io.SeekEnd)
	if err == nil {
		err = c.account.give(c.logfile())
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, size, nil
}

// reason is why a server ended, in its own words: its last fatal line, else its last line.
func (c *Cluster) reason(s *server) string {
	file, err := os.Open(c.logfile())
	if err != nil {
		return "it ended at once"
	}
	defer file.Close()
	if _, err := file.Seek(s.from, io.SeekStart); err != nil {
		return "it ended at once"
	}
	text, _ := io.ReadAll(io.LimitReader(file, 1<<20)) // half a text still tells more than none
	reason := lastLine(string(text))
	for line := range strings.Lines(string(text)) {
		if _, words, found := strings.Cut(line, "FATAL:"); found {
			reason = strings.TrimSpace(words)
		}
	}
	if reason == "" {
		return fmt.Sprintf("it ended at once: %v", s.err)
	}
	return reason
}
