package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type escalatedResolver struct {
	eventResolver[*model.CaseEscalated]
}

func (r *Resolver) CaseEscalated() graph.CaseEscalatedResolver {
	return escalatedResolver{eventResolver[*model.CaseEscalated]{r}}
}

func (caseResolver) BusinessTimeSinceOpen(ctx context.Context, c *model.Case) (*model.Duration, error) {
	return read.BusinessTime(ctx, c, read.LoadersFrom(ctx).Now())
}

func (escalatedResolver) Rule(ctx context.Context, e *model.CaseEscalated) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, e.RuleID)
}
