package importer

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
)

const (
	headerRowsMax = 5
	nameMax       = 500 // characters of an attribute's key
)

// header is the names of a file's columns: one for each header row, so that a question is found by its number and by its
// words.
type header struct {
	line  int
	names []string   // each once; empty: no row names the column
	said  [][]string // as the header rows say them, for each column
	keys  [][]string // the same, as key writes them
	taken []bool
}

// headerOf makes the header of the first records.
func headerOf(rows []table.Record) (*header, error) {
	h := &header{line: rows[0].Line}
	width := len(rows[0].Fields)
	above := ""
	for i := range width {
		var said, keys []string
		for n, row := range rows {
			if i >= len(row.Fields) {
				continue
			}
			name := value.Clean(strings.ToValidUTF8(row.Fields[i], "\ufffd"))
			if strings.ContainsRune(name, '\r') {
				return nil, fault.Input("file", "line %d: the lines end with CR and with LF; save the file with line ends of one kind", row.Line)
			}
			if n > 0 && (name == "" || strings.HasPrefix(name, `{"ImportId"`)) {
				continue
			}
			said, keys = append(said, name), append(keys, key(name))
		}
		name := said[0]
		// Where the first row is empty, the column has another answer to the question before it.
		if name == "" && len(said) > 1 {
			name = strings.TrimPrefix(above+": "+said[1], ": ")
		} else if name != "" {
			above = name
		}
		h.said, h.keys, h.names = append(h.said, said), append(h.keys, keys), append(h.names, h.distinct(name))
	}
	h.taken = make([]bool, width)
	if !slices.ContainsFunc(h.names, func(s string) bool { return s != "" }) {
		return nil, fault.Input("file", "line %d: the header is empty; the first line names the columns", h.line)
	}
	return h, nil
}

// distinct shortens a name to what an attribute's key may have, and numbers it where an earlier column has the same.
func (h *header) distinct(name string) string {
	if name == "" {
		return ""
	}
	if utf8.RuneCountInString(name) > nameMax-10 {
		name = string([]rune(name)[:nameMax-10])
	}
	for n, whole := 2, name; slices.Contains(h.names, name); n++ {
		name = fmt.Sprintf("%s (%d)", whole, n)
	}
	return name
}

// withKey returns the columns of which a row's name has the key.
func (h *header) withKey(k string) (at []int) {
	for i, keys := range h.keys {
		if slices.Contains(keys, k) {
			at = append(at, i)
		}
	}
	return at
}

// list lists the columns, for a message.
func (h *header) list() string {
	var b strings.Builder
	for i, name := range h.names {
		if name == "" {
			continue
		}
		if b.Len() > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "%q", value.Shorten(name))
		if b.Len() > 4000 {
			fmt.Fprintf(&b, " and %d more", len(h.names)-i-1)
			break
		}
	}
	return b.String()
}

// find finds the column that the caller means: by its name, in any case, by its beginning, or by its position.
func (h *header) find(f field, said string) (int, error) {
	argument, flag := "columns."+fields[f].name, fields[f].flag
	wanted := key(said)
	for _, matches := range []func(i int) bool{
		func(i int) bool { return slices.Contains(h.said[i], said) },
		func(i int) bool { return wanted != "" && slices.Contains(h.keys[i], wanted) },
		func(i int) bool {
			begins := func(k string) bool { return strings.HasPrefix(k, wanted) }
			return len(wanted) >= 2 && !allDigits(said) && slices.ContainsFunc(h.keys[i], begins)
		},
	} {
		var found []string
		at := -1
		for i := range h.names {
			if matches(i) {
				at = i
				found = append(found, fmt.Sprintf("%d (%q)", i+1, value.Shorten(h.names[i])))
			}
		}
		switch {
		case len(found) == 1:
			return at, nil
		case len(found) > 1:
			return 0, fault.Input(argument, "which of the columns %s is meant by %q? Name it by its position, such as %s %d (%s)", strings.Join(found, ", "), said, flag, at+1, argument)
		}
	}
	if n, err := strconv.Atoi(said); err == nil && n >= 1 && n <= len(h.names) {
		return n - 1, nil
	}
	return 0, fault.Input(argument, "the file has no column %q; its header has %s", said, h.list())
}

func allDigits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// headerRows says how many of the first records are the header.
func headerRows(first []table.Record) (n int, why string) {
	if len(first) > 2 && slices.ContainsFunc(first[2].Fields, func(s string) bool { return strings.HasPrefix(s, `{"ImportId"`) }) {
		return 3, "the third row has the import ids of Qualtrics"
	}
	if len(first) > 1 && len(first[0].Fields) == len(first[1].Fields) {
		for i, name := range first[0].Fields {
			switch below := strings.TrimSpace(first[1].Fields[i]); {
			case key(name) == "respondent id" && below == "" && slices.ContainsFunc(first[1].Fields, func(s string) bool { return strings.TrimSpace(s) != "" }):
				return 2, "the second row has the answers of SurveyMonkey's questions"
			case key(name) == "responseid" && key(below) == "responseid", key(name) == "responseid" && key(below) == "response id":
				return 2, "the second row has the questions of Qualtrics"
			}
		}
	}
	return 1, ""
}
