package importer

import (
	"bytes"
	"io"
	"slices"
)

const (
	maxRecord = 1 << 20  // bytes
	readAhead = 64 << 10 // bytes
)

// record is one record of the file, as it was read or with the words why it could not be.
type record struct {
	line   int      // the physical line on which it starts, from 1
	last   int      // the physical line on which it ends
	fields []string // CR LF within quotes is LF here, so that line endings make no other row
	broken string   // why it cannot be trusted; empty where it can
	cell   int      // the number of the cell at which it broke, from 0
	end    int64    // how many bytes of the file are behind it
}

const (
	strayQuote  = `a quotation mark inside a cell is not doubled: put the cell into quotation marks and write each one within it twice`
	neverClosed = `a quotation mark opens a cell here and none closes it`
	tooLong     = `the row is longer than 1 MiB; perhaps a quotation mark opens a cell here and none closes it`
)

// records reads RFC 4180 without holding more than one record. encoding/csv reads the same records out of a file that
// is right (a fuzz test holds the two together); this one goes on after what is wrong:
//
//   - a quotation mark in a cell without quotes breaks that record alone: the quotes of the following cells are read
//     as ever, and the record ends where it would have ended.
//   - a quotation mark within quotes that is neither doubled nor before a comma or line end, quotes that are never
//     closed, and a record that is too long leave unknown where the record ends. Only its first physical line is given
//     up, and what follows is read afresh, because most often a quotation mark was forgotten on that line: so the good
//     rows after it are not swallowed. If it did go on, its other lines are reported each as the broken rows they look
//     like. What no reader can see is a forgotten mark that meets another one right before a comma or line end: that
//     record has the wrong number of cells as a rule, and the rejection says to which line it goes on.
type records struct {
	file   io.Reader
	max    int
	window []byte // what has been read and not been let go
	before int64  // how many bytes of the file are in front of the window
	err    error  // why no more can be read: io.EOF or worse

	start, line int // where the next record starts: in the window, and as a physical line

	// Of the record under way:
	at    int // the next byte
	text  []byte
	ends  []int // of the cells in text
	inner int   // line breaks within quotes
	rows  int   // line breaks in all
	stray int   // the first cell without quotes that has a quotation mark all the same; -1: none
	dry   bool  // it wants bytes that there are none of
	long  bool
}

func newRecords(file io.Reader, longest int) *records {
	return &records{file: file, max: longest, line: 1}
}

// next gives the next record, broken or not; io.EOF says there is none, any other error that the file cannot be read.
func (r *records) next() (record, error) {
	if r.start >= readAhead {
		r.release()
	}
	r.begin()
	for r.lineEnd() { // an empty line
		if r.dry {
			return record{}, r.err
		}
		r.start, r.line = r.at, r.line+1
		r.begin()
	}
	why := r.scan()
	if r.dry && r.err != io.EOF {
		return record{}, r.err
	}
	rec := record{line: r.line, last: r.line + r.inner}
	switch {
	case why != "":
		rec.broken, rec.cell, rec.last = why, len(r.ends), r.line
		r.skipLine()
	case r.stray >= 0:
		rec.broken, rec.cell = strayQuote, r.stray
		r.start, r.line = r.at, r.line+r.rows
	default:
		rec.fields = r.cut()
		r.start, r.line = r.at, r.line+r.rows
	}
	rec.end = r.before + int64(r.start)
	return rec, nil
}

func (r *records) begin() {
	r.at, r.text, r.ends = r.start, r.text[:0], r.ends[:0]
	r.inner, r.rows, r.stray, r.dry, r.long = 0, 0, -1, false, false
}

// scan reads cells until the record ends. It says why, where that cannot be known.
func (r *records) scan() string {
	for {
		var more bool
		var why string
		if b, ok := r.peek(0); ok && b == '"' {
			r.at++
			more, why = r.quoted()
		} else {
			more = r.plain()
		}
		if r.long {
			return tooLong
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

// plain reads a cell without quotes; more says that another one follows.
func (r *records) plain() (more bool) {
	for r.run(",\"\r\n"); !r.lineEnd(); r.run(",\"\r\n") {
		b := r.window[r.at]
		r.at++
		if b == ',' {
			return true
		}
		if b == '"' && r.stray < 0 {
			r.stray = len(r.ends)
		}
		r.text = append(r.text, b)
	}
	return false
}

// quoted reads a cell whose opening quotation mark has been read.
func (r *records) quoted() (more bool, why string) {
	for {
		r.run("\"\r\n")
		b, ok := r.peek(0)
		if !ok {
			return false, neverClosed
		}
		r.at++
		next, ok := r.peek(0)
		switch {
		case b == '"' && ok && next == '"':
			r.at++
		case b == '"' && ok && next == ',':
			r.at++
			return true, ""
		case b == '"' && r.lineEnd():
			return false, ""
		case b == '"':
			return false, strayQuote
		case b == '\r' && ok && next == '\n':
			continue
		case b == '\n':
			r.inner++
			r.rows++
		}
		r.text = append(r.text, b)
	}
}

// run takes the bytes before the next of these at once: most of a file is text.
func (r *records) run(stops string) {
	part := r.window[r.at:min(len(r.window), r.start+r.max)]
	if n := bytes.IndexAny(part, stops); n >= 0 {
		part = part[:n]
	}
	r.text = append(r.text, part...)
	r.at += len(part)
}

// lineEnd passes over a line end, if one is next: LF, CR LF, or the end of the file with or without a last CR.
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

// peek looks at a byte of the record under way, reading on where it must.
func (r *records) peek(ahead int) (byte, bool) {
	i := r.at + ahead
	if i-r.start >= r.max {
		r.long = true
		return 0, false
	}
	for i >= len(r.window) {
		if !r.fill() {
			r.dry = true
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

// release lets go of what lies before the next record.
func (r *records) release() {
	r.window = r.window[:copy(r.window, r.window[r.start:])]
	r.before += int64(r.start)
	r.start = 0
}

// skipLine goes to the next physical line, however long this one is.
func (r *records) skipLine() {
	for {
		if i := bytes.IndexByte(r.window[r.start:], '\n'); i >= 0 {
			r.start += i + 1
			r.line++
			return
		}
		r.start = len(r.window)
		r.release()
		if !r.fill() {
			return
		}
	}
}

// cut makes the cells of the text; they share one string.
func (r *records) cut() []string {
	text, from := string(r.text), 0
	fields := make([]string, len(r.ends))
	for i, end := range r.ends {
		fields[i], from = text[from:end], end
	}
	return fields
}
