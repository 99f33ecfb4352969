package year

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const buckets = 64

// spool sorts lines by time. The stories are generated customer by customer, but a database fills in the order of time.
// Lines of one customer with the same time keep their order.
type spool struct {
	t          *table
	from, till int64
	mu         sync.Mutex
	files      [buckets]*os.File
	writers    [buckets]*bufio.Writer
	lines      int
}

func newSpool(folder string, t *table, from, till time.Time) *spool {
	s := &spool{t: t, from: from.UnixMicro(), till: till.UnixMicro() + 1}
	for i := range buckets {
		var err error
		s.files[i], err = os.Create(filepath.Join(folder, fmt.Sprintf("%s.%02d", t.name, i)))
		check(err)
		s.writers[i] = bufio.NewWriterSize(s.files[i], 1<<16)
	}
	return s
}

func (s *spool) add(at time.Time, line []byte) {
	micro := at.UnixMicro()
	i := int(float64(micro-s.from) / float64(s.till-s.from) * buckets)
	w := s.writers[min(max(i, 0), buckets-1)]
	var head [12]byte
	binary.LittleEndian.PutUint64(head[:], uint64(micro))
	binary.LittleEndian.PutUint32(head[8:], uint32(len(line)))
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := w.Write(head[:])
	check(err)
	_, err = w.Write(line)
	check(err)
	s.lines++
}

// read writes all lines in order and removes the files. It writes before(n) before the nth line, counted from 1.
func (s *spool) read(out io.Writer, before func(n int) []byte) error {
	w := bufio.NewWriterSize(out, 1<<20)
	n := 0
	for i := range buckets {
		check(s.writers[i].Flush())
		name := s.files[i].Name()
		check(s.files[i].Close())
		text, err := os.ReadFile(name)
		check(err)
		check(os.Remove(name))
		type entry struct {
			at   int64
			line []byte
		}
		var entries []entry
		for rest := text; len(rest) > 0; {
			size := 12 + int(binary.LittleEndian.Uint32(rest[8:]))
			entries = append(entries, entry{int64(binary.LittleEndian.Uint64(rest)), rest[12:size]})
			rest = rest[size:]
		}
		slices.SortStableFunc(entries, func(a, b entry) int { return int(a.at - b.at) })
		for _, e := range entries {
			n++
			if before != nil {
				if _, err := w.Write(before(n)); err != nil {
					return err
				}
			}
			if _, err := w.Write(e.line); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

var tab = []byte{'\t'}

func number(n int) []byte { return bytes.Join([][]byte{fmt.Append(nil, n), nil}, tab) }
