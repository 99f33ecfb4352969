package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
)

func (r query) FollowUpReport(ctx context.Context, f *filter.Case, groupBy *report.CaseGroupBy, first *int, timeZone *string) (*report.FollowUpReport, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.FollowUp(ctx, viewer, f, newGrouping(groupBy, first, timeZone))
}

func (r query) NpsReport(ctx context.Context, f *filter.Response, groupBy *report.ResponseGroupBy, first *int, timeZone *string) (*report.NpsReport, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.Nps(ctx, viewer, f, newGrouping(groupBy, first, timeZone))
}

func (r query) TopThemes(ctx context.Context, f *filter.Response, first *int) ([]*report.ThemeReport, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.TopThemes(ctx, viewer, f, first, selected(ctx, "sample"))
}

func (r query) RecoveryReport(ctx context.Context, f *filter.Case, groupBy *report.CaseGroupBy, first *int, timeZone *string) (*report.RecoveryReport, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Reports.Recovery(ctx, viewer, f, newGrouping(groupBy, first, timeZone))
}

func newGrouping[By ~string](by *By, first *int, timeZone *string) report.Grouping[By] {
	return report.Grouping[By]{By: by, First: first, TimeZone: timeZone}
}
