package user_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestRoles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, manager := w.User("ana@care.example", model.Agent), w.Viewer(model.Manager)
	made, err := w.users.CreateToken(t.Context(), w.Admin, user.CreateApiTokenInput{UserID: ana.ID, Name: "feed"})
	if err != nil {
		t.Fatal(err)
	}
	before := w.Count("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM api_tokens)")
	for name, call := range map[string]func(auth.Viewer) error{
		"Create": func(v auth.Viewer) error {
			_, err := w.users.Create(t.Context(), v, user.CreateUserInput{Name: "Bo", Email: "bo@care.example", Role: model.Admin})
			return err
		},
		"Update": func(v auth.Viewer) error {
			_, err := w.users.Update(t.Context(), v, user.UpdateUserInput{UserID: ana.ID, Role: worktest.Given(model.Admin)})
			return err
		},
		"CreateToken": func(v auth.Viewer) error {
			_, err := w.users.CreateToken(t.Context(), v, user.CreateApiTokenInput{UserID: w.Admin.User.ID, Name: "mine"})
			return err
		},
		"RevokeToken": func(v auth.Viewer) error {
			_, err := w.users.RevokeToken(t.Context(), v, user.RevokeApiTokenInput{TokenID: made.Token.ID})
			return err
		},
		"FirstStart": func(v auth.Viewer) error {
			_, err := w.users.FirstStart(t.Context(), v, "chosen")
			return err
		},
		"IssueToken": func(v auth.Viewer) error {
			_, err := w.users.IssueToken(t.Context(), v, "bo@care.example", model.Admin)
			return err
		},
	} {
		worktest.Refused(t, name+" by a manager", call(manager), fault.CodeForbidden, "")
		worktest.Refused(t, name+" by nobody", call(auth.Viewer{}), fault.CodeUnauthenticated, "")
	}
	if after := w.Count("SELECT (SELECT count(*) FROM users) + (SELECT count(*) FROM api_tokens)"); after != before {
		t.Errorf("refused calls wrote %d rows", after-before)
	}
	token, role := worktest.Read[model.ApiToken](t, w.DB, made.Token.ID), worktest.Read[model.User](t, w.DB, ana.ID).Role
	if token.RevokedAt != nil || role != model.Agent {
		t.Errorf("a refused call changed the token %+v or the role to %s", token, role)
	}
}
