package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
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
	submissions []intake.Submission
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

// commit takes the batch in and, once that is certain, says so.
func (im *importing) commit(ctx context.Context) error {
	b := &im.batch
	if b.rows() == 0 {
		return nil
	}
	t, err := im.submitBatch(ctx)
	if err != nil {
		return fmt.Errorf("take in lines %d to %d: %w", b.entries[0].line, b.entries[b.rows()-1].line, err)
	}
	im.report = t.report
	for _, r := range t.rejected {
		im.options.Progress.Rejected(r)
	}
	for _, w := range t.warned {
		im.options.Progress.Warned(w)
	}
	im.options.Progress.Committed(im.report, b.end)
	b.reset()
	return nil
}

// submitBatch takes the batch in and counts it: in the same transaction where the count is kept.
func (im *importing) submitBatch(ctx context.Context) (t tally, err error) {
	batch, keep := im.batch.submissions, im.options.Keep
	if len(batch) == 0 && keep == nil {
		return im.tally(nil), nil
	}
	o := intake.SubmitOptions{SkipRules: im.options.SkipRules, SkipNotify: im.options.SkipNotify}
	if keep != nil {
		o.Also = func(tx *gorm.DB, outcomes []intake.Outcome) error {
			return keep(tx, im.tally(outcomes).report, im.batch.end)
		}
	}
	began := im.options.Now()
	outcomes, err := im.submit.SubmitAll(ctx, im.viewer, batch, o)
	if err != nil {
		return t, err
	}
	if len(outcomes) != len(batch) {
		return t, fmt.Errorf("%d outcomes for %d responses", len(outcomes), len(batch))
	}
	t = im.tally(outcomes)
	im.pace.learn(len(batch), t.report.ResponsesCreated-im.report.ResponsesCreated, im.options.Now().Sub(began))
	return t, nil
}

// tally is the report with one batch more, and what is to be told of that batch.
type tally struct {
	report           *Report
	rejected, warned []RowRejection
}

func (im *importing) tally(outcomes []intake.Outcome) tally {
	t := tally{report: im.report.clone()}
	submissions := im.batch.submissions
	for _, e := range im.batch.entries {
		t.report.Rows++
		bad := e.bad
		if bad == nil {
			bad = im.count(t.report, outcomes[0], submissions[0])
			outcomes, submissions = outcomes[1:], submissions[1:]
		}
		if bad != nil {
			at := *bad
			at.Line = e.line
			t.report.reject(at)
			t.rejected = append(t.rejected, at)
			continue
		}
		for _, w := range e.warnings {
			w.Line = e.line
			t.report.warn(w)
			t.warned = append(t.warned, w)
		}
	}
	return t
}

// count enters one outcome into the report, or gives the rejection that it is.
func (im *importing) count(r *Report, o intake.Outcome, s intake.Submission) *RowRejection {
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
