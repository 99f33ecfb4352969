// Package auth owns who calls, what their role lets them do and what their scope lets them see: tokens and their
// secrets, the viewer of a request, and the checks of the directives @requires and @scoped.
//
// How a new query is scoped: it takes the viewer, and adds one condition to each table that it reads rows or figures
// from.
//
//	query.Where(viewer.Scope().Cases(now)) // or Customers, Responses, Notes, Notifications, OfCase(column)
//
// Then its root field is marked @scoped in the schema; without the mark, who is bounded by a scope or sees no personal
// data is FORBIDDEN to use it. Personal data needs no more: rows of the model's types are masked on their way out (see
// mask.go), whichever query they come from.
//
// It refuses to know what the fields do: the table of roles stands in the schema, on each field.
package auth

import (
	"context"
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Viewer is the signed-in caller.
type Viewer struct {
	User    *model.User // nil: the system itself, such as an import from the command line
	TokenID model.ApiTokenID

	scope  *filter.Scope // nil: not read yet
	system string        // of System: its name
}

// ViewerOf makes the viewer that a user is, with their scope read.
func ViewerOf(u *model.User) (Viewer, error) {
	scope, err := filter.ScopeOf(u)
	if err != nil {
		return Viewer{}, fmt.Errorf("read the scope of user %s: %v", u.ID, err) // not %w: it is nothing that the caller could mend
	}
	return Viewer{User: u, scope: scope}, nil
}

// Scope is what the viewer may see. One that cannot be read sees nothing.
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

// ScopeOf is the scope of a user as the viewer may read it: their own, or anybody's where nothing is outside for them.
// A scope may name whom the viewer must not know of.
func (v Viewer) ScopeOf(u *model.User) (*model.Scope, error) {
	whole := !v.Scope().Restricted() && !v.Scope().Masked()
	if u.ID != v.User.ID && !(whole && v.Has(model.Stakeholder, model.Agent, model.Manager)) {
		return nil, fault.New(fault.CodeForbidden, "you may read your own scope only")
	}
	return u.Scope(), nil
}

// View is a key of all that an answer may depend on besides the viewer's id: two viewers of one View may be given the
// same answer, unless the question itself asks for what is theirs. Where a scope makes the id matter, it is in the key.
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

// With puts the viewer into the context of one operation.
func With(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// From gives the viewer of an operation.
func From(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(Viewer)
	if !ok {
		return Viewer{}, fault.New(fault.CodeUnauthenticated,
			"sign in with the header 'Authorization: Bearer <API token>'; an administrator makes tokens by createApiToken")
	}
	return v, nil
}

// Has tells whether the viewer's role is one of these; ADMIN always is.
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
