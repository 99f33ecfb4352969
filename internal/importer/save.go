package importer

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/intake"
)

// saving is a batch while it is saved, by a goroutine of its own.
type saving struct {
	batch
	from   *Report       // what was committed before; nil: what the batch before has committed
	before *saving       // the batch before, if it was being saved when this one began
	ended  chan struct{} // closed when the transaction has ended; the fields below are set then
	err    error
	tally  tally
	took   time.Duration
}

// commit begins to save the batch that was read. Without Overlap it waits until the batch is saved; with it, there are two at
// most, and the next one is read meanwhile.
func (im *importing) commit(ctx context.Context) error {
	if im.batch.rows() == 0 {
		return nil
	}
	for len(im.saving) > 1 {
		if err := im.settle(); err != nil {
			return err
		}
	}
	s := &saving{batch: im.batch, from: im.report, ended: make(chan struct{})}
	if len(im.saving) > 0 {
		s.from, s.before = nil, im.saving[0]
	}
	im.batch = batch{end: s.end}
	im.saving = append(im.saving, s)
	go func() {
		defer close(s.ended)
		s.err = im.save(ctx, s)
		s.before = nil // which has one before it, too
	}()
	if im.options.Overlap {
		return nil
	}
	return im.settle()
}

// settle waits for the oldest batch that is being saved, and reports progress. A batch behind one that has failed fails too.
func (im *importing) settle() error {
	s := im.saving[0]
	<-s.ended
	im.saving = im.saving[1:]
	if s.err != nil {
		return fmt.Errorf("import lines %d to %d: %w", s.entries[0].line, s.entries[s.rows()-1].line, s.err)
	}
	im.pace.adjust(len(s.submissions), s.tally.created, s.took)
	im.report = s.tally.report
	for _, r := range s.tally.rejected {
		im.options.Progress.Rejected(r)
	}
	for _, w := range s.tally.warned {
		im.options.Progress.Warned(w)
	}
	im.options.Progress.Committed(im.report, s.end)
	return nil
}

// settleAll waits for all batches that are being saved, and returns the first error.
func (im *importing) settleAll() (first error) {
	for len(im.saving) > 0 {
		if err := im.settle(); first == nil {
			first = err
		}
	}
	return first
}

// committed waits until the batch is committed; see intake.Behind.
func (s *saving) committed(ctx context.Context) error {
	select {
	case <-s.ended:
		return s.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// save submits a batch. SaveProgress runs in the same transaction.
func (im *importing) save(ctx context.Context, s *saving) error {
	o := intake.SubmitOptions{SkipRules: im.options.SkipRules, SkipNotify: im.options.SkipNotify}
	if s.before != nil {
		o.Behind = &intake.Behind{Batch: s.before.submissions, Committed: s.before.committed}
	}
	if save := im.options.SaveProgress; save != nil {
		o.BeforeCommit = func(tx *gorm.DB, outcomes []intake.Outcome) error {
			return save(tx, im.count(s, outcomes).report, s.end)
		}
	} else if len(s.submissions) == 0 {
		if s.before != nil {
			if err := s.before.committed(ctx); err != nil {
				return err
			}
		}
		s.tally = im.count(s, nil)
		return nil
	}
	began := im.options.Now()
	outcomes, err := im.submit.SubmitAll(ctx, im.viewer, s.submissions, o)
	if err != nil {
		return err
	}
	if len(outcomes) != len(s.submissions) {
		return fmt.Errorf("%d outcomes for %d responses", len(outcomes), len(s.submissions))
	}
	s.took = im.options.Now().Sub(began)
	s.tally = im.count(s, outcomes)
	return nil
}

// tally is the report including one more batch, with what is new in that batch.
type tally struct {
	report           *Report
	created          int
	rejected, warned []RowRejection
}

// count counts the outcomes of a batch. The batch before it has ended.
func (im *importing) count(s *saving, outcomes []intake.Outcome) tally {
	from := s.from
	if from == nil {
		from = s.before.tally.report
	}
	t := tally{report: from.clone()}
	submissions := s.submissions
	for _, e := range s.entries {
		t.report.Rows++
		bad := e.bad
		if bad == nil {
			bad = im.countOne(t.report, outcomes[0], submissions[0])
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
	t.created = t.report.ResponsesCreated - from.ResponsesCreated
	return t
}
