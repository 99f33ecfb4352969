package resolvers

import (
	"context"
	"time"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/rule"
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

func (r query) RuleRecipes(context.Context) ([]*rule.Recipe, error) { return rule.Recipes(), nil }

func (r query) PreviewRule(ctx context.Context, in rule.CreateRuleInput, since time.Time) (*rule.RulePreview, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Resolver.Rules.Preview(ctx, viewer, in, since)
}

func (r mutation) CreateRule(ctx context.Context, in rule.CreateRuleInput) (*rule.CreateRulePayload, error) {
	return withViewer(ctx, r.Rules.Create, in)
}

func (r mutation) UpdateRule(ctx context.Context, in rule.UpdateRuleInput) (*rule.UpdateRulePayload, error) {
	return withViewer(ctx, r.Rules.Update, in)
}

func (r mutation) MoveRule(ctx context.Context, in rule.MoveRuleInput) (*rule.MoveRulePayload, error) {
	return withViewer(ctx, r.Rules.Move, in)
}

func (r mutation) DeleteRule(ctx context.Context, in rule.DeleteRuleInput) (*rule.DeleteRulePayload, error) {
	return withViewer(ctx, r.Rules.Delete, in)
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
