package resolvers

import (
	"context"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/model"
)

type (
	userResolver     struct{ *Resolver }
	apiTokenResolver struct{ *Resolver }
)

func (r *Resolver) User() graph.UserResolver         { return userResolver{r} }
func (r *Resolver) ApiToken() graph.ApiTokenResolver { return apiTokenResolver{r} }

func (r query) Viewer(ctx context.Context) (*auth.Viewer, error) {
	viewer, err := auth.From(ctx)
	return &viewer, err
}

func (r query) Users(ctx context.Context, first *int, after *string, last *int, before *string, f *read.UserFilter) (*read.UserConnection, error) {
	return r.Read.Users(ctx, read.UserList{Args: args(first, after, last, before), Filter: f, Select: rowSelection(ctx)})
}

func (r query) APITokens(ctx context.Context) ([]*model.ApiToken, error) {
	return r.Read.APITokens(ctx)
}

func (r mutation) CreateUser(ctx context.Context, in user.CreateUserInput) (*user.CreateUserPayload, error) {
	return withViewer(ctx, r.Users.Create, in)
}

func (r mutation) UpdateUser(ctx context.Context, in user.UpdateUserInput) (*user.UpdateUserPayload, error) {
	return withViewer(ctx, r.Users.Update, in)
}

func (r mutation) CreateAPIToken(ctx context.Context, in user.CreateApiTokenInput) (*user.CreateApiTokenPayload, error) {
	return withViewer(ctx, r.Users.CreateToken, in)
}

func (r mutation) RevokeAPIToken(ctx context.Context, in user.RevokeApiTokenInput) (*user.RevokeApiTokenPayload, error) {
	return withViewer(ctx, r.Users.RevokeToken, in)
}

func (r mutation) RotateToken(ctx context.Context, in user.RotateTokenInput) (*user.RotateTokenPayload, error) {
	return withViewer(ctx, r.Users.RotateToken, in)
}

func (userResolver) Scope(ctx context.Context, u *model.User) (*model.Scope, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return viewer.ScopeOf(u)
}

func (r userResolver) AssignedCases(ctx context.Context, u *model.User, first *int, after *string, last *int, before *string, f *filter.Case, orderBy []*read.CaseOrder) (*read.CaseConnection, error) {
	viewer, err := auth.From(ctx)
	if err != nil {
		return nil, err
	}
	return r.Read.CasesAssignedTo(ctx, viewer, u.ID, caseList(ctx, args(first, after, last, before), f, orderBy))
}

func (apiTokenResolver) User(ctx context.Context, token *model.ApiToken) (*model.User, error) {
	return read.LoadersFrom(ctx).Users.Load(ctx, token.UserID)
}
