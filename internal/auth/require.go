package auth

import (
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// System is the program itself as a viewer: a command of the command line, or a step of the start. name says which.
// It sees everything and passes Require. The zero Viewer does not, so that a forgotten viewer is refused.
func System(name string) Viewer { return Viewer{system: name} }

// Require refuses a viewer who has none of these roles; ADMIN and System always pass. The directive @requires refuses
// the same callers before the operation runs. The writes of users, rules, themes, settings, webhooks and sources check again, so
// that a field without the directive opens nothing.
func (v Viewer) Require(roles ...model.Role) error {
	switch {
	case v.User == nil && v.system != "":
		return nil
	case v.User == nil:
		return fault.New(fault.CodeUnauthenticated, "this needs a signed-in user")
	case !v.Has(roles...):
		return fault.New(fault.CodeForbidden, "your role %s may not do this", v.User.Role)
	}
	return nil
}
