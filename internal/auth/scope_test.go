package auth_test

import (
	"encoding/json"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("ends the session when it changes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		u := w.user(model.Partner, func(u *model.User) { u.ScopeCustomer = json.RawMessage(`{"country":   {"eq": "GB"}}`) })
		k := w.token(u)
		for _, change := range []string{
			`scope_customer = '{"country": {"eq": "BR"}}'`, `scope_response = '{"score": {"lte": 6}}'`, "own_cases_only = true", "personal_data_hidden = true", "scope_customer = NULL",
		} {
			in, err := w.tokens.SignIn(t.Context(), k.secret)
			if err != nil {
				t.Fatal(err)
			}
			if ended, changed, err := w.tokens.Ended(t.Context(), []string{in.Key()}); err != nil || len(ended)+len(changed) != 0 {
				t.Fatalf("before %s: ended sessions are %v, %v, want none", change, ended, err)
			}
			w.must("UPDATE users SET name = name || 'x' WHERE id = $1", u.ID.UUID)
			if ended, changed, err := w.tokens.Ended(t.Context(), []string{in.Key()}); err != nil || len(ended)+len(changed) != 0 {
				t.Fatalf("after a new name: ended sessions are %v, %v, want none", ended, err)
			}
			w.must("UPDATE users SET "+change+" WHERE id = $1", u.ID.UUID)
			if ended, changed, err := w.tokens.Ended(t.Context(), []string{in.Key()}); err != nil || len(ended) != 0 || len(changed) != 1 {
				t.Errorf("after %s, %v have ended and %v have changed: %v", change, ended, changed, err)
			}
			again, err := w.tokens.SignIn(t.Context(), k.secret)
			if err != nil || again.View() == in.View() {
				t.Errorf("after %s the view has not changed: %v", change, err)
			}
		}
	})

	t.Run("lets nobody in when it is invalid", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		u := w.user(model.Partner)
		k := w.token(u)
		w.must(`UPDATE users SET scope_customer = '{"colour": {"eq": "red"}}' WHERE id = $1`, u.ID.UUID)
		in, err := w.tokens.SignIn(t.Context(), k.secret)
		if in != nil || err == nil || code(err) != "" {
			t.Errorf("got %+v, %v, want an internal error", in, err)
		}
		broken := auth.Viewer{User: &model.User{ScopeCustomer: json.RawMessage(`{"colour": {"eq": "red"}}`)}}
		if s := broken.Scope(); !s.Restricted() || !s.Masked() || s.Sees(nil) {
			t.Error("a viewer with an invalid scope sees something")
		}
	})
}

// Two viewers with the same View may share an answer. OwnCasesOnly gives each viewer a View of their own.
func TestView(t *testing.T) {
	t.Parallel()
	british := func(u *model.User) { u.ScopeCustomer = json.RawMessage(`{"country": {"eq": "GB"}}`) }
	own := func(u *model.User) { u.OwnCasesOnly = true }
	hidden := func(u *model.User) { u.PersonalDataHidden = true }
	view := func(role model.Role, change ...func(*model.User)) string {
		v := viewer(role)
		for _, c := range change {
			c(v.User)
		}
		return v.View()
	}
	for _, changes := range [][]func(*model.User){nil, {british, hidden}} {
		if one, other := view(model.Partner, changes...), view(model.Partner, changes...); one != other {
			t.Errorf("two viewers that see the same have the views %q and %q", one, other)
		}
	}
	seen := map[string]bool{}
	for _, v := range []string{
		view(model.Partner), view(model.Agent), view(model.Partner, british), view(model.Partner, hidden), view(model.Partner, british, hidden),
		view(model.Partner, own), view(model.Partner, own), auth.Viewer{}.View(),
	} {
		if seen[v] {
			t.Errorf("%q is the view of two viewers that do not see the same", v)
		}
		seen[v] = true
	}
}

func TestScopeOf(t *testing.T) {
	t.Parallel()
	other := &model.User{ID: model.UserID{UUID: model.NewUUID()}, OwnCasesOnly: true}
	for role, may := range map[model.Role]bool{model.Admin: true, model.Manager: true, model.Agent: true, model.Stakeholder: true, model.Partner: false, model.Intake: false} {
		v := viewer(role)
		if s, err := v.ScopeOf(other); (err == nil) != may || (s != nil) != may {
			t.Errorf("%s reads another user's scope: got %v, %v, want it allowed: %t", role, s, err, may)
		}
		v.User.PersonalDataHidden = true
		if _, err := v.ScopeOf(other); code(err) != fault.CodeForbidden {
			t.Errorf("%s without access to personal data reads another user's scope: got %v, want FORBIDDEN", role, err)
		}
		if _, err := v.ScopeOf(v.User); err != nil {
			t.Errorf("%s reads their own scope: %v", role, err)
		}
	}
}

func TestGuardWithScope(t *testing.T) {
	t.Parallel()
	const marked = `
directive @requires(role: [Role!]!) on FIELD_DEFINITION
directive @scoped on FIELD_DEFINITION
enum Role { ADMIN MANAGER AGENT STAKEHOLDER PARTNER INTAKE }
type Query { open: Case @scoped  closed: Case }
type Mutation { write: Case @scoped  configure: Case }
type Subscription { watch: Case @scoped  listen: Case }
type Case { id: ID  closed: Case }`
	s := gqlparser.MustLoadSchema(&ast.Source{Input: marked})
	for query, want := range map[string]fault.Code{
		`{open {id closed {id}}}`: "", `{closed {id}}`: fault.CodeForbidden, `{open {id} x: closed {id}}`: fault.CodeForbidden, `{...f} fragment f on Query {... on Query {closed {id}}}`: fault.CodeForbidden,
		`mutation {write {id}}`: "", `mutation {configure {id}}`: fault.CodeForbidden, `subscription {watch {id}}`: "", `subscription {listen {id}}`: fault.CodeForbidden,
		`{__typename __schema {queryType {name}}}`: "",
	} {
		doc, errs := gqlparser.LoadQueryWithRules(s, query, rules.NewDefaultRules())
		if errs != nil {
			t.Fatal(errs)
		}
		for name, change := range map[string]func(*model.User){
			"scoped": func(u *model.User) { u.ScopeCustomer = json.RawMessage(`{"country": {"eq": "GB"}}`) }, "own": func(u *model.User) { u.OwnCasesOnly = true },
			"masked": func(u *model.User) { u.PersonalDataHidden = true }, "unrestricted": func(*model.User) {},
		} {
			v := viewer(model.Manager)
			change(v.User)
			oc := &graphql.OperationContext{Operation: doc.Operations[0]}
			var got fault.Code
			if err := (auth.Guard{}).MutateOperationContext(auth.With(t.Context(), v), oc); err != nil {
				got = code(err)
			}
			if want := map[bool]fault.Code{true: "", false: want}[name == "unrestricted"]; got != want {
				t.Errorf("%s by a viewer that is %s: got code %q, want %q", query, name, got, want)
			}
			if masks := oc.ResolverMiddleware != nil; want == "" && masks != (name == "masked") {
				t.Errorf("%s by a viewer that is %s: masked: %t", query, name, masks)
			}
		}
	}
}
