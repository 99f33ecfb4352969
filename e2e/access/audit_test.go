package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// audited are the root fields that the audit records, with the action.
var audited = map[string]model.AuditAction{
	"createUser": model.AuditUserCreated, "updateUser": model.AuditUserUpdated,
	"createApiToken": model.AuditTokenCreated, "revokeApiToken": model.AuditTokenRevoked, "rotateToken": model.AuditTokenRotated,
	"createRule": model.AuditRuleCreated, "updateRule": model.AuditRuleUpdated, "moveRule": model.AuditRuleMoved, "deleteRule": model.AuditRuleDeleted,
	"createTheme": model.AuditThemeCreated, "updateTheme": model.AuditThemeUpdated, "deleteTheme": model.AuditThemeDeleted,
	"updateSettings": model.AuditSettingsUpdated,
	"createWebhook":  model.AuditWebhookCreated, "updateWebhook": model.AuditWebhookUpdated,
	"rotateWebhookSecret": model.AuditWebhookSecretRotated, "deleteWebhook": model.AuditWebhookDeleted,
	"eraseCustomer": model.AuditCustomerErased, "exportCustomer": model.AuditCustomerExported, "redactNote": model.AuditNoteRedacted, "updateResponse": model.AuditResponseUpdated,
	"importResponses": model.AuditImportStarted,
	"createSource":    model.AuditSourceCreated, "updateSource": model.AuditSourceUpdated, "deleteSource": model.AuditSourceDeleted,
}

// unaudited are the mutations that the audit leaves out, and why.
var unaudited = map[string]string{
	"submitResponse": "stores data and changes no configuration", "submitResponses": "stores data and changes no configuration",
	"openCase": "the log of events has it", "assignCase": "the log of events has it", "assignCases": "the log of events has it",
	"updateCaseStatus": "the log of events has it", "addNote": "the log of events has it", "recordOutreach": "the log of events has it",
	"recordOutreaches": "the log of events has it", "recordReply": "the log of events has it", "setRootCause": "the log of events has it",
	"linkCase": "the log of events has it", "updateCustomer": "the log of events has it", "tagResponse": "work on a response",
	"allocatePassives":  "the log of events has each assignment",
	"retryNotification": "sends a mail again", "redeliverWebhook": "sends an event again",
	"testSource": "writes nothing",
}

func TestAuditRecordsEveryChangeOfConfiguration(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	s := setup.Schema()
	fields := slices.Concat(setup.FieldsOf(s.Mutation), setup.FieldsOf(s.Query))
	seen := 0
	for _, f := range fields {
		place := "Query." + f.Name
		action, recorded := audited[f.Name]
		if s.Mutation.Fields.ForName(f.Name) == f {
			place = "Mutation." + f.Name
			if _, left := unaudited[f.Name]; left == recorded {
				t.Errorf("%s must be either audited or left out with a reason", place)
				continue
			}
		}
		u := uses[place]
		var input any
		if u.input != nil {
			input = u.input(w)
		}
		before := w.Count("audit_events")
		w.OK(model.Admin, u.query, vars{"input": input})
		if !recorded {
			if n := w.Count("audit_events"); n != before {
				t.Errorf("%s leaves %d entries in the audit", place, n-before)
			}
			continue
		}
		seen++
		e := w.OK(model.Admin, `{auditEvents(first: 1) {totalCount nodes {id action objectType objectId times address program actor {id} token {id name}}}}`, nil).At("auditEvents")
		one := e.At("nodes.0")
		if e.Number("totalCount") != before+1 || one.Text("action") != string(action) || one.Text("objectType") != string(action.Object()) || one.Number("times") != 1 {
			t.Errorf("%s is recorded as %v", place, e.V)
		}
		if one.Text("actor.id") != w.Users[model.Admin] || one.Text("token.id") == "" || one.Text("address") != "127.0.0.1" || !one.Missing("program") {
			t.Errorf("%s was done by %v", place, one.V)
		}
		if one.Missing("objectId") != (f.Name == "updateSettings") {
			t.Errorf("%s names the object %v", place, one.V)
		}
		if n := w.OK(model.Admin, `query ($id: ID!) {node(id: $id) {... on AuditEvent {action}}}`, vars{"id": one.Text("id")}); n.Text("node.action") != string(action) {
			t.Errorf("by its id, the entry of %s is %v", place, n.V)
		}
	}
	if seen != len(audited) {
		t.Errorf("%d of %d audited fields are in the schema", seen, len(audited))
	}
}

