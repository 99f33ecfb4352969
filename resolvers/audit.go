package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/model"
)

type auditEventResolver struct{ *Resolver }

func (r *Resolver) AuditEvent() graph.AuditEventResolver { return auditEventResolver{r} }

func (r query) AuditEvents(ctx context.Context, first *int, after *string, last *int, before *string, f *read.AuditEventFilter) (*read.AuditEventConnection, error) {
	return r.Read.AuditEvents(ctx, args(first, after, last, before), f)
}

func (auditEventResolver) Actor(ctx context.Context, e *model.AuditEvent) (*model.User, error) {
	return loadUser(ctx, e.ActorID)
}

func (auditEventResolver) Token(ctx context.Context, e *model.AuditEvent) (*model.ApiToken, error) {
	return read.Optional(ctx, read.LoadersFrom(ctx).Tokens, e.TokenID)
}
