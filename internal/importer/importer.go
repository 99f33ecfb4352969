// Package importer owns the import of files: it finds how a file is to be read, maps its columns to the fields of a response and
// its customer, and submits the rows in batches, each of which is one transaction.
//
// A file is read twice. Inspect reads all of it and returns a Plan, or asks the caller what the file leaves open; Import submits
// the rows as the Plan says. Package table makes records of a file, package value reads cells.
//
// It does not write responses; package intake does. It does not guess: what can be read in two ways is decided by the column as
// a whole, or asked. A row without a score is rejected, with its line and the reason; any other value that cannot be read is kept
// as an attribute, with a warning, and the answer goes in.
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
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// Submitter submits a batch in one transaction.
type Submitter interface {
	SubmitAll(ctx context.Context, viewer auth.Viewer, batch []intake.Submission, o intake.SubmitOptions) ([]intake.Outcome, error)
}

// Options say whether the responses of a file open cases and send mails.
type Options struct {
	Survey     string                   // of rows without a survey of their own
	SkipRules  bool                     // only store the responses: open no cases and send no alerts
	SkipNotify bool                     // open cases, but send no mail
	OnConflict intake.OnConflict        // of a row that contradicts the stored response with its id; empty: such a row is rejected
	IdentifyBy []model.CustomerIdentity // by what customers are found; nil: by all
	Progress   Progress                 // may be nil
	Now        func() time.Time         // nil: time.Now; measures how long a batch takes

	// Done is the report of an earlier run over the same file; nil where there was none. The import reads the rows that Done
	// covers again, because the identity of a row can depend on earlier rows, but does not submit them again.
	Done *Report
	// SaveProgress stores how far the import has come, in the transaction of each batch, and who is to be told of old responses:
	// no mail is queued for each of them. nil: nothing is stored, and each response has its mails.
	SaveProgress func(tx *gorm.DB, s Saved) error
}

// Import submits the rows of a file as Inspect has found them. It always returns a report of what is committed, even when an error
// stops the import. That error wraps its cause (context.Canceled where ctx ended) and says that the same command continues the
// import.
func Import(ctx context.Context, submit Submitter, viewer auth.Viewer, file io.ReadSeeker, p *Plan, o Options) (*Report, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = noProgress{}
	}
	zone, err := time.LoadLocation(p.Zone)
	if err != nil {
		return nil, fmt.Errorf("load the time zone: %w", err)
	}
	records, err := table.Open(file, p.Format)
	if err != nil {
		return nil, err
	}
	defer records.Close()
	im := &importing{
		options: o, submit: submit, viewer: viewer, plan: p, records: records, report: new(Report),
		reader: rowReader{plan: p, zone: zone, survey: o.Survey, onConflict: o.OnConflict, identifyBy: o.IdentifyBy, seen: occurrences{}, latest: o.Now().Add(aheadMax)},
		pace:   pace{size: firstBatch},
	}
	if o.Done != nil {
		im.report, im.skip = o.Done, o.Done.Rows
	} else {
		for _, w := range p.Warnings {
			im.warn(w)
		}
	}
	if err := im.run(ctx); err != nil {
		return im.report, fmt.Errorf("the import stopped after %s rows; run the same command again to continue, no row is imported twice: %w",
			grouped(im.report.Rows), err)
	}
	return im.report, nil
}

// aheadMax is how far in the future intake takes the time of a response, because clocks differ.
const aheadMax = 24 * time.Hour

type importing struct {
	options Options
	submit  Submitter
	viewer  auth.Viewer
	plan    *Plan
	records table.Reader
	reader  rowReader
	pace    pace
	batch   batch
	report  *Report
	skip    int // number of rows that an earlier run has processed
}

// run reads rows until the file ends. When ctx ends, the current batch is rolled back or has not begun, so that the report
// counts exactly what is committed.
func (im *importing) run(ctx context.Context) error {
	for header := im.plan.HeaderRows; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		rec, err := im.records.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read the file: %w", err)
		}
		if blank(&rec) {
			continue
		}
		if header > 0 {
			header--
			continue
		}
		if im.skip > 0 {
			im.skip--
			_, _, _ = im.reader.read(&rec)
			im.batch.end = rec.End
			continue
		}
		im.batch.add(&rec, &im.reader)
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
		im.warn(RowRejection{Line: im.plan.Line, Reason: "the file has a header and no rows"})
	}
	return nil
}

// blank reports whether all cells of a record are empty. Spreadsheets write such records below the last row; the import skips
// them like empty lines.
func blank(rec *table.Record) bool {
	if rec.Broken != "" {
		return false
	}
	for _, f := range rec.Fields {
		if f != "" {
			return false
		}
	}
	return true
}
