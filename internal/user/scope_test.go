package user_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func customers(t *testing.T, text string) graphql.Omittable[*filter.Customer] {
	t.Helper()
	v, err := filter.Decode(json.RawMessage(text))
	if err != nil {
		t.Fatal(err)
	}
	f := new(filter.Customer)
	if err := f.UnmarshalGQL(v); err != nil {
		t.Fatal(err)
	}
	return graphql.OmittableOf(f)
}

func scope(in user.ScopeInput) graphql.Omittable[*user.ScopeInput] { return graphql.OmittableOf(&in) }

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("is stored as given, and null clears it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		no := false
		out, err := w.users.Create(t.Context(), w.Admin, user.CreateUserInput{Name: "Agency", Email: "a@care.example", Role: model.Partner, PersonalData: &no,
			Scope: &user.ScopeInput{Customer: customers(t, `{"country": {"eq": "gb"}}`)}})
		if err != nil {
			t.Fatal(err)
		}
		id := out.User.ID
		check := func(customer string, own, personal bool) {
			t.Helper()
			u := worktest.Read[model.User](w.T, w.DB, id)
			have := ""
			if u.Scope() != nil {
				have = string(u.Scope().Customer)
			}
			if have != customer || u.OwnCasesOnly != own || u.PersonalData() != personal {
				t.Errorf("%s, own cases only %t, personal data %t", have, u.OwnCasesOnly, u.PersonalData())
			}
		}
		update := func(in user.UpdateUserInput) {
			t.Helper()
			in.UserID = id
			if _, err := w.users.Update(t.Context(), w.Admin, in); err != nil {
				t.Fatal(err)
			}
		}
		check(`{"country": {"eq": "gb"}}`, false, false)
		name := "Agency 2"
		update(user.UpdateUserInput{Name: graphql.OmittableOf(&name)})
		check(`{"country": {"eq": "gb"}}`, false, false)
		update(user.UpdateUserInput{Scope: scope(user.ScopeInput{OwnCasesOnly: true})}) // replaces the whole scope
		check("", true, false)
		yes := true
		update(user.UpdateUserInput{Scope: graphql.OmittableOf[*user.ScopeInput](nil), PersonalData: graphql.OmittableOf(&yes)})
		check("", false, true)
		if worktest.Read[model.User](w.T, w.DB, id).Scope() != nil {
			t.Error("the user has a scope after it was cleared")
		}
	})

	t.Run("is not widened by invalid input", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		partner := w.User("a@care.example", model.Partner)
		no, admin := false, model.Admin
		none := graphql.OmittableOf[*filter.Customer](nil)
		for name, c := range map[string]struct {
			in user.UpdateUserInput
			at string
		}{
			"nothing in it":           {user.UpdateUserInput{Scope: scope(user.ScopeInput{})}, "input.scope"},
			"null in it":              {user.UpdateUserInput{Scope: scope(user.ScopeInput{Customer: none, OwnCasesOnly: true})}, "input.scope.customer"},
			"null for responses":      {user.UpdateUserInput{Scope: scope(user.ScopeInput{Response: graphql.OmittableOf[*filter.Response](nil), OwnCasesOnly: true})}, "input.scope.response"},
			"an empty filter":         {user.UpdateUserInput{Scope: scope(user.ScopeInput{Customer: customers(t, `{}`)})}, "input.scope.customer"},
			"a null field":            {user.UpdateUserInput{Scope: scope(user.ScopeInput{Customer: customers(t, `{"country": null}`)})}, "input.scope.customer.country"},
			"an empty operator":       {user.UpdateUserInput{Scope: scope(user.ScopeInput{Customer: customers(t, `{"or": [{"country": {}}]}`)})}, "input.scope.customer.or[0].country"},
			"a search":                {user.UpdateUserInput{Scope: scope(user.ScopeInput{Customer: customers(t, `{"search": "x"}`)})}, "input.scope.customer.search"},
			"personal data cleared":   {user.UpdateUserInput{PersonalData: graphql.OmittableOf[*bool](nil)}, "input.personalData"},
			"an administrator's":      {user.UpdateUserInput{Role: graphql.OmittableOf(&admin), Scope: scope(user.ScopeInput{OwnCasesOnly: true})}, "input.scope"},
			"an administrator's mask": {user.UpdateUserInput{Role: graphql.OmittableOf(&admin), PersonalData: graphql.OmittableOf(&no)}, "input.personalData"},
		} {
			c.in.UserID = partner.ID
			_, err := w.users.Update(t.Context(), w.Admin, c.in)
			var f *fault.Error
			if !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != c.at {
				t.Errorf("%s: %v at %v; want %s", name, err, f, c.at)
			}
		}
		if u := worktest.Read[model.User](w.T, w.DB, partner.ID); u.Scope() != nil || u.Role != model.Partner || !u.PersonalData() {
			t.Errorf("a refused update changed the user: %+v", u)
		}
		w.Must(`UPDATE users SET own_cases_only = true WHERE id = $1`, partner.ID.UUID)
		if _, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: partner.ID, Role: graphql.OmittableOf(&admin)}); !fault.Is(err, fault.CodeBadUserInput) {
			t.Errorf("a user with a scope became an administrator: %v", err)
		}
	})
}
