package model_test

import (
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestUserCanBeAssigned(t *testing.T) {
	t.Parallel()
	for role, want := range map[model.Role]bool{
		model.Admin: true, model.Manager: true, model.Agent: true, model.Stakeholder: false, model.Partner: false, model.Intake: false,
	} {
		if got := (&model.User{Role: role, Active: true}).CanBeAssigned(); got != want {
			t.Errorf("an active %s can be assigned: %t", role, got)
		}
		if (&model.User{Role: role}).CanBeAssigned() {
			t.Errorf("an inactive %s can be assigned", role)
		}
	}
}

func TestUserFold(t *testing.T) {
	t.Parallel()
	u := model.User{Name: "ANA", Email: "Ana@Example.com"}
	u.Fold()
	if u.NameFold != "ana" || u.EmailFold != "ana@example.com" {
		t.Errorf("%+v", u)
	}
}
