package theme

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const (
	tagBatch      = 500              // comments in one transaction, which takes some tenths of a second
	tagTurn       = 20 * time.Second // how long a job runs before it is queued again
	estimateBatch = 500              // responses in one transaction
)

// Workers registers the worker that applies keywords to past responses, and its queue.
func (t *Tagger) Workers(bundle *river.Workers, queues map[string]river.QueueConfig) error {
	queues[job.TagQueue] = river.QueueConfig{MaxWorkers: 1}
	return river.AddWorkerSafely(bundle, &pastWorker{tagger: t})
}

// pastWorker applies keywords to past responses. Any free server takes the job, and continues where another server stopped.
type pastWorker struct {
	river.WorkerDefaults[job.TagPast]
	tagger *Tagger
}

// Work processes batches for tagTurn, and then queues the job again, so that other jobs run in between.
func (w *pastWorker) Work(ctx context.Context, j *river.Job[job.TagPast]) error {
	for began := time.Now(); ; {
		more, err := w.tagger.TagPast(ctx, j.Args)
		switch {
		case err != nil:
			return err
		case !more:
			return nil
		case time.Since(began) > tagTurn:
			return river.JobSnooze(0)
		}
	}
}

// TagPast applies a theme's keywords to the next batch of past responses, and reports whether there are more. It does not
// change what a user tagged or untagged by hand. It removes a tag set by keywords if the comment no longer matches them.
func (t *Tagger) TagPast(ctx context.Context, args job.TagPast) (more bool, err error) {
	err = t.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		more = false
		var run model.ThemeRun
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("theme_id = ? AND run = ? AND finished_at IS NULL", args.ThemeID, args.Run).Take(&run).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return nil // the run has finished, or a newer run has replaced it
		}
		if err != nil {
			return err
		}
		var themes []*model.Theme
		if err := tx.Where("id = ? AND deleted_at IS NULL", args.ThemeID).Find(&themes).Error; err != nil {
			return err
		}
		if run.Total == nil {
			if err := tx.Raw("SELECT count(*) FROM responses WHERE comment IS NOT NULL").Scan(&run.Total).Error; err != nil {
				return err
			}
		}
		var batch []commented
		if len(themes) > 0 {
			err := tx.Raw("SELECT id, customer_id, comment FROM responses WHERE id > ? AND comment IS NOT NULL ORDER BY id LIMIT ?", run.Position, tagBatch).Scan(&batch).Error
			if err != nil {
				return err
			}
			if err := applyKeywords(tx, now, themes[0], batch); err != nil {
				return err
			}
		}
		if more = len(batch) == tagBatch; !more {
			run.FinishedAt = &now
		}
		if len(batch) > 0 {
			run.Position = batch[len(batch)-1].ID.UUID
		}
		run.Done += len(batch)
		return tx.Model(&model.ThemeRun{}).Where("theme_id = ?", args.ThemeID).Select("Total", "Done", "Position", "FinishedAt").Updates(&run).Error
	})
	if err != nil {
		return false, fmt.Errorf("apply keywords to past responses: %w", err)
	}
	return more, nil
}

// commented is the part of a response that matching needs.
type commented struct {
	ID         model.ResponseID
	CustomerID model.CustomerID
	Comment    string
}

// applyKeywords adds and removes one theme's tags on some responses by its keywords. It first decides without locks which
// responses change, then locks the customers of these, and decides again.
func applyKeywords(tx *gorm.DB, now time.Time, t *model.Theme, batch []commented) error {
	words, err := keyword.Compile([]*model.Theme{t})
	if err != nil {
		return err
	}
	add, drop, err := toChange(tx, t.ID, words, batch)
	if err != nil || len(add)+len(drop) == 0 {
		return err
	}
	changing := append(add, drop...)
	customers := make([]model.CustomerID, len(changing))
	for i, r := range changing {
		customers[i] = r.CustomerID
	}
	if err := lockCustomers(tx, customers); err != nil {
		return err
	}
	if add, drop, err = toChange(tx, t.ID, words, changing); err != nil {
		return err
	}
	return retag(tx, now, nil, idsOf(append(add[:len(add):len(add)], drop...)), func() error {
		err := tx.Exec("INSERT INTO response_themes (response_id, theme_id) SELECT id, ? FROM unnest(CAST(? AS uuid[])) AS added(id)", t.ID, pg.Array(model.UUIDs(idsOf(add)))).Error
		if err != nil {
			return fmt.Errorf("tag by keywords: %w", err)
		}
		return tx.Exec("DELETE FROM response_themes WHERE theme_id = ? AND response_id = ANY(?)", t.ID, pg.Array(model.UUIDs(idsOf(drop)))).Error
	})
}

// toChange returns the responses that get the theme by its keywords, and those that lose it.
func toChange(tx *gorm.DB, theme model.ThemeID, words *keyword.Set, batch []commented) (add, drop []commented, err error) {
	rows, err := readTags(tx, "theme_id = ? AND response_id = ANY(?)", theme, pg.Array(model.UUIDs(idsOf(batch))))
	if err != nil {
		return nil, nil, err
	}
	states := map[model.ResponseID]tagState{}
	for _, row := range rows {
		states[row.ResponseID] = states[row.ResponseID].and(row)
	}
	for _, r := range batch {
		switch adds, drops := states[r.ID].change(len(words.Match(r.Comment)) > 0); {
		case adds:
			add = append(add, r)
		case drops:
			drop = append(drop, r)
		}
	}
	return add, drop, nil
}

func idsOf(list []commented) []model.ResponseID {
	ids := make([]model.ResponseID, len(list))
	for i, r := range list {
		ids[i] = r.ID
	}
	return ids
}

// WatchEstimates estimates the testimonial likelihood of responses that were stored before estimates were introduced, until
// none is left or ctx ends. Every server runs it when it starts; a server skips the rows that another one has locked.
func (t *Tagger) WatchEstimates(ctx context.Context, log *slog.Logger) {
	for more := true; more; {
		var err error
		if more, err = t.EstimatePast(ctx); err != nil && ctx.Err() == nil {
			log.Error("cannot estimate testimonial likelihoods; trying again at the next start", "error", err)
		}
	}
}

// EstimatePast estimates the next batch of responses, and reports whether there are more.
func (t *Tagger) EstimatePast(ctx context.Context) (more bool, err error) {
	err = t.work.Write(ctx, func(tx *gorm.DB, _ time.Time) error {
		var batch []*model.Response
		err := tx.Clauses(clause.Locking{Strength: "UPDATE", Options: "SKIP LOCKED"}).Select("id", "score", "comment", "quote_consent").
			Where("testimonial_likelihood IS NULL AND comment IS NOT NULL").Order("id").Limit(estimateBatch).Find(&batch).Error
		if err != nil || len(batch) == 0 {
			more = false
			return err
		}
		ids, likelihoods := make([]uuid.UUID, len(batch)), make([]float64, len(batch))
		for i, r := range batch {
			ids[i], likelihoods[i] = r.ID.UUID, *Testimonial(r)
		}
		more = len(batch) == estimateBatch
		return tx.Exec(`UPDATE responses r SET testimonial_likelihood = e.likely, testimonial_estimated = true
			FROM unnest(CAST(? AS uuid[]), CAST(? AS double precision[])) AS e(id, likely) WHERE r.id = e.id`, pg.Array(ids), pg.Array(likelihoods)).Error
	})
	if err != nil {
		return false, fmt.Errorf("estimate testimonial likelihoods: %w", err)
	}
	return more, nil
}
