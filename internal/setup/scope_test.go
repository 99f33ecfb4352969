package setup_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/setup"
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

func scope(in setup.ScopeInput) graphql.Omittable[*setup.ScopeInput] { return graphql.OmittableOf(&in) }

func TestAScopeIsKeptAsItWasGivenAndNullClearsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	no := false
	out, err := w.setup.CreateUser(t.Context(), setup.CreateUserInput{Name: "Agency", Email: "a@care.example", Role: model.Partner, PersonalData: &no,
		Scope: &setup.ScopeInput{Customer: customers(t, `{"country": {"eq": "gb"}}`)}})
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
	update := func(in setup.UpdateUserInput) {
		t.Helper()
		in.ID = id
		if _, err := w.setup.UpdateUser(t.Context(), w.Admin, in); err != nil {
			t.Fatal(err)
		}
	}
	check(`{"country": {"eq": "gb"}}`, false, false)
	name := "Agency 2"
	update(setup.UpdateUserInput{Name: graphql.OmittableOf(&name)})
	check(`{"country": {"eq": "gb"}}`, false, false)
	update(setup.UpdateUserInput{Scope: scope(setup.ScopeInput{OwnCasesOnly: true})}) // it replaces the whole
	check("", true, false)
	yes := true
	update(setup.UpdateUserInput{Scope: graphql.OmittableOf[*setup.ScopeInput](nil), PersonalData: graphql.OmittableOf(&yes)})
	check("", false, true)
	if worktest.Read[model.User](w.T, w.DB, id).Scope() != nil {
		t.Error("a cleared scope is still one")
	}
}

func TestAMistakeDoesNotOpenAScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	user := w.User("a@care.example", model.Partner)
	no, admin := false, model.Admin
	none := graphql.OmittableOf[*filter.Customer](nil)
	for name, c := range map[string]struct {
		in setup.UpdateUserInput
		at string
	}{
		"nothing in it":           {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{})}, "input.scope"},
		"null in it":              {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Customer: none, OwnCasesOnly: true})}, "input.scope.customer"},
		"null for responses":      {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Response: graphql.OmittableOf[*filter.Response](nil), OwnCasesOnly: true})}, "input.scope.response"},
		"an empty filter":         {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Customer: customers(t, `{}`)})}, "input.scope.customer"},
		"a null field":            {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Customer: customers(t, `{"country": null}`)})}, "input.scope.customer.country"},
		"an empty operator":       {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Customer: customers(t, `{"or": [{"country": {}}]}`)})}, "input.scope.customer.or[0].country"},
		"a search":                {setup.UpdateUserInput{Scope: scope(setup.ScopeInput{Customer: customers(t, `{"search": "x"}`)})}, "input.scope.customer.search"},
		"personal data cleared":   {setup.UpdateUserInput{PersonalData: graphql.OmittableOf[*bool](nil)}, "input.personalData"},
		"an administrator's":      {setup.UpdateUserInput{Role: graphql.OmittableOf(&admin), Scope: scope(setup.ScopeInput{OwnCasesOnly: true})}, "input.scope"},
		"an administrator's mask": {setup.UpdateUserInput{Role: graphql.OmittableOf(&admin), PersonalData: graphql.OmittableOf(&no)}, "input.personalData"},
	} {
		c.in.ID = user.ID
		_, err := w.setup.UpdateUser(t.Context(), w.Admin, c.in)
		var f *fault.Error
		if !errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != c.at {
			t.Errorf("%s: %v at %v; want %s", name, err, f, c.at)
		}
	}
	if u := worktest.Read[model.User](w.T, w.DB, user.ID); u.Scope() != nil || u.Role != model.Partner || !u.PersonalData() {
		t.Errorf("something was kept: %+v", u)
	}
	w.Must(`UPDATE users SET own_cases_only = true WHERE id = $1`, user.ID.UUID)
	if _, err := w.setup.UpdateUser(t.Context(), w.Admin, setup.UpdateUserInput{ID: user.ID, Role: graphql.OmittableOf(&admin)}); !fault.Is(err, fault.CodeBadUserInput) {
		t.Errorf("who has a scope becomes an administrator: %v", err)
	}
}
