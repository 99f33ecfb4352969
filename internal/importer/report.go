package importer

import (
	"slices"

	"github.com/closeloop/closeloop/model"
)

// listed is how many rejections, and how many warnings, are kept in a report and shown on a terminal.
const listed = 100

// Report is what an import has done so far. Rows = ResponsesCreated + ResponsesKnown + RowsRejected.
type Report struct {
	Rows             int // rows that are dealt with; the header and blank lines are none
	ResponsesCreated int
	ResponsesKnown   int // had been taken in before, as by an earlier run over the same file
	CasesOpened      int
	RowsRejected     int
	Warnings         int
	Rejections       []RowRejection // the first hundred
	WarningList      []RowRejection // the first hundred; these rows went in
}

// RowRejection is a row that did not go in and why, or, as a warning, what was odd in one that did.
type RowRejection = model.RowRejection

// Progress is told how an import goes, in the order of the file, once for each batch that is committed.
type Progress interface {
	Rejected(r RowRejection)
	Warned(w RowRejection)
	// Committed says what is done by now, and how many bytes of the file that covers. The report is not to be changed.
	Committed(done *Report, bytes int64)
}

type silence struct{}

func (silence) Rejected(RowRejection)    {}
func (silence) Warned(RowRejection)      {}
func (silence) Committed(*Report, int64) {}

func (r *Report) clone() *Report {
	c := *r
	c.Rejections, c.WarningList = slices.Clone(r.Rejections), slices.Clone(r.WarningList)
	return &c
}

func (r *Report) reject(row RowRejection) {
	r.RowsRejected++
	if len(r.Rejections) < listed {
		r.Rejections = append(r.Rejections, row)
	}
}

func (r *Report) warn(row RowRejection) {
	r.Warnings++
	if len(r.WarningList) < listed {
		r.WarningList = append(r.WarningList, row)
	}
}

// warn tells of the file at large.
func (im *importing) warn(w RowRejection) {
	im.report.warn(w)
	im.options.Progress.Warned(w)
}
