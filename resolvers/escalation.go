package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type escalated struct{ logged[*model.CaseEscalated] }

func (r *Resolver) CaseEscalated() graph.CaseEscalatedResolver {
	return escalated{logged[*model.CaseEscalated]{r}}
}

func (r caseResolver) BusinessTimeSinceOpen(ctx context.Context, c *model.Case) (*model.Duration, error) {
	return read.BusinessTime(ctx, c, r.Now())
}

func (escalated) Rule(ctx context.Context, e *model.CaseEscalated) (*model.Rule, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Rules, e.RuleID)
}
