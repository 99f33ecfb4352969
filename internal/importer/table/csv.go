package table

import (
	"bytes"
	"io"
	"slices"
)

const (
	recordMax = 1 << 20  // bytes
	readAhead = 64 << 10 // bytes
)

const (
	StrayQuote  = `a quotation mark inside a cell is not doubled: enclose the cell in quotation marks and double each one within it`
	neverClosed = `a quotation mark opens a cell here and none closes it`
	TooLong     = `the row is longer than 1 MiB; perhaps a quotation mark opens a cell here and none closes it`
)

// records reads RFC 4180, with any separator, and holds a single record in memory. For a correct file it returns the same records as
// encoding/csv (a fuzz test compares the two). In contrast to encoding/csv, it continues after an error:
//
//   - A quotation mark in a cell without quotes breaks only that record: the quotes of the following cells are read as
//     usual, and the record ends where it would have ended.
//   - After a quotation mark within quotes that is neither doubled nor before a separator or line end, after quotes that are
//     never closed, and in a record that is too long, the end of the record is unknown. Only its first physical line is
//     skipped, and reading restarts on the next line, because the usual cause is a forgotten quotation mark on the first
//     line. In this way the good rows that follow are not lost. If the record did continue, each of its other lines is
//     reported as a broken row. No reader can detect a forgotten quotation mark that meets another one right before a
//     separator or line end; such a record usually has the wrong number of cells, and the rejection names the line on which
//     the record ends.
type records struct {
	file      io.Reader
	separator byte
	stops     string // the bytes that can end a cell without quotes
	max       int
	window    []byte // bytes that were read and not yet discarded
	discarded int64  // number of bytes of the file before the window
	err       error  // why no more can be read: io.EOF or another error

	start, line int // where the next record starts: offset in the window, and physical line

	// State of the current record:
	at        int // the next byte
	text      []byte
	ends      []int // of the cells in text
	inner     int   // line breaks within quotes
	rows      int   // all line breaks
	stray     int   // the first cell without quotes that contains a quotation mark; -1: none
	exhausted bool  // the record needs bytes after the end of the file
	long      bool
}

func newRecords(file io.Reader, separator byte, longest int) *records {
	return &records{file: file, separator: separator, stops: string(separator) + "\"\r\n", max: longest, line: 1}
}

// next returns the next record, broken or not. It returns io.EOF after the last record, and another error where the file
// cannot be read.
func (r *records) next() (Record, error) {
	if r.start >= readAhead {
		r.discard()
	}
	r.reset()
	for r.lineEnd() { // an empty line
		if r.exhausted {
			return Record{}, r.err
		}
		r.start, r.line = r.at, r.line+1
		r.reset()
	}
	why := r.scan()
	if r.exhausted && r.err != io.EOF {
		return Record{}, r.err
	}
	rec := Record{Line: r.line, Last: r.line + r.inner}
	switch {
	case why != "":
		rec.Broken, rec.Cell, rec.Last = why, len(r.ends), r.line
		r.skipLine()
	case r.stray >= 0:
		rec.Broken, rec.Cell = StrayQuote, r.stray
		r.start, r.line = r.at, r.line+r.rows
	default:
		rec.Fields = r.cells()
		r.start, r.line = r.at, r.line+r.rows
	}
	rec.End = r.discarded + int64(r.start)
	return rec, nil
}

func (r *records) reset() {
	r.at, r.text, r.ends = r.start, r.text[:0], r.ends[:0]
	r.inner, r.rows, r.stray, r.exhausted, r.long = 0, 0, -1, false, false
}

// scan reads cells until the record ends. It returns a reason where the end of the record cannot be determined.
func (r *records) scan() string {
	for {
		var more bool
		var why string
		if b, ok := r.peek(0); ok && b == '"' {
			r.at++
			more, why = r.readQuoted()
		} else {
			more = r.readPlain()
		}
		if r.long {
			return TooLong
		}
		if why != "" {
			return why
		}
		r.ends = append(r.ends, len(r.text))
		if !more {
			return ""
		}
	}
}

// readPlain reads a cell without quotes; more reports whether another cell follows.
func (r *records) readPlain() (more bool) {
	for r.takeUntil(r.stops); !r.lineEnd(); r.takeUntil(r.stops) {
		b := r.window[r.at]
		r.at++
		if b == r.separator {
			return true
		}
		if b == '"' && r.stray < 0 {
			r.stray = len(r.ends)
		}
		r.text = append(r.text, b)
	}
	return false
}

// readQuoted reads a cell after its opening quotation mark.
func (r *records) readQuoted() (more bool, why string) {
	for {
		r.takeUntil("\"\r\n")
		b, ok := r.peek(0)
		if !ok {
			return false, neverClosed
		}
		r.at++
		next, ok := r.peek(0)
		switch {
		case b == '"' && ok && next == '"':
			r.at++
		case b == '"' && ok && next == r.separator:
			r.at++
			return true, ""
		case b == '"' && r.lineEnd():
			return false, ""
		case b == '"':
			return false, StrayQuote
		case b == '\r' && ok && next == '\n':
			continue
		case b == '\n':
			r.inner++
			r.rows++
		}
		r.text = append(r.text, b)
	}
}

// takeUntil copies all bytes before the next stop byte at once, because most of a file is text.
func (r *records) takeUntil(stops string) {
	part := r.window[r.at:min(len(r.window), r.start+r.max)]
	if n := bytes.IndexAny(part, stops); n >= 0 {
		part = part[:n]
	}
	r.text = append(r.text, part...)
	r.at += len(part)
}

// lineEnd skips a line end, if one is next: LF, CR LF, or the end of the file with or without a last CR.
func (r *records) lineEnd() bool {
	switch b, ok := r.peek(0); {
	case !ok:
		return true
	case b == '\n':
		r.at++
	case b == '\r':
		next, ok := r.peek(1)
		if r.long || ok && next != '\n' {
			return false
		}
		r.at++
		if !ok {
			return true
		}
		r.at++
	default:
		return false
	}
	r.rows++
	return true
}

// peek returns a byte of the current record without consuming it; it reads from the file where necessary.
func (r *records) peek(ahead int) (byte, bool) {
	i := r.at + ahead
	if i-r.start >= r.max {
		r.long = true
		return 0, false
	}
	for i >= len(r.window) {
		if !r.fill() {
			r.exhausted = true
			return 0, false
		}
	}
	return r.window[i], true
}

func (r *records) fill() bool {
	for range 100 {
		if r.err != nil {
			return false
		}
		r.window = slices.Grow(r.window, readAhead)
		n, err := r.file.Read(r.window[len(r.window):cap(r.window)])
		r.window, r.err = r.window[:len(r.window)+n], err
		if n > 0 {
			return true
		}
	}
	r.err = io.ErrNoProgress
	return false
}

// discard removes the bytes before the next record from the window.
func (r *records) discard() {
	r.window = r.window[:copy(r.window, r.window[r.start:])]
	r.discarded += int64(r.start)
	r.start = 0
}

// skipLine moves to the next physical line, however long the current line is.
func (r *records) skipLine() {
	for {
		if i := bytes.IndexByte(r.window[r.start:], '\n'); i >= 0 {
			r.start += i + 1
			r.line++
			return
		}
		r.start = len(r.window)
		r.discard()
		if !r.fill() {
			return
		}
	}
}

// cells splits the text into cells, which share one string.
func (r *records) cells() []string {
	text, from := string(r.text), 0
	fields := make([]string, len(r.ends))
	for i, end := range r.ends {
		fields[i], from = text[from:end], end
	}
	return fields
}
