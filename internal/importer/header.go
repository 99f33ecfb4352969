package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// layout maps the cells of a row to fields and attributes.
type layout struct {
	line       int // of the header
	header     []string
	cellOf     [fieldCount]int // the cell of each field; -1: no column fills it
	attributes []int           // the cells that become attributes
}

// readHeader reads the first record, and refuses a file that cannot be a CSV file in UTF-8. unnamed holds warnings about
// columns without a name, to which nothing can refer.
func readHeader(r *records, c Columns) (l *layout, unnamed []RowRejection, err error) {
	if err := checkEncoding(r); err != nil {
		return nil, nil, err
	}
	rec, err := r.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, nil, fault.Input("file", "the file is empty; its first line names the columns")
	case err != nil:
		return nil, nil, fmt.Errorf("read the file's header: %w", err)
	case rec.broken != "":
		return nil, nil, fault.Input("file", "line %d, the header, column %d: %s", rec.line, rec.cell+1, rec.broken)
	}
	l = &layout{line: rec.line, header: rec.fields}
	places := make(map[string]int, len(l.header))
	for i, name := range l.header {
		if err := checkName(rec.line, i, name); err != nil {
			return nil, nil, err
		}
		name = strings.TrimSpace(name)
		l.header[i] = name
		if name == "" {
			unnamed = append(unnamed, RowRejection{Line: rec.line,
				Reason: fmt.Sprintf("column %d has no name in the header; its cells are ignored", i+1)})
			continue
		}
		if first, twice := places[name]; twice {
			return nil, nil, fault.Input("file", "line %d: the columns %d and %d of the header are both called %q; rename one of them",
				rec.line, first+1, i+1, name)
		}
		places[name] = i
	}
	return l, unnamed, l.assignColumns(c, places)
}

// checkEncoding skips a byte order mark of UTF-8, and refuses a file that is certainly not text in UTF-8.
func checkEncoding(r *records) error {
	r.reset()
	_, _ = r.peek(3)
	switch head := r.window; {
	case bytes.HasPrefix(head, []byte("\xef\xbb\xbf")):
		r.start += 3
	case bytes.HasPrefix(head, []byte("\xff\xfe")), bytes.HasPrefix(head, []byte("\xfe\xff")):
		return fault.Input("file", "line 1: the file is UTF-16; save it as UTF-8 (in Excel: 'CSV UTF-8')")
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return fault.Input("file", "the file is a zip archive or a workbook; save it as CSV in UTF-8 (in Excel: 'CSV UTF-8')")
	case bytes.HasPrefix(head, []byte("\x1f\x8b")):
		return fault.Input("file", "the file is compressed; unpack it first")
	}
	return nil
}

func checkName(line, column int, name string) error {
	switch {
	case strings.ContainsRune(name, 0):
		return fault.Input("file", "line %d, column %d: the header holds the character U+0000; if the file is UTF-16, save it as UTF-8", line, column+1)
	case model.CheckText(name) != nil:
		return fault.Input("file", "line %d, column %d: the header is not UTF-8; save the file as UTF-8 (in Excel: 'CSV UTF-8')", line, column+1)
	case strings.ContainsRune(name, '\r'):
		return fault.Input("file", "line %d: the lines end with a bare CR; save the file with line ends of LF or CR LF", line)
	}
	return nil
}

// assignColumns finds the column of each field. All other columns become attributes.
func (l *layout) assignColumns(c Columns, places map[string]int) error {
	taken := make([]bool, len(l.header))
	for f, name := range c.named() {
		l.cellOf[f] = -1
		name = strings.TrimSpace(name)
		if name == "" {
			if field(f) == score {
				return fault.Input("columns.score", "name the column with the score; the header has %s", l.list())
			}
			continue
		}
		i, there := places[name]
		if !there {
			return fault.Input("columns."+fields[f].name, "the file has no column %q; its header has %s", name, l.list())
		}
		l.cellOf[f], taken[i] = i, true
	}
	for i, name := range l.header {
		if !taken[i] && name != "" {
			l.attributes = append(l.attributes, i)
		}
	}
	return nil
}

// list lists the header's columns, with a hint where the separator seems not to be a comma.
func (l *layout) list() string {
	var b strings.Builder
	for i, name := range l.header {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", shorten(name))
		if b.Len() > 4000 {
			fmt.Fprintf(&b, " and %d more", len(l.header)-i-1)
			break
		}
	}
	if len(l.header) == 1 && strings.ContainsAny(l.header[0], ";\t|") {
		b.WriteString(" (columns must be separated by commas: save the file that way)")
	}
	return b.String()
}

// columnOf returns the name of the column that filled the argument of a fault; empty where no column did.
func (l *layout) columnOf(argument string, s intake.Submission) string {
	for f := range fields {
		if argument == fields[f].argument || strings.HasPrefix(argument, fields[f].argument+"[") {
			return l.name(field(f))
		}
	}
	var i int
	if n, err := fmt.Sscanf(argument, "attributes[%d]", &i); n == 1 && err == nil && 0 <= i && i < len(s.Attributes) {
		return s.Attributes[i].Key
	}
	return ""
}

// name returns the column of a field. The first or last name may come from the column of the full name.
func (l *layout) name(f field) string {
	switch {
	case l.cellOf[f] >= 0:
		return l.header[l.cellOf[f]]
	case f == firstName || f == lastName:
		return l.name(fullName)
	}
	return ""
}
