package importer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
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

func recordBytes(rec *table.Record) (n int) {
	for _, f := range rec.Fields {
		n += len(f)
	}
	return n
}

func (b *batch) rows() int { return len(b.entries) }

func (b *batch) add(rec *table.Record, reader *rowReader) {
	s, warnings, bad := reader.read(rec)
	if bad == nil {
		b.submissions = append(b.submissions, s)
	}
	b.entries = append(b.entries, batchRow{line: rec.Line, bad: bad, warnings: warnings})
	b.bytes += recordBytes(rec)
	b.end = rec.End
}

func (b *batch) reset() {
	clear(b.entries)
	clear(b.submissions)
	*b = batch{entries: b.entries[:0], submissions: b.submissions[:0], end: b.end}
}

// commit submits the batch and reports progress after the commit.
func (im *importing) commit(ctx context.Context) error {
	b := &im.batch
	if b.rows() == 0 {
		return nil
	}
	t, err := im.submitBatch(ctx)
	if err != nil {
		return fmt.Errorf("import lines %d to %d: %w", b.entries[0].line, b.entries[b.rows()-1].line, err)
	}
	im.report = t.report
	for _, r := range t.rejected {
		im.options.Progress.Rejected(r)
	}
	for _, w := range t.warned {
		im.options.Progress.Warned(w)
	}
	im.options.Progress.Committed(im.report, im.plan.progress(b.end))
	b.reset()
	return nil
}

// submitBatch submits the batch and returns its tally. SaveProgress runs in the same transaction.
func (im *importing) submitBatch(ctx context.Context) (t tally, err error) {
	batch, save := im.batch.submissions, im.options.SaveProgress
	if len(batch) == 0 && save == nil {
		return im.tally(nil), nil
	}
	o := intake.SubmitOptions{SkipRules: im.options.SkipRules, SkipNotify: im.options.SkipNotify}
	if save != nil {
		o.Digest = true
		o.BeforeCommit = func(tx *gorm.DB, outcomes []intake.Outcome) error {
			return save(tx, Saved{Report: im.tally(outcomes).report, Bytes: im.plan.progress(im.batch.end), Told: told(outcomes)})
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
	im.pace.adjust(len(batch), t.report.ResponsesCreated-im.report.ResponsesCreated, im.options.Now().Sub(began))
	return t, nil
}

// Saved is what is stored with a batch: the report so far, the number of bytes of the file that it covers, and who is to be told
// of old responses of this batch.
type Saved struct {
	Report *Report
	Bytes  int64
	Told   []Digest
}

// Digest counts the old responses of which one address is told: those whose cases are the recipient's, and those of which a rule
// alerts the recipient.
type Digest struct {
	To             string
	Assigned, Told int
}

// told counts for each address, in the order in which they come.
func told(outcomes []intake.Outcome) (list []Digest) {
	at := map[string]int{}
	for _, o := range outcomes {
		for _, t := range o.Told {
			i, known := at[model.Fold(t.To)]
			if !known {
				i, at[model.Fold(t.To)] = len(list), len(list)
				list = append(list, Digest{To: t.To})
			}
			if t.Assigned {
				list[i].Assigned++
			} else {
				list[i].Told++
			}
		}
	}
	return list
}

// tally is the report including one more batch, with the rejections and warnings of that batch.
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

// count adds one outcome to the report, or returns the rejection where the outcome is a fault.
func (im *importing) count(r *Report, o intake.Outcome, s intake.Submission) *RowRejection {
	switch {
	case o.Fault != nil:
		var f *fault.Error
		if errors.As(o.Fault, &f) {
			return &RowRejection{Column: im.plan.columnOf(f.Argument, s), Reason: f.Message}
		}
		return &RowRejection{Reason: o.Fault.Error()}
	case o.SubmitResponsePayload == nil:
		r.ResponsesKnown++
	case o.Created:
		r.ResponsesCreated++
	case len(o.Changed) > 0:
		r.ResponsesChanged++
	default:
		r.ResponsesKnown++
	}
	if o.Opened {
		r.CasesOpened++
	}
	if o.PastTarget {
		r.PastTarget++
	}
	if o.JoinedByName {
		r.JoinedByName++
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
