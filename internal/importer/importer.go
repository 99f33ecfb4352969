// Package importer owns files on their way into the intake: it reads CSV, maps columns to a response and its customer,
// and hands the rows on in batches, each of which is one transaction.
//
// It refuses to write anything itself, and to guess: a cell that can be read in two ways rejects its row, with the
// line, the column and words on what is taken. The rest of the file goes in.
//
// The same file twice adds nothing, because every row has an identity (see identity.go). So an import that was stopped
// needs no memory of how far it came: the same command goes on where it stopped.
//
// The file is streamed: one record of 1 MiB at most and one batch are in memory, and 20 to 40 bytes for each row that
// has no external id of its own.
package importer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/intake"
)

// Submitter takes a batch in, as one transaction; intake.Intake does.
type Submitter interface {
	SubmitAll(ctx context.Context, viewer auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error)
}

// Options say how a file is read and what it sets off.
type Options struct {
	Columns    Columns
	Survey     string           // of rows that name none themselves
	TimeZone   *time.Location   // of times without one; nil: UTC
	SkipRules  bool             // only store; open no case and tell nobody
	SkipNotify bool             // open cases but mail nobody
	Progress   Progress         // nil: nobody is told
	Now        func() time.Time // nil: time.Now; measures how long a batch takes

	// Done is what an earlier run over the same file reported; nil: none. Its rows are read again, because the identity
	// of a row can depend on those before it, but not taken in again.
	Done *Report
	// Keep keeps the report, and how many bytes of the file it covers, in the transaction of each batch; nil: nobody does.
	Keep func(tx *gorm.DB, done *Report, bytes int64) error
}

// Import takes the rows of a CSV file in. Faults of the file or of the columns (a *fault.Error below `file` or
// `columns`) come before any row has gone in, and with no report. After that there is always a report, and it says
// what is committed, also where an error stopped the import: that error wraps its cause (context.Canceled where ctx
// ended) and says that the same command goes on.
func Import(ctx context.Context, submit Submitter, viewer auth.Viewer, file io.Reader, o Options) (*Report, error) {
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = silence{}
	}
	records := newRecords(file, maxRecord)
	l, unnamed, err := readHeader(records, o.Columns)
	if err != nil {
		return nil, err
	}
	im := &importing{
		options: o, submit: submit, viewer: viewer, records: records, report: new(Report),
		reader: rowReader{layout: l, survey: o.Survey, zone: o.TimeZone, seen: occurrences{}},
		pace:   pace{size: firstBatch},
	}
	if o.Done != nil {
		im.report, im.skip = o.Done, o.Done.Rows
	} else {
		for _, w := range unnamed {
			im.warn(w)
		}
	}
	if err := im.run(ctx); err != nil {
		return im.report, fmt.Errorf("the import stopped after %s rows; the same command goes on from there, and nothing goes in twice: %w",
			grouped(im.report.Rows), err)
	}
	return im.report, nil
}

type importing struct {
	options Options
	submit  Submitter
	viewer  auth.Viewer
	records *records
	reader  rowReader
	pace    pace
	batch   batch
	report  *Report
	skip    int // rows that an earlier run has dealt with
}

// run reads rows until the file ends. Where ctx ends, the batch under way is rolled back or was not begun: what the
// report counts is committed.
func (im *importing) run(ctx context.Context) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := im.records.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if blank(rec) {
			continue
		}
		if im.skip > 0 {
			im.skip--
			_, _, _ = im.reader.read(rec)
			im.batch.end = rec.end
			continue
		}
		im.batch.add(rec, &im.reader)
		if im.batch.rows() >= im.pace.size || im.batch.bytes >= batchBytes {
			if err := im.commit(ctx); err != nil {
				return err
			}
		}
	}
	if err := im.commit(ctx); err != nil {
		return err
	}
	if im.report.Rows == 0 {
		im.warn(RowRejection{Line: im.reader.layout.line, Reason: "the file has a header and no rows"})
	}
	return nil
}

// blank tells a record of nothing but empty cells, as spreadsheets write below the last row; it is passed over like
// an empty line.
func blank(rec record) bool {
	if rec.broken != "" {
		return false
	}
	for _, f := range rec.fields {
		if f != "" {
			return false
		}
	}
	return true
}
