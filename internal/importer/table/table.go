// Package table reads the files of survey tools and spreadsheets as records of text: CSV of any separator and encoding, and
// workbooks of Excel. It finds the encoding and the separator in the file (Detect), or takes them from the caller.
//
// It does not know what a column means, and it refuses to guess: where the bytes of a file do not say their encoding, Detect
// returns a fault that asks for it.
//
// Files are streamed. Memory has one record of at most 1 MiB; of a workbook, the compressed file too.
package table

import (
	"fmt"
	"io"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
)

// Record is one record of a file, or the reason why the record could not be read.
type Record struct {
	Line   int      // the physical line on which it starts, or the row of the sheet; from 1
	Last   int      // the physical line on which it ends
	Fields []string // CR LF within quotes is LF here, so that line endings do not change a row's identity
	Raw    []string // of a workbook: cells with their numbers as they are stored, a date as its day number; nil: as Fields
	Broken string   // why the record cannot be trusted; empty for a good record
	Cell   int      // the index of the broken cell, from 0
	End    int64    // how much of the file has been read, in bytes
}

// Stored is the cell as the file stores it: of a workbook, numbers without their format.
func (r *Record) Stored(i int) string {
	if r.Raw != nil {
		return r.Raw[i]
	}
	return r.Fields[i]
}

// Reader reads the records of a file in order. Next returns io.EOF after the last one.
type Reader interface {
	Next() (Record, error)
	Close() error
}

// Format is how the bytes of a file become records. It is stored with an import, so that a server that goes on with it
// reads the same.
type Format struct {
	Workbook  bool   `json:"workbook,omitempty"`
	Sheet     string `json:"sheet,omitempty"`
	Year1904  bool   `json:"year1904,omitempty"` // of a workbook: days count from 1904, not from 1900
	Encoding  string `json:"encoding,omitempty"` // a name of the Encoding Standard, such as utf-8
	Separator string `json:"separator,omitempty"`
	Marked    bool   `json:"marked,omitempty"` // the first line says the separator: sep=;
	BareCR    bool   `json:"bareCr,omitempty"` // lines end with CR alone
}

// Wanted is what the caller says about a file. What is empty is found in the file.
type Wanted struct{ Encoding, Separator, Sheet string }

// Why says how each part of a format was found, for people.
type Why struct{ Encoding, Separator, Sheet string }

// Detect finds the format of a file.
func Detect(file io.ReadSeeker, w Wanted) (f Format, why Why, err error) {
	head, err := readHead(file)
	if err != nil {
		return f, why, err
	}
	switch {
	case len(head) == 0:
		return f, why, fault.Input("file", "the file is empty; its first line names the columns")
	case strings.HasPrefix(head, "PK\x03\x04"):
		return detectWorkbook(file, w)
	case strings.HasPrefix(head, "\xd0\xcf\x11\xe0"):
		return f, why, fault.Input("file", "the file is a workbook of Excel 97 to 2003, or one with a password; save it as .xlsx or CSV, without a password")
	case strings.HasPrefix(head, "\x1f\x8b"):
		return f, why, fault.Input("file", "the file is compressed; unpack it first")
	case w.Sheet != "":
		return f, why, fault.Input("sheet", "the file is no workbook, so it has no sheet; leave --sheet (sheet) out")
	}
	if err := findEncoding(file, w, &f, &why); err != nil {
		return f, why, err
	}
	return f, why, findSeparator(file, w, &f, &why)
}

// Open reads a file from its start.
func Open(file io.ReadSeeker, f Format) (Reader, error) {
	if f.Workbook {
		return openWorkbook(file, f)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("return to the start of the file: %w", err)
	}
	counted := &counter{r: file}
	text, err := decode(counted, f)
	if err != nil {
		return nil, err
	}
	t := &textFile{records: newRecords(text, f.Separator[0], recordMax), counted: counted, same: text == io.Reader(counted)}
	t.skipMarks(f)
	return t, nil
}

// textFile is a CSV file.
type textFile struct {
	records *records
	counted *counter
	same    bool // the text is the bytes of the file
}

// skipMarks skips a byte order mark, and the line that says the separator.
func (t *textFile) skipMarks(f Format) {
	r := t.records
	r.reset()
	_, _ = r.peek(3)
	if strings.HasPrefix(string(r.window), byteOrderMark) {
		r.start += len(byteOrderMark)
	}
	if f.Marked {
		r.skipLine()
	}
}

func (t *textFile) Next() (Record, error) {
	rec, err := t.records.next()
	if !t.same {
		rec.End = t.counted.n
	}
	return rec, err
}

func (t *textFile) Close() error { return nil }

// counter counts the bytes that have been read.
type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}

// readHead returns the first bytes of the file.
func readHead(file io.ReadSeeker) (string, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return "", fmt.Errorf("return to the start of the file: %w", err)
	}
	head := make([]byte, 8)
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return "", fmt.Errorf("read the file: %w", err)
	}
	return string(head[:n]), nil
}
