package importer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	pollInterval  = time.Second
	lease         = "interval '30 seconds'" // longer than any batch; each batch renews it
	triesMost     = 5                       // runs without a committed batch, before the import fails
	watchInterval = 500 * time.Millisecond
)

// Uploads imports the files that were uploaded over the API. Every server runs it. A lease, which the transaction of each
// batch renews, lets only one server at a time work on a file. The counts of a killed server are committed with its
// batches, so that the next server continues from there.
type Uploads struct {
	db      *pg.DB
	in      *intake.Intake
	now     func() time.Time
	log     *slog.Logger
	arrived job.Signal // an import may be waiting
}

// NewUploads returns the Uploads of a database.
func NewUploads(db *pg.DB, in *intake.Intake, now func() time.Time, log *slog.Logger) *Uploads {
	return &Uploads{db: db, in: in, now: now, log: log, arrived: job.NewSignal()}
}

// Run imports the uploaded files, one at a time, until ctx ends.
func (u *Uploads) Run(ctx context.Context) {
	job.Every(ctx, pollInterval, u.arrived.Wake, job.Task{Trouble: "an import failed for now; it will be retried", Log: u.log, Do: u.next})
}

// next works on the oldest import that no server works on.
func (u *Uploads) next(ctx context.Context) (more bool, err error) {
	i, err := u.claim(ctx)
	if err != nil || i == nil {
		return false, err
	}
	return true, u.process(ctx, i)
}

// claim leases the oldest import that no server works on; nil if there is none.
func (u *Uploads) claim(ctx context.Context) (*model.Import, error) {
	rows, err := pg.Find[model.Import](u.db.Gorm.WithContext(ctx).Raw(`UPDATE imports SET status = 'RUNNING', owner = ?, leased_until = now() + `+lease+`, tries = tries + 1
		WHERE id = (SELECT id FROM imports WHERE status IN ('QUEUED', 'RUNNING') AND (leased_until IS NULL OR leased_until < now())
			ORDER BY created_at, id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING *`, uuid.New()))
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return rows[0], nil
}

var errLeaseLost = errors.New("another server has taken over the import")

// process imports the rest of a file.
func (u *Uploads) process(ctx context.Context, i *model.Import) error {
	if i.Local {
		return u.fail(ctx, i, errCommandGone)
	}
	var o savedOptions
	if err := json.Unmarshal(i.Options, &o); err != nil {
		return u.fail(ctx, i, fmt.Errorf("read the options of the import: %w", err))
	}
	done, err := Import(ctx, u.in, auth.Viewer{}, newStoredFile(ctx, u.db.Gorm, i), o.Plan, Options{
		Survey: o.Survey, SkipRules: o.SkipRules, SkipNotify: o.SkipNotify, OnConflict: o.OnConflict, IdentifyBy: o.IdentifyBy, Now: u.now, Done: report(i),
		SaveProgress: func(tx *gorm.DB, s Saved) error { return u.save(tx, i, s) },
	})
	switch {
	case err == nil:
		return u.complete(ctx, i, done)
	case errors.Is(err, errLeaseLost):
		return nil
	case ctx.Err() != nil:
		return u.release(context.WithoutCancel(ctx), i)
	case i.Tries >= triesMost:
		return u.fail(ctx, i, err)
	}
	return errors.Join(err, u.release(ctx, i))
}

// report returns the report of earlier runs of the import, which has the warnings of the first pass already.
func report(i *model.Import) *Report {
	r := &Report{Rows: i.RowsDone, ResponsesCreated: i.ResponsesCreated, ResponsesChanged: i.ResponsesChanged, ResponsesKnown: i.ResponsesKnown,
		JoinedByName: i.JoinedByName, CasesOpened: i.CasesOpened, PastTarget: i.CasesPastTarget,
		RowsRejected: i.RowsRejected, Warnings: len(i.Warnings)}
	for _, row := range i.Rejections {
		r.Rejections = append(r.Rejections, *row)
	}
	for _, row := range i.Warnings {
		r.WarningList = append(r.WarningList, *row)
	}
	return r
}

