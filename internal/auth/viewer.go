// Package auth owns who calls and what their role lets them do: tokens and their secrets, the viewer of a request,
// and the @requires directive's check.
//
// It refuses to know what the fields do: the table of roles stands in the schema, on each field.
package auth

import (
	"context"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// Viewer is the signed-in caller.
type Viewer struct {
	User    *model.User
	TokenID model.ApiTokenID
}

// View is a key of all that an answer may depend on besides the viewer's id: two viewers of one View may be given the
// same answer, unless the question itself asks for what is theirs.
func (v Viewer) View() string { return string(v.User.Role) }

type viewerKey struct{}

// With puts the viewer into the context of one operation.
func With(ctx context.Context, v Viewer) context.Context {
	return context.WithValue(ctx, viewerKey{}, v)
}

// From gives the viewer of an operation.
func From(ctx context.Context) (Viewer, error) {
	v, ok := ctx.Value(viewerKey{}).(Viewer)
	if !ok {
		return Viewer{}, fault.New(fault.Unauthenticated,
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
