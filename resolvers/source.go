package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/model"
)

type (
	sourceResolver         struct{ *Resolver }
	sourceDeliveryResolver struct{ *Resolver }
	testSourceResolver     struct{ *Resolver }
)

func (r *Resolver) Source() graph.SourceResolver                       { return sourceResolver{r} }
func (r *Resolver) SourceDelivery() graph.SourceDeliveryResolver       { return sourceDeliveryResolver{r} }
func (r *Resolver) TestSourcePayload() graph.TestSourcePayloadResolver { return testSourceResolver{r} }

func (r query) Sources(ctx context.Context) ([]*model.Source, error) { return r.Read.Sources(ctx) }

func (r query) Source(ctx context.Context, id string) (*model.Source, error) {
	var parsed model.SourceID
	if err := parsed.UnmarshalGQL(id); err != nil {
		return nil, fault.Input("id", "%s", err.Error())
	}
	return r.Read.Source(ctx, parsed)
}

func (r mutation) CreateSource(ctx context.Context, in source.CreateSourceInput) (*source.CreateSourcePayload, error) {
	return withViewer(ctx, r.Sources.Create, in)
}

func (r mutation) UpdateSource(ctx context.Context, in source.UpdateSourceInput) (*source.UpdateSourcePayload, error) {
	return withViewer(ctx, r.Sources.Update, in)
}

func (r mutation) DeleteSource(ctx context.Context, in source.DeleteSourceInput) (*source.DeleteSourcePayload, error) {
	return withViewer(ctx, r.Sources.Delete, in)
}

func (r mutation) TestSource(ctx context.Context, in source.TestSourceInput) (*source.TestSourcePayload, error) {
	return withViewer(ctx, r.Sources.Test, in)
}

func (sourceResolver) OnConflict(_ context.Context, s *model.Source) (intake.OnConflict, error) {
	return intake.OnConflict(s.OnConflict), nil
}

func (sourceResolver) User(ctx context.Context, s *model.Source) (*model.User, error) {
	return loadUser(ctx, s.UserID)
}

func (sourceResolver) Deliveries(ctx context.Context, s *model.Source, first *int, after *string, last *int, before *string) (*read.SourceDeliveryConnection, error) {
	return read.DeliveriesTo(ctx, s.ID, args(first, after, last, before))
}

func (sourceDeliveryResolver) Response(ctx context.Context, d *model.SourceDelivery) (*model.Response, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Responses, d.ResponseID)
}

func (testSourceResolver) Response(ctx context.Context, p *source.TestSourcePayload) (*model.Response, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Responses, p.ResponseID)
}

func (testSourceResolver) Rules(ctx context.Context, p *source.TestSourcePayload) ([]*model.Rule, error) {
	rules := make([]*model.Rule, 0, len(p.RuleIDs))
	for _, id := range p.RuleIDs {
		found, err := read.LoadersFrom(ctx).Rules.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		rules = append(rules, found)
	}
	return rules, nil
}

func (testSourceResolver) OpensCase(ctx context.Context, p *source.TestSourcePayload) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, p.OpensID)
}

func (testSourceResolver) Assignee(ctx context.Context, p *source.TestSourcePayload) (*model.User, error) {
	return loadUser(ctx, p.AssigneeID)
}