// save stores the progress of the import, and who is to be told. It fails when another server has the lease, so that the batch is
// not committed.
func (u *Uploads) save(tx *gorm.DB, i *model.Import, s Saved) error {
	done := s.Report
	rejections, err := json.Marshal(done.Rejections)
	if err != nil {
		return err
	}
	warnings, err := json.Marshal(done.WarningList)
	if err != nil {
		return err
	}
	result := tx.Model(&model.Import{}).Where("id = ? AND owner = ?", i.ID, i.Owner).Updates(map[string]any{
		"rows_done": done.Rows, "responses_created": done.ResponsesCreated, "responses_changed": done.ResponsesChanged, "responses_known": done.ResponsesKnown,
		"joined_by_name": done.JoinedByName, "cases_opened": done.CasesOpened, "cases_past_target": done.PastTarget,
		"rows_rejected": done.RowsRejected, "rejections": rejections, "warnings": warnings, "bytes_done": s.Bytes, "tries": 0,
		"leased_until": gorm.Expr("clock_timestamp() + " + lease),
	})
	if result.Error != nil {
		return fmt.Errorf("store the progress of an import: %w", result.Error)
	}
	if result.RowsAffected == 0 {
		return errLeaseLost
	}
	return saveDigests(tx, i.ID, s.Told)
}

// complete closes the import and deletes its file.
func (u *Uploads) complete(ctx context.Context, i *model.Import, done *Report) error {
	return u.close(ctx, i, map[string]any{"status": model.ImportDone, "rows": done.Rows, "rows_done": done.Rows, "bytes_done": i.Bytes})
}

// fail closes the import with the reason. Internal errors go only to the log.
func (u *Uploads) fail(ctx context.Context, i *model.Import, cause error) error {
	message := "the import failed repeatedly with an internal error; the rows imported so far stay, and importing the same file again continues from there"
	var f *fault.Error
	if errors.As(cause, &f) {
		message = f.Message
	}
	u.log.Error("an import failed", "import", i.ID.String(), "error", cause)
	return u.close(ctx, i, map[string]any{"status": model.ImportFailed, "error": message})
}

func (u *Uploads) close(ctx context.Context, i *model.Import, values map[string]any) error {
	return u.db.Tx(ctx, func(tx *gorm.DB) error {
		values["finished_at"] = pg.Timestamp(u.now())
		values["owner"], values["leased_until"] = nil, nil
		result := tx.Model(&model.Import{}).Where("id = ? AND owner = ?", i.ID, i.Owner).Updates(values)
		if result.Error != nil || result.RowsAffected == 0 {
			return result.Error
		}
		if err := u.sendDigests(tx, i.ID); err != nil {
			return err
		}
		return tx.Exec("DELETE FROM import_parts WHERE import_id = ?", i.ID).Error
	})
}

// release gives up the lease, so that any server can continue the import.
func (u *Uploads) release(ctx context.Context, i *model.Import) error {
	return u.db.Gorm.WithContext(ctx).Exec("UPDATE imports SET owner = NULL, leased_until = NULL WHERE id = ? AND owner = ?", i.ID, i.Owner).Error
}

// Find returns an import that the viewer may see: a manager or admin sees all imports, other users see their own.
func (u *Uploads) Find(ctx context.Context, viewer auth.Viewer, id model.ImportID) (*model.Import, error) {
	var rows []*model.Import
	query := u.db.Gorm.WithContext(ctx).Where("id = ?", id)
	if !viewer.Has(model.Manager) {
		query = query.Where("created_by_id = ?", viewer.User.ID)
	}
	if err := query.Limit(1).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read an import: %w", err)
	}
	if len(rows) == 0 {
		return nil, fault.NotFound("id", "there is no such import")
	}
	return rows[0], nil
}

// Watch sends the current state of the import, and then each change until the import or ctx ends.
func (u *Uploads) Watch(ctx context.Context, viewer auth.Viewer, id model.ImportID, fail func(context.Context, error)) (<-chan *model.Import, error) {
	now, err := u.Find(ctx, viewer, id)
	if err != nil {
		return nil, err
	}
	changes := make(chan *model.Import)
	go func() {
		defer close(changes)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case changes <- now:
			case <-ctx.Done():
				return
			}
			if now.Finished() {
				return
			}
			for was := now; now.Status == was.Status && now.RowsDone == was.RowsDone; {
				select {
				case <-tick.C:
				case <-ctx.Done():
					return
				}
				if now, err = u.Find(ctx, viewer, id); err != nil {
					fail(ctx, err)
					return
				}
			}
		}
	}()
	return changes, nil
}
