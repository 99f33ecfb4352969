//go:build unix

package cluster

import (
	"fmt"
	"io"
	"os"
	"strings"
)

// rotateSize is the size above which a start begins a new log file; it keeps the previous file.
const rotateSize = 8 << 20

// openLog opens PostgreSQL's log file for appending and returns its current size. The server writes
// to the file directly: through a pipe, its last messages would be lost when closeloop is killed.
func (c *Cluster) openLog() (*os.File, int64, error) {
	if info, err := os.Stat(c.logfile()); err == nil && info.Size() > rotateSize {
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
		err = c.account.own(c.logfile())
	}
	if err != nil {
		file.Close()
		return nil, 0, err
	}
	return file, size, nil
}

// reason returns why a server ended, from its log: its last fatal line, else its last line.
func (c *Cluster) reason(s *server) string {
	file, err := os.Open(c.logfile())
	if err != nil {
		return "it ended right after its start"
	}
	defer file.Close()
	if _, err := file.Seek(s.logOffset, io.SeekStart); err != nil {
		return "it ended right after its start"
	}
	text, _ := io.ReadAll(io.LimitReader(file, 1<<20)) // a truncated text is still useful
	reason := lastLine(string(text))
	for line := range strings.Lines(string(text)) {
		if _, message, found := strings.Cut(line, "FATAL:"); found {
			reason = strings.TrimSpace(message)
		}
	}
	if reason == "" {
		return fmt.Sprintf("it ended right after its start: %v", s.err)
	}
	return reason
}
