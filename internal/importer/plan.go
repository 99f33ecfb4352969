package importer

import (
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/importer/value"
	"github.com/closeloop/closeloop/internal/intake"
)

// check refuses a record whose cells must not be read.
func (p *Plan) check(rec *table.Record) *RowRejection {
	if rec.Broken != "" {
		bad := &RowRejection{Reason: rec.Broken}
		if rec.Cell < len(p.Header) {
			bad.Column = p.Header[rec.Cell]
		}
		return bad
	}
	// Some tools write a separator behind the last cell.
	for len(rec.Fields) > len(p.Header) && rec.Fields[len(rec.Fields)-1] == "" {
		rec.Fields = rec.Fields[:len(rec.Fields)-1]
	}
	if len(rec.Fields) != len(p.Header) {
		reason := fmt.Sprintf("the row has %s where the header has %d", counted(len(rec.Fields), "cell"), len(p.Header))
		if rec.Last > rec.Line {
			reason += fmt.Sprintf("; it continues to line %d", rec.Last)
		}
		return &RowRejection{Reason: reason}
	}
	return nil
}

// name is the column of a field; empty where no column fills it. The first or last name may come from the column of the full
// name.
func (p *Plan) name(f field) string {
	switch at := p.Cells[f]; {
	case at >= 0 && p.Header[at] == "":
		return fmt.Sprintf("column %d", at+1)
	case at >= 0:
		return p.Header[at]
	case f == firstName || f == lastName:
		return p.name(fullName)
	}
	return ""
}

// text is the text of a field as it is in the file, without spaces around it; empty where no column fills the field.
func (p *Plan) text(rec *table.Record, f field) string {
	at := p.Cells[f]
	switch {
	case at < 0 || at >= len(rec.Fields):
		return ""
	case f == comment:
		return trimmed(rec.Fields[at])
	case f == score || f == respondedAt || f == lifetimeValue || f == testimonialLikelihood:
		return value.Clean(rec.Stored(at))
	}
	return value.Clean(rec.Fields[at])
}

// cell is the text of a field; empty also where the text stands for a missing value.
func (p *Plan) cell(rec *table.Record, f field) string {
	if text := p.text(rec, f); !value.Missing(text, p.Missing) {
		return text
	}
	return ""
}

// trimmed removes the spaces around a text, and U+0000, which PostgreSQL cannot store.
func trimmed(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		s = strings.ReplaceAll(s, "\x00", "")
	}
	return strings.TrimSpace(s)
}

// columnOf returns the name of the column that filled the argument of a fault; empty where no column did.
func (p *Plan) columnOf(argument string, s intake.Submission) string {
	for f := range fields {
		if argument == fields[f].argument || strings.HasPrefix(argument, fields[f].argument+"[") {
			return p.name(field(f))
		}
	}
	var i int
	if n, err := fmt.Sscanf(argument, "attributes[%d]", &i); n == 1 && err == nil && 0 <= i && i < len(s.Attributes) {
		return s.Attributes[i].Key
	}
	return ""
}
