// Package auth owns the identity of the caller, and what the caller's role and scope allow: API tokens and their
// secrets, the viewer of a request, and the checks of the directives @requires and @scoped.
//
// To scope a new query, take the viewer and add one condition for each table that the query reads rows or figures from:
//
//	query.Where(viewer.Scope().Cases(now)) // or Customers, Responses, Notes, Notifications, OfCase(column)
//
// Then mark the query's root field @scoped in the schema. Without the mark, callers with a scope or without access to
// personal data get FORBIDDEN. Masking needs no further code: rows of the model's types are masked on their way out
// (see mask.go), whichever query they come from.
//
// It refuses to know what a field does: the schema names the allowed roles on each field.
package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Viewer is the signed-in caller.
type Viewer struct {
	User    *model.User // with the rights that the user and the token both have; nil: closeloop itself, such as an import from the command line
	TokenID model.ApiTokenID
	Address string // where the caller connects from; empty: not known

	scope    *filter.Scope // nil: not parsed yet
	system   string        // of System: its name
	owner    *model.User   // the token's user, with all rights; nil: User is
	narrower bool          // the token may do less than its user
	secret   []byte        // the hash of the secret of the sign-in
}

// Owner returns the user to whom the viewer's token belongs, with all of the user's rights.
func (v Viewer) Owner() *model.User {
	if v.owner != nil {
		return v.owner
	}
	return v.User
}

// Role returns what the viewer may do: the lower of the user's role and the token's.
func (v Viewer) Role() model.Role { return v.User.Role }

// Narrower reports whether the viewer's token may do less than its user. Such a viewer must make nothing that acts with
// the rights of the user, such as a webhook.
func (v Viewer) Narrower() bool { return v.narrower }

// Secret returns the hash of the secret with which the viewer has signed in; nil without a sign-in.
func (v Viewer) Secret() []byte { return v.secret }

// Program returns which part of the program the viewer is; empty for users.
func (v Viewer) Program() string { return v.system }

// ViewerOf makes the viewer of a user and parses the user's scope.
func ViewerOf(u *model.User) (Viewer, error) {
	scope, err := filter.ScopeOf(u)
	if err != nil {
		return Viewer{}, fmt.Errorf("parse the scope of user %s: %v", u.ID, err) // not %w: the caller cannot mend a stored scope
	}
	return Viewer{User: u, scope: scope}, nil
}

// Scope returns what the viewer may see. It returns nil, a scope that sees nothing, when the stored scope is invalid.
func (v Viewer) Scope() *filter.Scope {
	switch {
	case v.scope != nil:
		return v.scope
	case v.User == nil:
		return filter.Unrestricted(model.UserID{})
	}
	scope, err := filter.ScopeOf(v.User)
	if err != nil {
		return nil
	}
	return scope
}

// ScopeOf returns the scope of a user for the viewer to read. Viewers may read their own user's scope; staff without a scope
// may read every scope. Other viewers are refused, because a scope may name customers that the viewer must not know.
func (v Viewer) ScopeOf(u *model.User) (*model.Scope, error) {
	seesAll := !v.Scope().Restricted() && !v.Scope().Masked()
	if u.ID != v.User.ID && !(seesAll && v.Has(model.Stakeholder, model.Agent, model.Manager)) {
		return nil, fault.New(fault.CodeForbidden, "you may read your own scope only")
	}
	return u.Scope(), nil
}

// View returns a key of everything about the viewer, apart from the ID, that an answer may depend on. Two viewers with
// the same View may share an answer unless the query asks for the viewer's own rows. The key contains the ID when the
// scope depends on the ID (OwnCasesOnly).
func (v Viewer) View() string { return viewOf(v.User) }

func viewOf(u *model.User) string {
	if u == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %t %q %q", u.Role, u.PersonalDataHidden, u.ScopeCustomer, u.ScopeResponse)
	if u.OwnCasesOnly {
		b.WriteString(" own " + u.ID.String())
	}
	return b.String()
}

type viewerKey struct{}

// With puts the viewer into the context of one operation, whose statements then use the share of the viewer's token.
func With(ctx context.Context, v Viewer) context.Context {
	if v.User != nil {
		ctx = pg.WithClient(ctx, v.TokenID.String())
	}
	return context.WithValue(ctx, viewerKey{}, v)
}

// From returns the viewer of an operation, or UNAUTHENTICATED when the context has none.
func From(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(Viewer)
	if !ok {
		return Viewer{}, fault.New(fault.CodeUnauthenticated,
			"sign in with the header 'Authorization: Bearer <API token>'; an administrator creates tokens with createApiToken")
	}
	return v, nil
}

// Has reports whether the viewer's role is one of roles. An ADMIN has every role.
func (v Viewer) Has(roles ...model.Role) bool {
	if v.User.Role == model.Admin {
		return true
	}
	for _, r := range roles {
		if v.User.Role == r {
			return true
		}
	}
	return false
}
