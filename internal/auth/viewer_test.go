package auth_test

import (
	"errors"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

var allRoles = []model.Role{model.Admin, model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake}

func TestHas(t *testing.T) {
	t.Parallel()
	for _, own := range allRoles {
		v := viewer(own)
		for _, role := range allRoles {
			if got := v.Has(role); got != (own == role || own == model.Admin) {
				t.Errorf("%s has %s: %t", own, role, got)
			}
		}
		if got := v.Has(model.Agent, model.Intake); got != (own == model.Agent || own == model.Intake || own == model.Admin) {
			t.Errorf("%s has AGENT or INTAKE: %t", own, got)
		}
		if got := v.Has(); got != (own == model.Admin) {
			t.Errorf("%s has one of no roles: %t", own, got)
		}
	}
}

func TestFrom(t *testing.T) {
	t.Parallel()
	want := viewer(model.Agent)
	if got, err := auth.From(auth.With(t.Context(), want)); err != nil || got.User != want.User {
		t.Errorf("From returned %+v, %v, want the viewer that With stored", got, err)
	}
	got, err := auth.From(t.Context())
	if !fault.Is(err, fault.CodeUnauthenticated) || got.User != nil {
		t.Errorf("without a viewer From returned %+v, %v, want UNAUTHENTICATED", got, err)
	}
}

func viewer(role model.Role) auth.Viewer {
	return auth.Viewer{User: &model.User{ID: model.UserID{UUID: model.NewUUID()}, Role: role, Active: true}}
}

// code returns the error's code, or an empty code when err is no *fault.Error.
func code(err error) fault.Code {
	var f *fault.Error
	if errors.As(err, &f) {
		return f.Code
	}
	return ""
}
