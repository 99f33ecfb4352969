package access

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// addToken makes a token of a user that is limited by the input. Calls with the role `name` are then made with it.
func (w *things) addToken(name model.Role, user string, input vars) setup.Tree {
	w.T.Helper()
	in := vars{"name": string(name), "userId": user}
	for k, v := range input {
		in[k] = v
	}
	made := w.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret token {id expiresAt role personalData scope {ownCasesOnly}}}}`,
		vars{"input": in}).At("createApiToken")
	w.Tokens[name] = made.Text("secret")
	return made.At("token")
}

func TestTokenIsNarrowerThanItsUser(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	w.Submit(vars{"comment": "British.", "customer": vars{"firstName": "Kim", "country": "GB"}})
	w.Submit(vars{"comment": "Brazilian.", "customer": vars{"firstName": "Ana", "country": "BR"}})
	manager := w.AddUser("chief", vars{"role": "MANAGER"})
	w.addToken("board", manager, vars{"role": "PARTNER", "scope": setup.British, "personalData": false})
	update := func(input vars) {
		t.Helper()
		input["userId"] = manager
		w.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": input})
	}
	t.Run("in role, scope and personal data", func(t *testing.T) {
		v := w.OK("board", `{viewer {role user {id role personalData} token {name role personalData scope {customer}}}}`, nil).At("viewer")
		if v.Text("role") != "PARTNER" || v.Text("user.role") != "MANAGER" || !v.Bool("user.personalData") || v.Text("token.role") != "PARTNER" || v.Bool("token.personalData") ||
			v.Missing("token.scope.customer") {
			t.Errorf("the viewer is %v", v.V)
		}
		customers := w.OK("board", `{customers {totalCount nodes {country displayName firstName}}}`, nil)
		if customers.Number("customers.totalCount") != 1 || customers.Text("customers.nodes.0.country") != "GB" || !customers.Missing("customers.nodes.0.firstName") {
			t.Errorf("the token sees %v", customers.V)
		}
		for _, q := range []string{`{rules {id}}`, `mutation {addNote(input: {caseId: "` + w.opened + `", body: "x"}) {note {id}}}`, `{settings {currency}}`} {
			if a := w.Do("board", q, nil); a.Code() != "FORBIDDEN" {
				t.Errorf("%s: %s", q, a.Body)
			}
		}
		if n := w.OK("chief", `{customers {totalCount} rules {id}}`, nil).Number("customers.totalCount"); n != 3 {
			t.Errorf("the user's other token sees %d customers", n)
		}
	})
	t.Run("and makes nothing that acts with the user's rights", func(t *testing.T) {
		a := w.Do("board", `mutation {createWebhook(input: {url: "https://hooks.example.com/x", events: [OPENED]}) {secret}}`, nil)
		if a.Code() != "FORBIDDEN" || w.Count("webhooks") != 0 {
			t.Errorf("%s", a.Body)
		}
	})
	t.Run("and never wider", func(t *testing.T) {
		for argument, input := range map[string]vars{
			"input.role": {"role": "ADMIN"}, "input.scope": {"userId": w.Users[model.Admin], "scope": setup.British},
			"input.personalData": {"userId": w.Users[model.Admin], "personalData": false},
		} {
			in := vars{"name": "wider", "userId": manager}
			for k, v := range input {
				in[k] = v
			}
			a := w.Do(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`, vars{"input": in})
			if a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != argument {
				t.Errorf("%v: %s", input, a.Body)
			}
		}
		if a := w.Do(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`,
			vars{"input": vars{"name": "wider", "userId": manager, "role": "INTAKE"}}); a.Code() != "BAD_USER_INPUT" {
			t.Errorf("a manager's token may submit: %s", a.Body)
		}
	})
	t.Run("and follows its user within a second", func(t *testing.T) {
		w.addToken("writer", manager, vars{"role": "AGENT"})
		socket := w.SignIn(w.Tokens["board"])
		update(vars{"scope": vars{"customer": vars{"country": vars{"eq": "FR"}}}})
		if code := socket.Closed(); code != 4511 {
			t.Errorf("after the user's scope changed, the socket ends with %d", code)
		}
		if n := w.OK("board", `{customers {totalCount}}`, nil).Number("customers.totalCount"); n != 0 {
			t.Errorf("of the user's scope and the token's, %d customers match both", n)
		}
		update(vars{"scope": nil, "role": "STAKEHOLDER"})
		if v := w.OK("writer", `{viewer {role token {role}}}`, nil); v.Text("viewer.role") != "STAKEHOLDER" || v.Text("viewer.token.role") != "AGENT" {
			t.Errorf("the viewer is %v", v.V)
		}
		update(vars{"role": "INTAKE"})
		if a := w.Do("writer", `{viewer {role}}`, nil); a.Status != 401 {
			t.Errorf("a token whose role has nothing in common with the user's signs in: %s", a.Body)
		}
	})
}

func TestTokenLifetime(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	user := w.Users[model.Agent]
	days := func(token setup.Tree) int {
		at, err := time.Parse(time.RFC3339, token.Text("expiresAt"))
		if err != nil {
			return 0
		}
		return int(time.Until(at).Hours()/24 + 0.5)
	}
	if n := days(w.addToken("a", user, nil)); n != 365 {
		t.Errorf("by default a token works for %d days", n)
	}
	if n := days(w.addToken("b", user, vars{"expiresAt": nil})); n != 0 {
		t.Errorf("a token without an end works for %d days", n)
	}
	w.OK(model.Admin, `mutation {updateSettings(input: {tokenLifetimeDays: 30}) {settings {tokenLifetimeDays auditRetentionDays}}}`, nil)
	if n := days(w.addToken("c", user, nil)); n != 30 {
		t.Errorf("with a setting of 30 days a token works for %d days", n)
	}
	for _, input := range []string{`tokenLifetimeDays: 0`, `tokenLifetimeDays: null`, `auditRetentionDays: 29`, `auditRetentionDays: 3651`} {
		if a := w.Do(model.Admin, `mutation {updateSettings(input: {`+input+`}) {settings {currency}}}`, nil); a.Code() != "BAD_USER_INPUT" {
			t.Errorf("%s: %s", input, a.Body)
		}
	}
}

func TestRotateToken(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	rotate := func(as model.Role, input string) *setup.Answer {
		return w.Do(as, `mutation {rotateToken(input: {`+input+`}) {secret token {id expiresAt}}}`, nil)
	}
	works := func(as model.Role) bool { return w.Do(as, `{viewer {token {id}}}`, nil).Status == 200 }
	token := w.addToken("first", w.Users[model.Partner], nil)
	a := rotate("first", `gracePeriod: "PT1H"`)
	w.Tokens["second"] = a.Text("rotateToken.secret")
	if !works("first") || !works("second") || a.Text("rotateToken.token.id") != token.Text("id") || a.Text("rotateToken.token.expiresAt") != token.Text("expiresAt") {
		t.Fatalf("within the grace period: %s", a.Body)
	}
	if a := rotate("first", ""); a.Code() != "CONFLICT" {
		t.Errorf("the replaced secret rotates the token: %s", a.Body)
	}
	old, current := w.SignIn(w.Tokens["first"]), w.SignIn(w.Tokens["second"])
	w.Tokens["third"] = rotate("second", `gracePeriod: "PT1H"`).Text("rotateToken.secret")
	if code := old.Closed(); code != 4403 || works("first") {
		t.Errorf("the secret before the last ends with %d", code)
	}
	w.Tokens["fourth"] = rotate("third", "").Text("rotateToken.secret")
	if code := current.Closed(); code != 4403 || works("second") || works("third") || !works("fourth") {
		t.Errorf("without a grace period, the secret before ends with %d", code)
	}
	for _, input := range []string{`gracePeriod: "P8D"`} {
		if a := rotate("fourth", input); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "input.gracePeriod" {
			t.Errorf("%s: %s", input, a.Body)
		}
	}
	w.OK(model.Admin, `mutation ($input: RevokeApiTokenInput!) {revokeApiToken(input: $input) {token {id}}}`, vars{"input": vars{"tokenId": token.Text("id")}})
	if works("fourth") {
		t.Error("a revoked token works")
	}
}

func TestSecretArrivesAlthoughAFieldBesideItFails(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	chief := w.AddUser("chief", vars{"role": "MANAGER"})
	const failing = `{user {assignedCases(after: "nowhere") {totalCount}}}`
	a := w.Do("chief", `mutation {rotateToken(input: {}) {secret token `+failing+`}}`, nil)
	if secret := (setup.Tree{V: a.V}).Text("rotateToken.secret"); secret == "" || a.Code() != "BAD_USER_INPUT" {
		t.Errorf("%s", a.Body)
	}
	a = w.Do(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret token `+failing+`}}`, vars{"input": vars{"name": "x", "userId": chief}})
	if secret := (setup.Tree{V: a.V}).Text("createApiToken.secret"); secret == "" || a.Code() != "BAD_USER_INPUT" {
		t.Errorf("%s", a.Body)
	}
}
