package importer

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// store replaces the database: it keeps submissions by external id, and opens a case for each detractor.
type store struct {
	kept    []intake.Submission // in order
	known   map[string]bool
	batches []int
	options intake.SubmitOptions

	before func(batch []intake.Submission) error // may fail the whole batch
	fault  func(intake.Submission) error         // may refuse one submission
}

func (s *store) SubmitAll(ctx context.Context, _ auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error) {
	if s.before != nil {
		if err := s.before(batch); err != nil {
			return nil, err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if s.known == nil {
		s.known = map[string]bool{}
	}
	s.batches, s.options = append(s.batches, len(batch)), o
	outcomes := make([]intake.Outcome, len(batch))
	for i, one := range batch {
		if s.fault != nil {
			if outcomes[i].Fault = s.fault(one); outcomes[i].Fault != nil {
				continue
			}
		}
		p := &intake.SubmitResponsePayload{Created: !s.known[*one.ExternalID]}
		if one.Score <= 6 && !o.SkipRules {
			p.Case = &model.Case{}
		}
		outcomes[i].SubmitResponsePayload, outcomes[i].Opened = p, p.Created && p.Case != nil
		if p.Created {
			s.known[*one.ExternalID] = true
			s.kept = append(s.kept, one)
		}
	}
	return outcomes, nil
}

// run are the options of both passes.
type run struct {
	Reading
	Options
}

// keep imports the text into the store with the options.
func (s *store) keep(t *testing.T, file string, o run) (*Report, error) {
	t.Helper()
	return s.keepFrom(t.Context(), strings.NewReader(file), o)
}

func (s *store) keepFrom(ctx context.Context, file io.ReadSeeker, o run) (*Report, error) {
	plan, err := Inspect(file, o.Reading)
	if err != nil {
		return nil, err
	}
	return Import(ctx, s, auth.Viewer{}, file, plan, o.Options)
}

// take imports a text into a new store. The import must end without an error, but may reject rows.
func take(t *testing.T, file string, c Columns) (*store, *Report) {
	t.Helper()
	s := new(store)
	report, err := s.keep(t, file, run{Reading: Reading{Columns: c}})
	if err != nil {
		t.Fatal(err)
	}
	return s, report
}

// one imports a file of one row, which must not be rejected or cause a warning, and returns the submission.
func one(t *testing.T, file string, c Columns) intake.Submission {
	t.Helper()
	s, report := take(t, file, c)
	if len(s.kept) != 1 || report.RowsRejected+report.Warnings > 0 {
		t.Fatalf("%d rows were imported, want 1 without warnings: %+v", len(s.kept), report)
	}
	return s.kept[0]
}

// watch records the progress.
type watch struct {
	rejected, warned []RowRejection
	done             []Report
	bytes            []int64
}

func (w *watch) Scanned(int64)           {}
func (w *watch) Rejected(r RowRejection) { w.rejected = append(w.rejected, r) }
func (w *watch) Warned(r RowRejection)   { w.warned = append(w.warned, r) }
func (w *watch) Committed(done *Report, bytes int64) {
	w.done, w.bytes = append(w.done, *done), append(w.bytes, bytes)
}

// clock is a clock whose time only the test changes.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

// failing reads the text once, and fails behind it the second time.
type failing struct {
	*strings.Reader
	passes int
	err    error
}

func (f *failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF && f.passes > 4 { // its head, its bytes, its first records, and the first pass
		err = f.err
	}
	return n, err
}

func (f *failing) Seek(offset int64, whence int) (int64, error) {
	if whence == io.SeekStart {
		f.passes++
	}
	return f.Reader.Seek(offset, whence)
}
