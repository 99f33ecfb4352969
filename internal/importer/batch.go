package importer

import (
	"errors"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
)

const (
	firstBatch = 100
	leastBatch = 10
	mostBatch  = 1000
	batchBytes = 4 << 20 // of the file; limits the memory where rows are long

	// batchTarget is how long a batch should take. A batch locks its customers, so that other responses of these customers
	// wait that long. With a much shorter time, the commits would cost more than the rows.
	batchTarget = 200 * time.Millisecond
)

// batch holds the rows that are submitted together, in the order of the file.
type batch struct {
	entries     []batchRow
	submissions []intake.Submission
	bytes       int
	end         int64 // offset in the file after the batch, in bytes
}

// batchRow is one row of the file; bad says why the row has no submission.
type batchRow struct {
	line     int
	bad      *RowRejection
	warnings []RowRejection
}

func (b *batch) rows() int { return len(b.entries) }

func (b *batch) add(rec record, reader *rowReader) {
	s, warnings, bad := reader.read(rec)
	if bad == nil {
		b.submissions = append(b.submissions, s)
	}
	b.entries = append(b.entries, batchRow{line: rec.line, bad: bad, warnings: warnings})
	b.bytes += int(rec.end - b.end)
	b.end = rec.end
}

// countOne adds one outcome to the report, or returns the rejection where the outcome is a fault.
func (im *importing) countOne(r *Report, o intake.Outcome, s intake.Submission) *RowRejection {
	switch {
	case o.Fault != nil:
		var f *fault.Error
		if errors.As(o.Fault, &f) {
			return &RowRejection{Column: im.reader.layout.columnOf(f.Argument, s), Reason: f.Message}
		}
		return &RowRejection{Reason: o.Fault.Error()}
	case o.SubmitResponsePayload == nil || !o.Created:
		r.ResponsesKnown++
	default:
		r.ResponsesCreated++
		if o.Case != nil {
			r.CasesOpened++
		}
	}
	return nil
}

// pace adapts the size of batches to the duration of the last batch.
type pace struct{ size int }

// adjust at most doubles the size, but shrinks it at once as far as necessary. It grows the size only after a batch of
// mostly new rows: known rows cost little, and an import that continues begins with many of them.
func (p *pace) adjust(rows, created int, took time.Duration) {
	fits := mostBatch
	if took > 0 {
		fits = int(min(float64(batchTarget)*float64(rows)/float64(took), mostBatch))
	}
	most := 2 * p.size
	if 2*created < rows {
		most = p.size
	}
	p.size = max(leastBatch, min(fits, most))
}
