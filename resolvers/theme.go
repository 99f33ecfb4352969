package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

type themeResolver struct{ *Resolver }

func (r *Resolver) Theme() graph.ThemeResolver { return themeResolver{r} }

func (r query) Themes(ctx context.Context) ([]*model.Theme, error) { return r.Read.Themes(ctx) }

func (r query) SuggestThemes(ctx context.Context, f *filter.Response, limit int) ([]*report.ThemeSuggestion, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.SuggestThemes(ctx, viewer, f, limit)
}

func (r mutation) CreateTheme(ctx context.Context, in theme.CreateThemeInput) (*theme.CreateThemePayload, error) {
	return withViewer(ctx, r.Themes.Create, in)
}

func (r mutation) UpdateTheme(ctx context.Context, in theme.UpdateThemeInput) (*theme.UpdateThemePayload, error) {
	return withViewer(ctx, r.Themes.Update, in)
}

func (r mutation) DeleteTheme(ctx context.Context, in theme.DeleteThemeInput) (*theme.DeleteThemePayload, error) {
	return withViewer(ctx, r.Themes.Delete, in)
}

func (r mutation) TagResponse(ctx context.Context, in theme.TagResponseInput) (*theme.TagResponsePayload, error) {
	return withViewer(ctx, r.Tagger.TagResponse, in)
}

func (themeResolver) Keywords(_ context.Context, t *model.Theme) ([]string, error) {
	return t.Keywords, nil
}

func (themeResolver) Tagging(ctx context.Context, t *model.Theme) (*model.ThemeRun, error) {
	if viewer, err := auth.From(ctx); err != nil || viewer.Scope().Restricted() {
		return nil, err // the run counts all comments, also those outside the viewer's scope
	}
	return read.LoadersFrom(ctx).TaggingOf.Load(ctx, t.ID)
}

func (responseResolver) Themes(ctx context.Context, response *model.Response) ([]*model.Theme, error) {
	return read.LoadersFrom(ctx).ThemesOf.Load(ctx, response.ID)
}
