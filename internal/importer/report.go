package importer

import (
	"slices"
	"strconv"

	"github.com/closeloop/closeloop/model"
)

// listedMax is how many rejections, and how many warnings, a report keeps and a terminal shows.
const listedMax = 100

// Report is the result of an import so far. Rows = ResponsesCreated + ResponsesChanged + ResponsesKnown +
// RowsRejected.
type Report struct {
	Rows             int // processed rows; the header and blank lines do not count
	ResponsesCreated int
	ResponsesChanged int // responses that existed before, and that the file completes or corrects
	ResponsesKnown   int // responses that existed before, for example from an earlier run over the same file
	JoinedByName     int // responses whose customer was known and was found by name, country and company alone
	CasesOpened      int
	PastTarget       int // of the opened cases, those that were past their target already
	RowsRejected     int
	Warnings         int
	Rejections       []RowRejection // the first hundred
	WarningList      []RowRejection // the first hundred; these rows were imported
}

// RowRejection is a row that was not imported, with the reason; as a warning, it is a row that was imported with something
// odd in it.
type RowRejection = model.RowRejection

// Finding is one thing that was found about a file, or that the caller said.
type Finding = model.ImportFinding

// Progress receives the progress of the first pass, and that of the second one after each committed batch, in the order of the
// file.
type Progress interface {
	// Scanned receives how much of the file the first pass has read, in bytes.
	Scanned(bytes int64)
	Rejected(r RowRejection)
	Warned(w RowRejection)
	// Committed receives the report so far, and the number of bytes of the file that it covers. It must not change the
	// report.
	Committed(done *Report, bytes int64)
}

type noProgress struct{}

func (noProgress) Scanned(int64)            {}
func (noProgress) Rejected(RowRejection)    {}
func (noProgress) Warned(RowRejection)      {}
func (noProgress) Committed(*Report, int64) {}

// None reports whether nothing went in, although there were rows.
func (r *Report) None() bool { return r.RowsRejected > 0 && r.RowsRejected == r.Rows }

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

// counted writes a number with its noun, such as 1 row and 1,257 rows.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes a number with commas between groups of three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
