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
	ruleResolver       struct{ *Resolver }
	assignmentResolver struct{ *Resolver }
	recipientResolver  struct{ *Resolver }
)

func (r *Resolver) Rule() graph.RuleResolver             { return ruleResolver{r} }
func (r *Resolver) Assignment() graph.AssignmentResolver { return assignmentResolver{r} }
func (r *Resolver) Recipient() graph.RecipientResolver   { return recipientResolver{r} }

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

func (ruleResolver) Notify(ctx context.Context, rule *model.Rule) ([]*model.Recipient, error) {
	return read.LoadersFrom(ctx).RecipientsOf.Load(ctx, rule.ID)
}

func (ruleResolver) MatchCount(ctx context.Context, rule *model.Rule) (int, error) {
	return read.LoadersFrom(ctx).MatchCounts.Load(ctx, rule.ID)
}

func (assignmentResolver) User(ctx context.Context, assignment *model.Assignment) (*model.User, error) {
	return loadUser(ctx, assignment.UserID)
}

func (assignmentResolver) Users(ctx context.Context, assignment *model.Assignment) ([]*model.User, error) {
	switch {
	case !assignment.Strategy.Choosing():
		return []*model.User{}, nil
	case assignment.RuleID == (model.RuleID{}): // an assignment of an escalation step holds its own users
		return read.LoadersFrom(ctx).Users.LoadAll(ctx, assignment.UserIDs)
	}
	return read.LoadersFrom(ctx).AssigneesOf.Load(ctx, assignment.RuleID)
}

func (assignmentResolver) FallbackUser(ctx context.Context, assignment *model.Assignment) (*model.User, error) {
	return loadUser(ctx, assignment.FallbackUserID)
}

func (recipientResolver) User(ctx context.Context, recipient *model.Recipient) (*model.User, error) {
	return loadUser(ctx, recipient.UserID)
}
