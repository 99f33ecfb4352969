package importer

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
type RowRejection struct {
	Line   int    // the physical line of the file on which the row starts, from 1
	Column string // as in the file's header; empty where no one column is at fault
	Reason string
}

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

func (im *importing) reject(r RowRejection) {
	im.report.RowsRejected++
	if len(im.report.Rejections) < listed {
		im.report.Rejections = append(im.report.Rejections, r)
	}
	im.options.Progress.Rejected(r)
}

func (im *importing) warn(w RowRejection) {
	im.report.Warnings++
	if len(im.report.WarningList) < listed {
		im.report.WarningList = append(im.report.WarningList, w)
	}
	im.options.Progress.Warned(w)
}
