package model_test

import (
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestRuleAssignment(t *testing.T) {
	t.Parallel()
	user, fallback := model.UserID{UUID: one}, model.UserID{UUID: model.NewUUID()}
	r := &model.Rule{Strategy: model.ToUser, UserID: &user, FallbackUserID: &fallback}
	if got := r.Assignment(); got.Strategy != model.ToUser || *got.UserID != user || *got.FallbackUserID != fallback {
		t.Errorf("%+v", got)
	}
}
