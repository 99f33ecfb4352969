// Package importer owns the import of files: it reads CSV, maps columns to the fields of a response and its customer, and
// submits the rows in batches, each of which is one transaction.
//
// It does not write responses; package intake does. It does not guess: a cell that can be read in two ways rejects its row,
// with the line, the column and the accepted forms, and the import continues with the other rows.
//
// A second import of the same file adds nothing, because every row has an identity (see identity.go). An import that was
// stopped therefore does not have to store its progress: the same command continues where the import stopped.
//
// The file is streamed. Memory holds one record of at most 1 MiB, one batch, and 20 to 40 bytes for each row without an
// external id.
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

// Submitter submits a batch in one transaction.
type Submitter interface {
	SubmitAll(ctx context.Context, viewer auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error)
}

// Options say how a file is read, and whether its responses open cases and send mails.
type Options struct {
	Columns    Columns
	Survey     string           // of rows without a survey of their own
	TimeZone   *time.Location   // of times without a time zone; nil: UTC
	SkipRules  bool             // only store the responses: open no cases and send no alerts
	SkipNotify bool             // open cases, but send no mail
	Progress   Progress         // may be nil
	Now        func() time.Time // nil: time.Now; measures how long a batch takes

	// Done is the report of an earlier run over the same file; nil where there was none. The import reads the rows that Done
	// covers again, because the identity of a row can depend on earlier rows, but does not submit them again.
	Done *Report
	// SaveProgress stores the report, and the number of bytes of the file that the report covers, in the transaction of each
	// batch. It may be nil.
	SaveProgress func(tx *gorm.DB, done *Report, bytes int64) error
}

// Import submits the rows of a CSV file. Where the file or the columns are wrong, it returns a *fault.Error below `file` or
// `columns` before any row is submitted, and no report. After that it always returns a report of what is committed, even
// when an error stops the import. That error wraps its cause (context.Canceled where ctx ended) and says that the same
// command continues the import.
func Import(ctx context.Context, submit Submitter, viewer auth.Viewer, file io.Reader, o Options) (*Report, error) {
	if o.TimeZone == nil {
		o.TimeZone = time.UTC
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	records := newRecords(file, maxRecord)
	l, unnamed, err := readHeader(records, o.Columns)
	if err != nil {
		return nil, err
	}
	im := &importing{
		options: o, submit: submit, viewer: viewer, records: records, report: new(Report),
		reader: rowReader{layout: l, survey: o.Survey, times: times{zone: o.TimeZone}, seen: occurrences{}},
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
		return im.report, fmt.Errorf("the import stopped after %s rows; run the same command again to continue, no row is imported twice: %w",
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
	skip    int // number of rows that an earlier run has processed
}

// run reads rows until the file ends. When ctx ends, the current batch is rolled back or has not begun, so that the report
// counts exactly what is committed.
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

// blank reports whether all cells of a record are empty. Spreadsheets write such records below the last row; the import skips
// them like empty lines.
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
