package importer

import (
	"slices"

	"github.com/closeloop/closeloop/model"
)

// listedMax is how many rejections, and how many warnings, a report keeps and a terminal shows.
const listedMax = 100

// Report is the result of an import so far. Rows = ResponsesCreated + ResponsesKnown + RowsRejected.
type Report struct {
	Rows             int // processed rows; the header and blank lines do not count
	ResponsesCreated int
	ResponsesKnown   int // responses that existed before, for example from an earlier run over the same file
	CasesOpened      int
	RowsRejected     int
	Warnings         int
	Rejections       []RowRejection // the first hundred
	WarningList      []RowRejection // the first hundred; these rows were imported
}

// RowRejection is a row that was not imported, with the reason; as a warning, it is a row that was imported with something
// odd in it.
type RowRejection = model.RowRejection

// Progress receives the progress of an import after each committed batch, in the order of the file.
type Progress interface {
	Rejected(r RowRejection)
	Warned(w RowRejection)
	// Committed receives the report so far, and the number of bytes of the file that it covers. It must not change the
	// report.
	Committed(done *Report, bytes int64)
}

type noProgress struct{}

func (noProgress) Rejected(RowRejection)    {}
func (noProgress) Warned(RowRejection)      {}
func (noProgress) Committed(*Report, int64) {}

func (r *Report) clone() *Report {
	c := *r
	c.Rejections, c.WarningList = slices.Clone(r.Rejections), slices.Clone(r.WarningList)
	return &c
}

func (r *Report) reject(row RowRejection) {
	r.RowsRejected++
	if len(r.Rejections) < listedMax {
		r.Rejections = append(r.Rejections, row)
	}
}

func (r *Report) warn(row RowRejection) {
	r.Warnings++
	if len(r.WarningList) < listedMax {
		r.WarningList = append(r.WarningList, row)
	}
}

// warn reports a warning about the file as a whole.
func (im *importing) warn(w RowRejection) {
	im.report.warn(w)
	im.options.Progress.Warned(w)
}
