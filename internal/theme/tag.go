package theme

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const tagsMax = 100 // for one response

// TagResponseInput is the complete new set of themes of a response.
type TagResponseInput struct {
	ResponseID model.ResponseID
	ThemeIDs   []model.ThemeID
}

// TagResponsePayload is the tagged response.
type TagResponsePayload struct{ Response *model.Response }

// Tagger writes the themes of responses, and records the change on their cases.
type Tagger struct{ work *casework.Work }

// NewTagger returns the tagger.
func NewTagger(work *casework.Work) *Tagger { return &Tagger{work} }

// TagResponse sets the themes of a response by hand. Keywords never undo this: they neither remove a theme that a user set,
// nor add a theme that a user removed.
func (t *Tagger) TagResponse(ctx context.Context, viewer auth.Viewer, in TagResponseInput) (*TagResponsePayload, error) {
	if len(in.ThemeIDs) > tagsMax {
		return nil, fault.Input("input.themeIds", "at most %d themes", tagsMax)
	}
	out := new(TagResponsePayload)
	err := t.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		response := new(model.Response)
		if err := tx.Select("customer_id").Where("id = ?", in.ResponseID).Take(response).Error; err != nil {
			return fault.Join(casework.RowErr(err, "input.responseId", "response"), themesExist(tx, in.ThemeIDs))
		}
		if err := lockCustomers(tx, []model.CustomerID{response.CustomerID}); err != nil {
			return err
		}
		if err := tx.Where("id = ?", in.ResponseID).Where(viewer.Scope().Responses(now)).Take(response).Error; err != nil {
			return fault.Join(casework.RowErr(err, "input.responseId", "response"), themesExist(tx, in.ThemeIDs))
		}
		out.Response = response
		if err := themesExist(tx, in.ThemeIDs); err != nil {
			return err
		}
		return retag(tx, now, &viewer.User.ID, []model.ResponseID{response.ID}, func() error {
			return tagByHand(tx, response.ID, in.ThemeIDs)
		})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// themesExist returns an error if a theme does not exist, is deleted or is listed twice. It locks the themes, so that none
// is deleted before the transaction ends.
func themesExist(tx *gorm.DB, ids []model.ThemeID) error {
	var existing []model.ThemeID
	err := tx.Raw("SELECT id FROM themes WHERE id = ANY(?) AND deleted_at IS NULL ORDER BY id FOR KEY SHARE", pg.Array(model.UUIDs(ids))).Scan(&existing).Error
	if err != nil {
		return fmt.Errorf("read themes: %w", err)
	}
	var faults []error
	for i, id := range ids {
		switch {
		case !slices.Contains(existing, id):
			faults = append(faults, fault.NotFound(fmt.Sprintf("input.themeIds[%d]", i), "there is no such theme"))
		case slices.Contains(ids[:i], id):
			faults = append(faults, fault.Input(fmt.Sprintf("input.themeIds[%d]", i), "this theme is listed twice"))
		}
	}
	return fault.Join(faults...)
}

func tagByHand(tx *gorm.DB, id model.ResponseID, wanted []model.ThemeID) error {
	all := pg.Array(model.UUIDs(wanted))
	for _, sql := range []string{
		`INSERT INTO response_theme_removals (response_id, theme_id) SELECT x.response_id, x.theme_id FROM response_themes x
			JOIN themes t ON t.id = x.theme_id AND t.deleted_at IS NULL WHERE x.response_id = ? AND x.theme_id <> ALL(?) ON CONFLICT DO NOTHING`,
		`DELETE FROM response_themes x USING themes t WHERE t.id = x.theme_id AND t.deleted_at IS NULL AND x.response_id = ? AND x.theme_id <> ALL(?)`,
		`INSERT INTO response_themes (response_id, theme_id, by_hand) SELECT ?, theme_id, true FROM unnest(CAST(? AS uuid[])) AS wanted(theme_id)
			ON CONFLICT (response_id, theme_id) DO UPDATE SET by_hand = true`,
		`DELETE FROM response_theme_removals WHERE response_id = ? AND theme_id = ANY(?)`,
	} {
		if err := tx.Exec(sql, id, all).Error; err != nil {
			return fmt.Errorf("tag a response by hand: %w", err)
		}
	}
	return nil
}

// retag calls write, which changes the themes of responses, and records an event on each case of these responses whose
// themes changed. The caller has locked the customers, so that no case is opened meanwhile.
func retag(tx *gorm.DB, now time.Time, by *model.UserID, responses []model.ResponseID, write func() error) error {
	var ids []model.CaseID
	err := tx.Raw("SELECT id FROM cases WHERE response_id = ANY(?) ORDER BY id", pg.Array(model.UUIDs(responses))).Scan(&ids).Error
	if err != nil {
		return fmt.Errorf("find the cases of responses: %w", err)
	}
	cases := make([]*casework.LockedCase, len(ids))
	for i, id := range ids {
		if cases[i], err = casework.LockCase(tx, id, nil); err != nil {
			return err
		}
	}
	if err := write(); err != nil || len(cases) == 0 {
		return err
	}
	themes, err := themesOf(tx, responses)
	if err != nil {
		return err
	}
	for _, locked := range cases {
		current := themes[*locked.ResponseID]
		if Same(locked.Themes, current) {
			continue
		}
		_, err := locked.Change(tx, now, event.Entry{Type: model.EventDetailsChanged, Actor: by, Changed: []string{"themes"}}, func() { locked.Themes = current })
		if err != nil {
			return err
		}
	}
	return nil
}

// lockCustomers locks customers' rows in the order of their ids.
func lockCustomers(tx *gorm.DB, ids []model.CustomerID) error {
	var locked []model.Customer
	err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where("id = ANY(?)", pg.Array(model.UUIDs(ids))).Order("id").Find(&locked).Error
	return pg.WrapErr("lock customers", err)
}
