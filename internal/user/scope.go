package user

import (
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// ScopeInput is what a user may see.
type ScopeInput struct {
	Customer     graphql.Omittable[*filter.Customer]
	Response     graphql.Omittable[*filter.Response]
	OwnCasesOnly bool
}

// apply sets the user's scope; nil clears it. A filter is stored as given, and checked as strictly as a rule's filter.
func (in *ScopeInput) apply(u *model.User) error {
	u.ScopeCustomer, u.ScopeResponse, u.OwnCasesOnly = nil, nil, false
	if in == nil {
		return nil
	}
	const null = "null is not allowed within a scope; omit the field, or give scope: null to remove the whole scope"
	var faults []error
	if f, given := in.Customer.ValueOK(); given && f == nil {
		faults = append(faults, fault.Input("input.scope.customer", null))
	} else if given {
		u.ScopeCustomer = json.RawMessage(f.Raw())
	}
	if f, given := in.Response.ValueOK(); given && f == nil {
		faults = append(faults, fault.Input("input.scope.response", null))
	} else if given {
		u.ScopeResponse = json.RawMessage(f.Raw())
	}
	u.OwnCasesOnly = in.OwnCasesOnly
	if u.Scope() == nil && len(faults) == 0 {
		return fault.Input("input.scope", "a scope requires customer, response or ownCasesOnly; give scope: null to remove the scope")
	}
	_, err := filter.ScopeOf(u)
	return fault.Join(append(faults, fault.WithPath("input.scope", err))...)
}

// checkRestrictions refuses restrictions of an administrator, who could remove them.
func checkRestrictions(u *model.User) error {
	const why = "an administrator could remove this restriction: "
	if u.Role != model.Admin {
		return nil
	}
	var faults []error
	if u.Scope() != nil {
		faults = append(faults, fault.Input("input.scope", why+"scope must be null for the role ADMIN"))
	}
	if u.PersonalDataHidden {
		faults = append(faults, fault.Input("input.personalData", why+"personalData must be true for the role ADMIN"))
	}
	return fault.Join(faults...)
}
