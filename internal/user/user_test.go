package user_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestCreate(t *testing.T) {
	t.Parallel()
	t.Run("makes a user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		out, err := w.users.Create(t.Context(), w.Admin, user.CreateUserInput{Name: "  Ana Souza ", Email: "Ana@Care.example", Role: model.Manager})
		if err != nil {
			t.Fatal(err)
		}
		for where, u := range map[string]*model.User{"answered": out.User, "stored": worktest.Read[model.User](w.T, w.DB, out.User.ID)} {
			if u.Name != "Ana Souza" || u.NameFold != "ana souza" || u.Email != "Ana@Care.example" || u.EmailFold != "ana@care.example" || u.Role != model.Manager ||
				!u.Active || !u.CreatedAt.Equal(worktest.Start) {
				t.Errorf("%s: %+v", where, u)
			}
		}
	})

	t.Run("refuses bad input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       user.CreateUserInput
		}{
			"no name":            {fault.CodeBadUserInput, "input.name", user.CreateUserInput{Email: "a@care.example", Role: model.Agent}},
			"a blank name":       {fault.CodeBadUserInput, "input.name", user.CreateUserInput{Name: " \t", Email: "a@care.example", Role: model.Agent}},
			"a long name":        {fault.CodeBadUserInput, "input.name", user.CreateUserInput{Name: strings.Repeat("ß", 201), Email: "a@care.example", Role: model.Agent}},
			"a name with U+0000": {fault.CodeBadUserInput, "input.name", user.CreateUserInput{Name: "A\x00", Email: "a@care.example", Role: model.Agent}},
			"an address in use":  {fault.CodeConflict, "input.email", user.CreateUserInput{Name: "A", Email: "root@care.example", Role: model.Agent}},
			"in another case":    {fault.CodeConflict, "input.email", user.CreateUserInput{Name: "A", Email: "ROOT@care.example", Role: model.Agent}},
		} {
			out, err := w.users.Create(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out.User)
			}
		}
		if n := w.Count("SELECT count(*) FROM users"); n != 1 {
			t.Errorf("%d users", n)
		}
		if _, err := w.users.Create(t.Context(), w.Admin, user.CreateUserInput{Name: strings.Repeat("ß", 200), Email: "a@care.example", Role: model.Agent}); err != nil {
			t.Errorf("a name of the maximal length: %v", err)
		}
	})

	t.Run("makes one user for many calls with one address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		made := make(chan model.UserID, 12)
		worktest.AtOnce(cap(made), func(i int) {
			email := "ana@care.example"
			if i%2 == 0 {
				email = "ANA@care.example"
			}
			out, err := w.users.Create(t.Context(), w.Admin, user.CreateUserInput{Name: "Ana", Email: email, Role: model.Agent})
			if err == nil {
				made <- out.User.ID
				return
			}
			worktest.Refused(t, "another user", err, fault.CodeConflict, "input.email")
		})
		if n := w.Count("SELECT count(*) FROM users"); len(made) != 1 || n != 2 {
			t.Errorf("%d made, %d users", len(made), n)
		}
	})
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	t.Run("keeps an absent field", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		u := w.User("ana@care.example", model.Agent)
		update := func(in user.UpdateUserInput) *model.User {
			t.Helper()
			in.UserID = u.ID
			out, err := w.users.Update(t.Context(), w.Admin, in)
			if err != nil {
				t.Fatal(err)
			}
			row := worktest.Read[model.User](w.T, w.DB, u.ID)
			if !reflect.DeepEqual(row, out.User) {
				t.Errorf("answered %+v, stored %+v", out.User, row)
			}
			return row
		}
		if got := update(user.UpdateUserInput{}); !reflect.DeepEqual(got, worktest.Read[model.User](w.T, w.DB, u.ID)) || got.Name != u.Name || got.Email != u.Email || got.Role != u.Role || !got.Active {
			t.Errorf("nothing given: %+v", got)
		}
		if got := update(user.UpdateUserInput{Name: worktest.Given(" ANA ")}); got.Name != "ANA" || got.NameFold != "ana" || got.Email != u.Email || got.Role != u.Role || !got.Active {
			t.Errorf("the name: %+v", got)
		}
		if got := update(user.UpdateUserInput{Email: worktest.Given("Bo@care.example")}); got.Email != "Bo@care.example" || got.EmailFold != "bo@care.example" || got.Name != "ANA" {
			t.Errorf("the address: %+v", got)
		}
		if got := update(user.UpdateUserInput{Email: worktest.Given("BO@care.example")}); got.Email != "BO@care.example" {
			t.Errorf("the address, in another case: %+v", got)
		}
		if got := update(user.UpdateUserInput{Role: worktest.Given(model.Manager)}); got.Role != model.Manager || !got.Active {
			t.Errorf("the role: %+v", got)
		}
		if got := update(user.UpdateUserInput{Active: worktest.Given(false)}); got.Active || got.Role != model.Manager {
			t.Errorf("not active: %+v", got)
		}
		if got := update(user.UpdateUserInput{Active: worktest.Given(true)}); !got.Active {
			t.Errorf("active again: %+v", got)
		}
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		u, other := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
		looks := w.User("looks@care.example", model.Stakeholder)
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       user.UpdateUserInput
		}{
			"no such user":          {fault.CodeNotFound, "input.userId", user.UpdateUserInput{UserID: model.UserID{UUID: model.NewUUID()}}},
			"no name":               {fault.CodeBadUserInput, "input.name", user.UpdateUserInput{UserID: u.ID, Name: worktest.Null[string]()}},
			"a blank name":          {fault.CodeBadUserInput, "input.name", user.UpdateUserInput{UserID: u.ID, Name: worktest.Given(" ")}},
			"no address":            {fault.CodeBadUserInput, "input.email", user.UpdateUserInput{UserID: u.ID, Email: worktest.Null[string]()}},
			"another's address":     {fault.CodeConflict, "input.email", user.UpdateUserInput{UserID: u.ID, Email: worktest.Given("BO@care.example")}},
			"no role":               {fault.CodeBadUserInput, "input.role", user.UpdateUserInput{UserID: u.ID, Role: worktest.Null[model.Role]()}},
			"null for active":       {fault.CodeBadUserInput, "input.active", user.UpdateUserInput{UserID: u.ID, Active: worktest.Null[bool]()}},
			"reassigns, but active": {fault.CodeBadUserInput, "input.reassignTo", user.UpdateUserInput{UserID: u.ID, ReassignTo: &other.ID}},
			"reassigns, as manager": {fault.CodeBadUserInput, "input.reassignTo", user.UpdateUserInput{UserID: u.ID, Role: worktest.Given(model.Manager), ReassignTo: &other.ID}},
			"to an unknown user": {fault.CodeNotFound, "input.reassignTo",
				user.UpdateUserInput{UserID: u.ID, Active: worktest.Given(false), ReassignTo: &model.UserID{UUID: model.NewUUID()}}},
			"to a stakeholder": {fault.CodeBadUserInput, "input.reassignTo", user.UpdateUserInput{UserID: u.ID, Active: worktest.Given(false), ReassignTo: &looks.ID}},
			"to the same user": {fault.CodeBadUserInput, "input.reassignTo", user.UpdateUserInput{UserID: u.ID, Active: worktest.Given(false), ReassignTo: &u.ID}},
		} {
			out, err := w.users.Update(t.Context(), w.Admin, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: answered %+v", name, out)
			}
		}
		if row := worktest.Read[model.User](w.T, w.DB, u.ID); row.Name != u.Name || row.Email != u.Email || row.Role != u.Role || !row.Active {
			t.Errorf("%+v", row)
		}
	})

	t.Run("keeps the last active administrator", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		left := w.User("left@care.example", model.Admin)
		w.Must("UPDATE users SET active = false WHERE id = $1", left.ID.UUID) // an inactive administrator does not count
		w.User("manager@care.example", model.Manager)
		for name, in := range map[string]user.UpdateUserInput{
			"inactive": {Active: worktest.Given(false)}, "manager": {Role: worktest.Given(model.Manager)}, "inactive agent": {Active: worktest.Given(false), Role: worktest.Given(model.Agent)},
		} {
			in.UserID = w.Admin.User.ID
			_, err := w.users.Update(t.Context(), w.Admin, in)
			worktest.Refused(t, name, err, fault.CodeConflict, "input.userId")
		}
		if row := worktest.Read[model.User](w.T, w.DB, w.Admin.User.ID); row.Role != model.Admin || !row.Active {
			t.Errorf("%+v", row)
		}
		in := user.UpdateUserInput{UserID: w.Admin.User.ID, Name: worktest.Given("Root"), Role: worktest.Given(model.Admin), Active: worktest.Given(true)}
		if _, err := w.users.Update(t.Context(), w.Admin, in); err != nil {
			t.Errorf("another change of the last administrator: %v", err)
		}
		second := w.User("second@care.example", model.Admin)
		if _, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: w.Admin.User.ID, Role: worktest.Given(model.Agent)}); err != nil {
			t.Errorf("with a second administrator: %v", err)
		}
		_, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: second.ID, Role: worktest.Given(model.Agent)})
		worktest.Refused(t, "the second, now the last", err, fault.CodeConflict, "input.userId")
		if _, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: left.ID, Role: worktest.Given(model.Agent)}); err != nil {
			t.Errorf("an inactive administrator: %v", err)
		}
	})

	t.Run("keeps one of the administrators who remove each other", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for round := range 5 {
			admins := []*model.User{w.Admin.User}
			for i := range 3 {
				admins = append(admins, w.User(fmt.Sprintf("admin-%d-%d@care.example", round, i), model.Admin))
			}
			removed := make(chan model.UserID, len(admins))
			worktest.AtOnce(len(admins), func(i int) {
				of := admins[(i+1)%len(admins)]
				in := user.UpdateUserInput{UserID: of.ID, Active: worktest.Given(false)}
				if i%2 == 0 {
					in = user.UpdateUserInput{UserID: of.ID, Role: worktest.Given(model.Agent)}
				}
				if _, err := w.users.Update(t.Context(), auth.Viewer{User: admins[i]}, in); err != nil {
					worktest.Refused(t, "the last", err, fault.CodeConflict, "input.userId")
					return
				}
				removed <- of.ID
			})
			if n := w.Count("SELECT count(*) FROM users WHERE role = 'ADMIN' AND active"); n != 1 || len(removed) != len(admins)-1 {
				t.Fatalf("%d administrators are left, want 1; %d were removed", n, len(removed))
			}
			w.Must("UPDATE users SET role = 'AGENT' WHERE id <> $1", w.Admin.User.ID.UUID)
			w.Must("UPDATE users SET role = 'ADMIN', active = true WHERE id = $1", w.Admin.User.ID.UUID)
		}
	})
}