func TestAuditEvents(t *testing.T) {
	t.Parallel()
	w := newThings(t)
	ana := w.AddUser("ana", vars{"role": "AGENT", "name": "Ana", "scope": vars{"customer": vars{"email": vars{"eq": "a." + secret + "@example.com"}}}})
	list := func(args string) setup.Tree {
		t.Helper()
		return w.OK(model.Admin, `{auditEvents`+args+` {totalCount pageInfo {endCursor hasNextPage} nodes {action objectId before after actor {id}}}}`, nil).At("auditEvents")
	}
	t.Run("show the object before and after, and only what changed", func(t *testing.T) {
		w.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{"userId": ana, "role": "PARTNER"}})
		e := list(`(first: 1, filter: {object: ["` + ana + `"]})`).At("nodes.0")
		if e.Text("before.role") != "AGENT" || e.Text("after.role") != "PARTNER" || len(e.At("after").V.(map[string]any)) != 1 {
			t.Errorf("%v", e.V)
		}
	})
	t.Run("hide of a filter only what it compares with personal data, and show that this changed", func(t *testing.T) {
		scope := func(email, country string) setup.Tree {
			t.Helper()
			w.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{"userId": ana,
				"scope": vars{"customer": vars{"and": vars{"email": vars{"eq": email}}, "country": vars{"eq": country}}}}})
			return list(`(first: 1, filter: {object: ["` + ana + `"]})`).At("nodes.0")
		}
		scope("b."+secret+"@example.com", "GB")
		const mark = "scope.customer.and.0.email.eq"
		e := scope("b."+secret+"@example.com", "BR")
		if e.Text("before.scope.customer.country.eq") != "GB" || e.Text("after.scope.customer.country.eq") != "BR" || e.Text("before."+mark) != e.Text("after."+mark) {
			t.Errorf("another country: %v", e.V)
		}
		if e := scope("c."+secret+"@example.com", "BR"); !strings.HasPrefix(e.Text("before."+mark), "…") || e.Text("before."+mark) == e.Text("after."+mark) {
			t.Errorf("another address: %v", e.V)
		}
	})
	t.Run("are not written where nothing changes", func(t *testing.T) {
		theme, rule, hook := w.freshTheme(), w.AddRule(vars{"filter": vars{"comment": vars{"contains": "refund"}}}), w.freshWebhook()
		before := w.Count("audit_events")
		w.OK(model.Admin, `mutation ($user: ID!, $theme: ID!, $rule: ID!, $hook: ID!) {
			updateUser(input: {userId: $user}) {user {id}} updateTheme(input: {themeId: $theme}) {theme {id}} updateSettings(input: {}) {settings {currency}}
			updateRule(input: {ruleId: $rule}) {rule {id}} moveRule(input: {ruleId: $rule, position: 2}) {rules {id}} updateWebhook(input: {webhookId: $hook}) {webhook {id}}}`,
			vars{"user": ana, "theme": theme, "rule": rule, "hook": hook})
		if n := w.Count("audit_events"); n != before {
			t.Errorf("%d entries", n-before)
		}
		w.Tokens["ana"] = w.OK("ana", `mutation {rotateToken(input: {}) {secret}}`, nil).Text("rotateToken.secret")
		if n := w.Count("audit_events"); n != before+1 {
			t.Errorf("%d entries of a new secret", n-before)
		}
	})
	t.Run("hold no secret, and no data of a customer", func(t *testing.T) {
		response, opened := w.Submit(vars{"comment": secret, "customer": vars{"email": secret + "@example.com", "firstName": secret}})
		customer := w.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).Text("node.customer.id")
		w.AddNote(opened, secret)
		w.AddRule(vars{"filter": vars{"comment": vars{"contains": secret}}})
		hook := w.AddWebhook("https://hooks.example.com/"+secret, "OPENED")
		rotated := w.OK("ana", `mutation {rotateToken(input: {}) {secret}}`, nil).Text("rotateToken.secret")
		first := w.Tokens["ana"]
		w.Tokens["ana"] = rotated
		w.OK(model.Admin, `query ($id: ID!) {exportCustomer(id: $id)}`, vars{"id": customer})
		w.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {responsesKept}}`, vars{"input": vars{"customerId": customer}})
		for _, word := range []string{secret, hook.Text("secret"), rotated, first, "closeloop_", "whsec_"} {
			if n := w.Count(`audit_events e WHERE strpos(e::text, '` + word + `') > 0`); n != 0 {
				t.Errorf("%d entries contain %s", n, word)
			}
		}
		if e := list(`(first: 2, filter: {object: ["` + customer + `"]})`); e.Text("nodes.0.action") != "CUSTOMER_ERASED" || e.Text("nodes.1.action") != "CUSTOMER_EXPORTED" {
			t.Errorf("%v", e.V)
		}
	})
	t.Run("are filtered and paged", func(t *testing.T) {
		all := list(`(first: 100)`)
		n := all.Number("totalCount")
		after, read := "", 0
		for more := true; more; {
			page := list(`(first: 3` + after + `)`)
			for i, e := range page.List("nodes") {
				if want := all.List("nodes")[read+i]; e.Text("action") != want.Text("action") {
					t.Errorf("entry %d is %v, not %v", read+i, e.V, want.V)
				}
			}
			read += len(page.List("nodes"))
			after, more = `, after: "`+page.Text("pageInfo.endCursor")+`"`, page.Bool("pageInfo.hasNextPage")
		}
		if read != n || n < 8 {
			t.Errorf("%d of %d entries were read", read, n)
		}
		for filter, want := range map[string]int{
			`{action: [USER_CREATED], objectType: [USER], at: {withinLast: "PT1H"}}`: len(setup.Roles) + 1,
			`{action: []}`: 0, `{actor: ["` + ana + `"]}`: 2, `{objectType: [SETTINGS]}`: 0, `{at: {lt: "2020-01-01T00:00:00Z"}}`: 0,
		} {
			if got := list(`(filter: ` + filter + `)`).Number("totalCount"); got != want {
				t.Errorf("%s matches %d entries, not %d", filter, got, want)
			}
		}
		if a := w.Do(model.Admin, `{auditEvents(filter: {object: ["x"]}) {totalCount}}`, nil); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "filter.object[0]" {
			t.Errorf("%s", a.Body)
		}
	})
	t.Run("record sign-ins once an hour, and refused ones by address", func(t *testing.T) {
		for range 3 {
			w.OK("ana", `{viewer {token {lastUsedAt}}}`, nil)
			w.Post("closeloop_"+strings.Repeat("x", 43), []byte(`{"query": "{viewer {user {id}}}"}`))
		}
		if w.Connect(nil, vars{"token": "closeloop_unknown"}).Closed() != 4403 {
			t.Error("a socket is opened with an unknown token")
		}
		for range 2 { // the second has nothing to write
			if err := w.App.SignIns.Write(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		e := list(`(filter: {action: [SIGNED_IN], actor: ["` + ana + `"]})`)
		if e.Number("totalCount") != 1 || e.Text("nodes.0.objectId") == "" {
			t.Errorf("%v", e.V)
		}
		if r := w.OK(model.Admin, `{auditEvents(filter: {action: [SIGN_IN_REFUSED]}) {nodes {times address actor {id} token {id} objectId}}}`, nil); len(r.List("auditEvents.nodes")) != 1 ||
			r.Number("auditEvents.nodes.0.times") != 4 || r.Text("auditEvents.nodes.0.address") != "127.0.0.1" || !r.Missing("auditEvents.nodes.0.token") {
			t.Errorf("%v", r.V)
		}
		if w.OK("ana", `{viewer {token {lastUsedAt}}}`, nil).Missing("viewer.token.lastUsedAt") {
			t.Error("the last use is not written")
		}
	})
}
