package importer

import (
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/value"
)

// noColumn says that no column fills a field.
const noColumn = "-"

// assignment is how the columns of a file are given to fields.
type assignment struct {
	*header
	plan   *Plan
	closed [fieldCount]bool // fields that the caller has decided
	usual  [fieldCount]bool // fields that were found by a usual name
}

// assign gives columns to fields: first as the caller says, then as the tool's preset does, then by usual names and questions.
func (p *Plan) assign(h *header, c Columns, known *preset) (*assignment, error) {
	a := &assignment{header: h, plan: p}
	var faults []error
	for f, said := range c.named() {
		p.Cells[f] = -1
		switch said = strings.TrimSpace(said); said {
		case "":
		case noColumn:
			a.closed[f] = true
		default:
			at, err := h.find(field(f), said)
			if err != nil {
				faults = append(faults, err)
				continue
			}
			a.give(field(f), at, "as you said")
		}
	}
	if err := fault.Join(faults...); err != nil {
		return nil, err
	}
	// One person's name is not taken from two places.
	switch {
	case p.Cells[fullName] >= 0:
		a.closed[firstName], a.closed[lastName] = true, true
	case p.Cells[firstName] >= 0 || p.Cells[lastName] >= 0:
		a.closed[fullName] = true
	}
	if known != nil {
		p.found("preset", known.name, "the header is that of its export")
		for f := range fieldCount {
			a.byNames(f, known.columns[f], "as "+known.name+" calls it")
		}
		a.byTool(known)
	}
	for f, names := range usualNames {
		a.usual[f] = a.byNames(field(f), names, "a usual name")
	}
	a.byQuestion(score, recommending)
	a.byQuestion(comment, explaining)
	return a, a.finish()
}

func (a *assignment) give(f field, at int, why string) {
	a.plan.Cells[f], a.taken[at], a.closed[f] = at, true, true
	a.plan.found(fields[f].name, a.shown(at), why)
}

// shown names a column for people.
func (a *assignment) shown(at int) string {
	if a.names[at] == "" {
		return fmt.Sprintf("column %d", at+1)
	}
	return a.names[at]
}

// byNames gives the first column that is called by one of the names. Of two with one name, neither is taken.
func (a *assignment) byNames(f field, names, why string) bool {
	for name := range strings.SplitSeq(names, "|") {
		if a.closed[f] || name == "" {
			return false
		}
		var free []int
		for _, at := range a.withKey(name) {
			if !a.taken[at] {
				free = append(free, at)
			}
		}
		switch len(free) {
		case 0:
		case 1:
			a.give(f, free[0], why)
			return true
		default:
			a.plan.found("attributes", a.names[free[0]], fmt.Sprintf("%d columns are called so; to take one, name its position, such as %s %d (columns.%s)",
				len(free), fields[f].flag, free[0]+1, fields[f].name))
			a.closed[f] = true
		}
	}
	return false
}

// byQuestion gives the only column whose name is such a question.
func (a *assignment) byQuestion(f field, questions string) {
	found := -1
	for at := range a.names {
		for _, k := range a.keys[at] {
			if a.taken[at] || a.closed[f] || !asks(k, questions) || found == at {
				continue
			}
			if found >= 0 { // two questions of the kind; the score is asked for, and a comment is an attribute
				return
			}
			found = at
		}
	}
	if found >= 0 {
		a.give(f, found, "its question")
	}
}

// byTool takes what only the place of a column tells.
func (a *assignment) byTool(known *preset) {
	switch known.name {
	case "qualtrics":
		found := -1
		for _, name := range a.said {
			id, isGroup := strings.CutSuffix(name[0], "_NPS_GROUP")
			if !isGroup {
				continue
			}
			for i := range a.said {
				if a.said[i][0] == id && !a.taken[i] {
					if found >= 0 {
						return // two such questions
					}
					found = i
				}
			}
		}
		if found >= 0 && !a.closed[score] {
			a.give(score, found, "the question of the type NPS")
		}
	case "typeform":
		for at, name := range a.said {
			if name[0] == "#" && !a.taken[at] && !a.closed[responseExternalID] {
				a.give(responseExternalID, at, "as typeform calls it")
			}
		}
	}
}

// finish checks that the score has a column, and lists what becomes of the others.
func (a *assignment) finish() error {
	if a.plan.Cells[score] < 0 {
		hint := ""
		if len(a.names) == 1 {
			hint = "; if the columns are not separated rightly, say it by --separator (separator)"
		}
		return fault.Input("columns.score", "which column has the score from 0 to 10? Name it by --score (columns.score); the header has %s%s", a.list(), hint)
	}
	var rest []string
	for at, name := range a.names {
		switch {
		case a.taken[at]:
		case name == "":
			a.plan.Warnings = append(a.plan.Warnings, RowRejection{Line: a.line, Reason: fmt.Sprintf("column %d has no name in the header; its cells are ignored", at+1)})
		default:
			rest = append(rest, value.Shorten(name))
		}
	}
	if len(rest) > attributesMax {
		a.plan.Warnings = append(a.plan.Warnings, RowRejection{Line: a.line,
			Reason: fmt.Sprintf("the file has %d further columns; of each row, the first %d that are not empty are kept as attributes", len(rest), attributesMax)})
	}
	if len(rest) > 0 {
		a.plan.found("attributes", strings.Join(rest[:min(len(rest), 20)], ", ")+more(len(rest)-20), "all other columns")
	}
	a.plan.Header, a.plan.Line = a.names, a.line
	return nil
}

func more(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprintf(" and %d more", n)
}
