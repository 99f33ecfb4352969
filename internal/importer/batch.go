package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
)

const (
	firstBatch = 100
	leastBatch = 10
	mostBatch  = 1000
	batchBytes = 4 << 20 // of the file; bounds the memory where rows are long

	// aim is how long a batch should take. It holds locks on its customers, and whoever submits a response of one of
	// them waits that long; much shorter, and the commits cost more than the rows.
	aim = 200 * time.Millisecond
)

// batch is the rows that go in together, in the order of the file.
type batch struct {
	entries     []entry
	submissions []casework.Submission
	bytes       int
	end         int64 // how far into the file it reaches
}

// entry is one row: a submission, or why it is none.
type entry struct {
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
	b.entries = append(b.entries, entry{line: rec.line, bad: bad, warnings: warnings})
	b.bytes += int(rec.end - b.end)
	b.end = rec.end
}

func (b *batch) reset() {
	clear(b.entries)
	clear(b.submissions)
	*b = batch{entries: b.entries[:0], submissions: b.submissions[:0], end: b.end}
}

// commit takes the batch in and, once that is certain, counts it and says so.
func (im *importing) commit(ctx context.Context) error {
	b := &im.batch
	if b.rows() == 0 {
		return nil
	}
	outcomes, err := im.submitBatch(ctx)
	if err != nil {
		return fmt.Errorf("take in lines %d to %d: %w", b.entries[0].line, b.entries[b.rows()-1].line, err)
	}
	for _, e := range b.entries {
		im.report.Rows++
		if e.bad == nil {
			o := outcomes[0]
			s := b.submissions[len(b.submissions)-len(outcomes)]
			outcomes = outcomes[1:]
			e.bad = im.count(o, s)
		}
		if e.bad != nil {
			e.bad.Line = e.line
			im.reject(*e.bad)
			continue
		}
		for _, w := range e.warnings {
			w.Line = e.line
			im.warn(w)
		}
	}
	im.options.Progress.Committed(im.report, b.end)
	b.reset()
	return nil
}

func (im *importing) submitBatch(ctx context.Context) ([]casework.Outcome, error) {
	batch := im.batch.submissions
	if len(batch) == 0 {
		return nil, nil
	}
	began := im.options.Now()
	outcomes, err := im.submit.SubmitAll(ctx, im.viewer, batch,
		casework.SubmitOptions{SkipRules: im.options.SkipRules, SkipNotify: im.options.SkipNotify})
	if err != nil {
		return nil, err
	}
	if len(outcomes) != len(batch) {
		return nil, fmt.Errorf("%d outcomes for %d responses", len(outcomes), len(batch))
	}
	created := 0
	for _, o := range outcomes {
		if o.Fault == nil && o.SubmitResponsePayload != nil && o.Created {
			created++
		}
	}
	im.pace.learn(len(batch), created, im.options.Now().Sub(began))
	return outcomes, nil
}

// count enters one outcome into the report, or gives the rejection that it is.
func (im *importing) count(o casework.Outcome, s casework.Submission) *RowRejection {
	switch {
	case o.Fault != nil:
		var f *fault.Error
		if errors.As(o.Fault, &f) {
			return &RowRejection{Column: im.reader.layout.columnOf(f.Argument, s), Reason: f.Message}
		}
		return &RowRejection{Reason: o.Fault.Error()}
	case o.SubmitResponsePayload == nil || !o.Created:
		im.report.ResponsesKnown++
	default:
		im.report.ResponsesCreated++
		if o.Case != nil {
			im.report.CasesOpened++
		}
	}
	return nil
}

// pace adapts the size of batches to how long the last one took.
type pace struct{ size int }

// learn grows to the double at most, and shrinks at once as far as it must. It grows only by batches of mostly new
// rows: those that were known already cost little, and where an import goes on, the first new ones come after many.
func (p *pace) learn(rows, created int, took time.Duration) {
	fits := mostBatch
	if took > 0 {
		fits = int(min(float64(aim)*float64(rows)/float64(took), mostBatch))
	}
	most := 2 * p.size
	if 2*created < rows {
		most = p.size
	}
	p.size = max(leastBatch, min(fits, most))
}
