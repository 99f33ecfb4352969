package report

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/model"
)

const (
	themesDefault = 3
	themesMax     = 100
	themeSample   = 3 // responses
)

// ThemeReport counts the responses that share a theme.
type ThemeReport struct {
	NpsCounts
	Theme *model.Theme

	sample []*model.Response
}

// Sample returns the newest responses with a comment, at most three.
func (t *ThemeReport) Sample() []*model.Response { return t.sample }

// TopThemes returns the most frequent themes of the responses that match the filter; nil for first means three. It reads
// the samples only if sample is true.
func (r *Reports) TopThemes(ctx context.Context, viewer auth.Viewer, f *filter.Response, first *int, sample bool) ([]*ThemeReport, error) {
	n := themesDefault
	if first != nil {
		if n = *first; n < 1 || n > themesMax {
			return nil, fault.Input("first", fault.OutOfRange, "first", 1, themesMax, n)
		}
	}
	q := r.responses(ctx, viewer, f)
	rows, err := r.themeCounts(q, f, n)
	if err != nil {
		return nil, fmt.Errorf("count themes: %w", err)
	}
	out := make([]*ThemeReport, len(rows))
	ids := make([]uuid.UUID, len(rows))
	byTheme := make(map[model.ThemeID]*ThemeReport, len(rows))
	for i, row := range rows {
		out[i] = &ThemeReport{NpsCounts: row.NpsCounts}
		ids[i], byTheme[row.ThemeID] = row.ThemeID.UUID, out[i]
	}
	if len(ids) == 0 {
		return out, nil
	}
	var themes []*model.Theme
	if err := r.db.WithContext(ctx).Where("id IN ?", ids).Find(&themes).Error; err != nil {
		return nil, fmt.Errorf("read themes: %w", err)
	}
	for _, theme := range themes {
		byTheme[theme.ID].Theme = theme
	}
	if !sample {
		return out, nil
	}
	var sampled []struct {
		SampleOf model.ThemeID
		model.Response
	}
	newest := q.rows.Where("responses.comment IS NOT NULL").
		Where("EXISTS (SELECT 1 FROM response_themes of WHERE of.response_id = responses.id AND of.theme_id = t.id)").
		Order("responses.responded_at DESC, responses.id DESC").Clauses(page.Limit(themeSample))
	err = r.db.WithContext(ctx).Raw("SELECT t.id AS sample_of, s.* FROM unnest(?::uuid[]) AS t(id) CROSS JOIN LATERAL (?) s ORDER BY s.responded_at DESC, s.id DESC", pg.Array(ids), newest).Scan(&sampled).Error
	if err != nil {
		return nil, fmt.Errorf("read samples of themes: %w", err)
	}
	for i := range sampled {
		t := byTheme[sampled[i].SampleOf]
		t.sample = append(t.sample, &sampled[i].Response)
	}
	return out, nil
}

// themeCounts are the figures of a theme.
type themeCounts struct {
	ThemeID model.ThemeID
	NpsCounts
}

// themeCounts counts the responses of the n most frequent themes.
func (r *Reports) themeCounts(q selection, f *filter.Response, n int) (rows []themeCounts, err error) {
	if kept, ok := r.rolled(q, f); ok {
		groups, ok, err := kept.count("THEME")
		if err != nil || ok {
			groups = slices.DeleteFunc(groups, func(row rollup.Row) bool { return row.None })
			return themesOf(ordered(groups, "THEME", n)), err
		}
	}
	err = q.rows.Joins("JOIN " + activeThemes + " ON of.response_id = responses.id").Select("of.theme_id, " + npsCounts).
		Group("of.theme_id").Order("count(*) DESC, of.theme_id").Clauses(page.Limit(n)).Scan(&rows).Error
	return rows, err
}

func themesOf(groups []countedGroup[NpsCounts]) []themeCounts {
	rows := make([]themeCounts, len(groups))
	for i, group := range groups {
		rows[i] = themeCounts{model.ThemeID{UUID: uuid.MustParse(*group.GroupKey)}, group.Figures}
	}
	return rows
}
