package user

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// ScopeInput says what a user may see.
type ScopeInput struct {
	Customer     graphql.Omittable[*filter.Customer]
	Response     graphql.Omittable[*filter.Response]
	OwnCasesOnly bool
}

// apply sets the user's scope; nil clears it. A filter is kept as it was given, and read as strictly as a rule's.
func (in *ScopeInput) apply(u *model.User) error {
	u.ScopeCustomer, u.ScopeResponse, u.OwnCasesOnly = nil, nil, false
	if in == nil {
		return nil
	}
	const null = "null is not allowed in a scope: leave it out; scope: null clears the whole"
	if f, given := in.Customer.ValueOK(); given {
		if f == nil {
			return fault.Input("input.scope.customer", null)
		}
		u.ScopeCustomer = json.RawMessage(f.Raw())
	}
	if f, given := in.Response.ValueOK(); given {
		if f == nil {
			return fault.Input("input.scope.response", null)
		}
		u.ScopeResponse = json.RawMessage(f.Raw())
	}
	u.OwnCasesOnly = in.OwnCasesOnly
	if u.Scope() == nil {
		return fault.Input("input.scope", "a scope bounds something: give customer, response or ownCasesOnly; scope: null clears it")
	}
	if _, err := filter.ScopeOf(u); err != nil {
		return fault.WithPath("input.scope", err)
	}
	return nil
}

// checkBounds refuses bounds on who could lift them.
func checkBounds(u *model.User) error {
	const why = "an administrator sees everything, and could give it to themselves: "
	switch {
	case u.Role != model.Admin:
		return nil
	case u.Scope() != nil:
		return fault.Input("input.scope", why+"scope is null for the role ADMIN")
	case u.PersonalDataHidden:
		return fault.Input("input.personalData", why+"personalData is true for the role ADMIN")
	}
	return nil
}
