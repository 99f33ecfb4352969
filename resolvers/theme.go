package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

type theme struct{ *Resolver }

func (r *Resolver) Theme() graph.ThemeResolver { return theme{r} }

func (r query) Themes(ctx context.Context) ([]*model.Theme, error) { return r.Read.Themes(ctx) }

func (r query) SuggestThemes(ctx context.Context, f *filter.Response, limit int) ([]*report.ThemeSuggestion, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.SuggestThemes(ctx, viewer, f, limit)
}

func (r mutation) CreateTheme(ctx context.Context, in setup.CreateThemeInput) (*setup.CreateThemePayload, error) {
	return r.Setup.CreateTheme(ctx, in)
}

func (r mutation) UpdateTheme(ctx context.Context, in setup.UpdateThemeInput) (*setup.UpdateThemePayload, error) {
	return r.Setup.UpdateTheme(ctx, in)
}

func (r mutation) DeleteTheme(ctx context.Context, in setup.DeleteThemeInput) (*setup.DeleteThemePayload, error) {
	return r.Setup.DeleteTheme(ctx, in)
}

func (r mutation) TagResponse(ctx context.Context, in casework.TagResponseInput) (*casework.TagResponsePayload, error) {
	return as(ctx, r.Work.TagResponse, in)
}

func (theme) Keywords(_ context.Context, of *model.Theme) ([]string, error) { return of.Keywords, nil }

func (theme) Tagging(ctx context.Context, of *model.Theme) (*model.ThemeRun, error) {
	if viewer, err := auth.From(ctx); err != nil || viewer.Scope().Restricted() {
		return nil, err // it counts the comments of all
	}
	return read.LoadersFrom(ctx).TaggingOf.Load(ctx, of.ID)
}

func (response) Themes(ctx context.Context, of *model.Response) ([]*model.Theme, error) {
	return read.LoadersFrom(ctx).ThemesOf.Load(ctx, of.ID)
}
