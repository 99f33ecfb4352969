package resolvers

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	rules "github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

type (
	rule       struct{ *Resolver }
	assignment struct{ *Resolver }
	recipient  struct{ *Resolver }
)

func (r *Resolver) Rule() graph.RuleResolver             { return rule{r} }
func (r *Resolver) Assignment() graph.AssignmentResolver { return assignment{r} }
func (r *Resolver) Recipient() graph.RecipientResolver   { return recipient{r} }

func (r query) Rules(ctx context.Context) ([]*model.Rule, error) { return r.Read.Rules(ctx) }

func (r query) RuleRecipes(context.Context) ([]*rules.Recipe, error) { return rules.Recipes(), nil }

func (r query) PreviewRule(ctx context.Context, in setup.CreateRuleInput, since time.Time) (*report.RulePreview, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	draft, err := r.Setup.Draft(in)
	if err != nil {
		return nil, fault.ReplaceRoot("rule", err)
	}
	return r.Reports.PreviewRule(ctx, viewer, draft, since)
}

func (r mutation) CreateRule(ctx context.Context, in setup.CreateRuleInput) (*setup.CreateRulePayload, error) {
	return r.Setup.CreateRule(ctx, in)
}

func (r mutation) UpdateRule(ctx context.Context, in setup.UpdateRuleInput) (*setup.UpdateRulePayload, error) {
	return r.Setup.UpdateRule(ctx, in)
}

func (r mutation) MoveRule(ctx context.Context, in setup.MoveRuleInput) (*setup.MoveRulePayload, error) {
	return r.Setup.MoveRule(ctx, in)
}

func (r mutation) DeleteRule(ctx context.Context, in setup.DeleteRuleInput) (*setup.DeleteRulePayload, error) {
	return r.Setup.DeleteRule(ctx, in)
}

func (rule) Notify(ctx context.Context, of *model.Rule) ([]*model.Recipient, error) {
	return read.LoadersFrom(ctx).RecipientsOf.Load(ctx, of.ID)
}

func (rule) MatchCount(ctx context.Context, of *model.Rule) (int, error) {
	return read.LoadersFrom(ctx).MatchCounts.Load(ctx, of.ID)
}

func (assignment) User(ctx context.Context, of *model.Assignment) (*model.User, error) {
	return user(ctx, of.UserID)
}

func (assignment) Users(ctx context.Context, of *model.Assignment) ([]*model.User, error) {
	switch {
	case !of.Strategy.Choosing():
		return []*model.User{}, nil
	case of.RuleID == (model.RuleID{}): // of a step, which has its list with it
		return read.LoadersFrom(ctx).Users.LoadAll(ctx, of.UserIDs)
	}
	return read.LoadersFrom(ctx).AssigneesOf.Load(ctx, of.RuleID)
}

func (assignment) FallbackUser(ctx context.Context, of *model.Assignment) (*model.User, error) {
	return user(ctx, of.FallbackUserID)
}

func (recipient) User(ctx context.Context, of *model.Recipient) (*model.User, error) {
	return user(ctx, of.UserID)
}
