package access

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// Groups of roles, from the table in the contract. ADMIN is in all of them.
var (
	anyone   = []model.Role{model.Intake, model.Partner, model.Stakeholder, model.Agent, model.Manager, model.Admin}
	readers  = []model.Role{model.Partner, model.Stakeholder, model.Agent, model.Manager, model.Admin}
	staff    = []model.Role{model.Stakeholder, model.Agent, model.Manager, model.Admin}
	workers  = []model.Role{model.Agent, model.Manager, model.Admin}
	managers = []model.Role{model.Manager, model.Admin}
	admins   = []model.Role{model.Admin}
	intakes  = []model.Role{model.Intake, model.Admin}
)

// use is one way to call a root field.
type use struct {
	roles []model.Role
	query string
	input func(*things) any // the variable $input; nil: the query has no variable
}

// things are the objects that the operations name. The fresh… methods make an object that one operation uses up.
type things struct {
	*setup.Server
	rule, response, opened, event string
	caller                        model.Role // whose objects the fresh… methods make, where objects have owners
}

func (w *things) freshCase() string { _, opened := w.Submit(nil); return opened }

func (w *things) freshCustomer() string {
	response, _ := w.Submit(nil)
	return w.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).Text("node.customer.id")
}

func (w *things) freshNote() string {
	return w.OK(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`,
		vars{"input": vars{"caseId": w.opened, "body": "Called."}}).Text("addNote.note.id")
}

func (w *things) freshToken() string {
	return w.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {token {id}}}`,
		vars{"input": vars{"name": "for a while", "userId": w.Users[model.Agent]}}).Text("createApiToken.token.id")
}

func (w *things) freshUser() string {
	return w.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
		vars{"input": setup.UserInput()}).Text("createUser.user.id")
}

// unsentMail returns the id of a mail that could not be sent.
func (w *things) unsentMail() string {
	w.freshCase()
	if _, err := w.App.DB.Pool.Exec(w.T.Context(), "UPDATE notifications SET status = 'NOT_SENT'"); err != nil {
		w.T.Fatal(err)
	}
	return w.OK(model.Admin, `{notifications(filter: {status: [NOT_SENT]}) {nodes {id}}}`, nil).Text("notifications.nodes.0.id")
}

func (w *things) freshTheme() string {
	return w.OK(model.Manager, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`,
		vars{"input": vars{"name": "Theme " + model.NewUUID().String(), "keywords": []string{}}}).Text("createTheme.theme.id")
}

var uses = map[string]use{
	"Query.node":           {readers, `query ($input: ID!) {node(id: $input) {id}}`, func(w *things) any { return w.opened }},
	"Query.nodes":          {readers, `query ($input: ID!) {nodes(ids: [$input]) {id}}`, func(w *things) any { return w.opened }},
	"Query.viewer":         {anyone, `{viewer {role user {id name email role active} token {id name role createdAt expiresAt lastUsedAt personalData user {id}} rateLimit {limit remaining restoreRate resetAt cost}}}`, nil},
	"Query.settings":       {staff, `{settings {currency}}`, nil},
	"Query.responses":      {readers, `{responses {nodes {id customer {id} case {id}}}}`, nil},
	"Query.customers":      {readers, `{customers {nodes {id responses {nodes {id}} cases {nodes {id}}}}}`, nil},
	"Query.cases":          {readers, `{cases {feedCursor nodes {id assignee {id assignedCases {nodes {id}}} notes {nodes {id}} history {nodes {id}}}}}`, nil},
	"Query.case":           {readers, `{case(number: 1) {id}}`, nil},
	"Query.notes":          {readers, `{notes {nodes {id author {name}}}}`, nil},
	"Query.caseEvents":     {readers, `{caseEvents {nodes {id actor {name}}}}`, nil},
	"Query.caseSummary":    {readers, `{caseSummary {total groups(groupBy: COUNTRY) {label total}}}`, nil},
	"Query.followUpReport": {readers, `{followUpReport(groupBy: ASSIGNEE) {cases inTimeRate groups {label cases}}}`, nil},
	"Query.npsReport":      {readers, `{npsReport(groupBy: SEGMENT) {responses nps marginOfError groups {label nps}}}`, nil},
	"Query.topThemes":      {readers, `{topThemes {responses nps theme {name} sample {comment}}}`, nil},
	"Query.recoveryReport": {readers, `{recoveryReport(groupBy: MONTH) {closedCases lifetimeValueRecovered groups {key}}}`, nil},
	"Query.users":          {staff, `{users {nodes {id}}}`, nil},
	"Query.rules":          {staff, `{rules {id}}`, nil},
	"Query.ruleRecipes":    {staff, `{ruleRecipes {key}}`, nil},
	"Query.previewRule":    {managers, `{previewRule(rule: {name: "All"}, since: "2000-01-01T00:00:00Z") {matched}}`, nil},
	"Query.notifications":  {staff, `{notifications {nodes {id to case {id} response {id} rule {id}} totalCount}}`, nil},
	"Query.themes":         {readers, `{themes {id name keywords effort}}`, nil},
	"Query.suggestThemes":  {managers, `{suggestThemes(limit: 3) {keyword responses sample {id}}}`, nil},
	"Query.passives":       {readers, `{passives(prioritizeBy: [SEGMENT, EASY_WINS], segments: ["gold"]) {nodes {id themes {name} customer {id} testimonialLikelihood}}}`, nil},
	"Query.apiTokens":      {admins, `{apiTokens {id}}`, nil},
	"Query.webhooks":       {readers, `{webhooks {id url owner {id} events filter enabled deliveries {totalCount nodes {id event {id}}}}}`, nil},
	"Mutation.createWebhook": {readers, `mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {secret webhook {id}}}`, func(*things) any {
		return vars{"url": "https://hooks.example.com/x", "events": []string{"OPENED"}}
	}},
	"Mutation.updateWebhook": {readers, `mutation ($input: UpdateWebhookInput!) {updateWebhook(input: $input) {webhook {id}}}`, func(w *things) any {
		return vars{"webhookId": w.freshWebhook(), "enabled": false}
	}},
	"Mutation.rotateWebhookSecret": {readers, `mutation ($input: RotateWebhookSecretInput!) {rotateWebhookSecret(input: $input) {secret}}`, func(w *things) any {
		return vars{"webhookId": w.freshWebhook()}
	}},
	"Mutation.redeliverWebhook": {readers, `mutation ($input: RedeliverWebhookInput!) {redeliverWebhook(input: $input) {delivery {id status event {type}}}}`, func(w *things) any {
		return vars{"deliveryId": w.freshDelivery()}
	}},
	"Mutation.deleteWebhook": {readers, `mutation ($input: DeleteWebhookInput!) {deleteWebhook(input: $input) {deletedId}}`, func(w *things) any {
		return vars{"webhookId": w.freshWebhook()}
	}},
	"Mutation.submitResponse": {intakes, setup.SubmitResponse, func(*things) any {
		return vars{"score": 3, "customer": vars{"firstName": "Ana"}}
	}},
	"Mutation.openCase": {workers, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`, func(w *things) any {
		response, _ := w.Submit(vars{"score": 9})
		return vars{"subject": vars{"responseId": response}, "note": "A word of thanks."}
	}},
	"Mutation.assignCase": {workers, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`, func(w *things) any {
		return vars{"caseId": w.freshCase(), "assigneeId": w.Users[model.Agent]}
	}},
	"Mutation.updateCaseStatus": {workers, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`, func(w *things) any {
		return vars{"caseId": w.freshCase(), "status": "CLOSED", "note": "Solved."}
	}},
	"Mutation.addNote": {workers, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, func(w *things) any {
		return vars{"caseId": w.opened, "body": "Called."}
	}},
	"Mutation.assignCases": {managers, `mutation ($input: AssignCasesInput!) {assignCases(input: $input) {cases {id}}}`, func(w *things) any {
		return vars{"cases": []vars{{"caseId": w.freshCase()}}, "assigneeId": w.Users[model.Agent]}
	}},
	"Mutation.recordOutreach": {workers, `mutation ($input: RecordOutreachInput!) {recordOutreach(input: $input) {event {channel outcome}}}`, func(w *things) any {
		return vars{"caseId": w.opened, "outreach": vars{"channel": "PHONE"}, "note": "Called."}
	}},
	"Mutation.recordOutreaches": {workers, `mutation ($input: RecordOutreachesInput!) {recordOutreaches(input: $input) {cases {id}}}`, func(w *things) any {
		return vars{"caseIds": []string{w.opened}, "outreach": vars{"channel": "CAMPAIGN", "offer": "VOUCHER", "outcome": "MESSAGE_SENT"}, "note": "A voucher for everybody."}
	}},
	"Mutation.recordReply": {workers, `mutation ($input: RecordReplyInput!) {recordReply(input: $input) {event {improvement}}}`, func(w *things) any {
		return vars{"caseId": w.opened, "improvement": "Answer the phone."}
	}},
	"Mutation.setRootCause": {workers, `mutation ($input: SetRootCauseInput!) {setRootCause(input: $input) {case {rootCause} event {whys}}}`, func(w *things) any {
		return vars{"caseId": w.opened, "whys": []string{"Late.", "No crew."}}
	}},
	"Mutation.linkCase": {workers, `mutation ($input: LinkCaseInput!) {linkCase(input: $input) {case {externalRefs {system id url}}}}`, func(w *things) any {
		return vars{"caseId": w.opened, "system": "crm", "externalId": "A-1"}
	}},
	"Mutation.updateResponse": {managers, `mutation ($input: UpdateResponseInput!) {updateResponse(input: $input) {changed response {score}}}`, func(w *things) any {
		return vars{"responseId": w.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {response {id}}}}`, vars{"id": w.opened}).Text("node.response.id"), "score": 1}
	}},
	"Mutation.updateCustomer": {workers, `mutation ($input: UpdateCustomerInput!) {updateCustomer(input: $input) {customer {country}}}`, func(w *things) any {
		customer := w.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {customer {id}}}}`, vars{"id": w.opened}).Text("node.customer.id")
		return vars{"customerId": customer, "country": "BR"}
	}},
	"Mutation.retryNotification": {managers, `mutation ($input: RetryNotificationInput!) {retryNotification(input: $input) {notification {status}}}`, func(w *things) any {
		return vars{"notificationId": w.unsentMail()}
	}},
	"Mutation.createRule": {managers, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`, func(*things) any {
		return vars{"name": "Passives", "scores": []int{7, 8}, "opensCase": false}
	}},
	"Mutation.updateRule": {managers, `mutation ($input: UpdateRuleInput!) {updateRule(input: $input) {rule {id}}}`, func(w *things) any {
		return vars{"ruleId": w.rule, "name": "All detractors"}
	}},
	"Mutation.moveRule": {managers, `mutation ($input: MoveRuleInput!) {moveRule(input: $input) {rules {id}}}`, func(w *things) any {
		return vars{"ruleId": w.AddRule(vars{"enabled": false}), "position": 1}
	}},
	"Mutation.deleteRule": {managers, `mutation ($input: DeleteRuleInput!) {deleteRule(input: $input) {deletedId}}`, func(w *things) any {
		return vars{"ruleId": w.AddRule(vars{"enabled": false})}
	}},
	"Mutation.createTheme": {managers, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`, func(*things) any {
		return vars{"name": "Theme " + model.NewUUID().String(), "keywords": []string{"late*"}, "applyToPast": true}
	}},
	"Mutation.updateTheme": {managers, `mutation ($input: UpdateThemeInput!) {updateTheme(input: $input) {theme {id}}}`, func(w *things) any {
		return vars{"themeId": w.freshTheme(), "effort": "EASY"}
	}},
	"Mutation.deleteTheme": {managers, `mutation ($input: DeleteThemeInput!) {deleteTheme(input: $input) {deletedId}}`, func(w *things) any {
		return vars{"themeId": w.freshTheme()}
	}},
	"Mutation.tagResponse": {workers, `mutation ($input: TagResponseInput!) {tagResponse(input: $input) {response {id themes {name}}}}`, func(w *things) any {
		return vars{"responseId": w.response, "themeIds": []string{w.freshTheme()}}
	}},
	"Mutation.allocatePassives": {managers, `mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered allocated cases {id}}}`, func(w *things) any {
		w.Submit(vars{"score": 8})
		return vars{"percent": 50, "userIds": []string{w.Users[model.Agent]}}
	}},
	"Mutation.updateSettings": {admins, `mutation ($input: UpdateSettingsInput!) {updateSettings(input: $input) {settings {currency}}}`, func(*things) any {
		return vars{"currency": "USD"}
	}},
	"Mutation.redactNote": {managers, `mutation ($input: RedactNoteInput!) {redactNote(input: $input) {note {body redactedAt}}}`, func(w *things) any {
		return vars{"noteId": w.freshNote()}
	}},
	"Query.exportCustomer": {admins, `query ($input: ID!) {exportCustomer(id: $input)}`, func(w *things) any { return w.freshCustomer() }},
	"Mutation.eraseCustomer": {admins, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {customer {erasedAt} responsesKept}}`, func(w *things) any {
		return vars{"customerId": w.freshCustomer()}
	}},
	"Mutation.createUser": {admins, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`, func(*things) any { return setup.UserInput() }},
	"Mutation.updateUser": {admins, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, func(w *things) any {
		return vars{"userId": w.freshUser(), "active": false}
	}},
	"Mutation.createApiToken": {admins, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`, func(w *things) any {
		return vars{"name": "a program's", "userId": w.Users[model.Intake]}
	}},
	"Mutation.revokeApiToken": {admins, `mutation ($input: RevokeApiTokenInput!) {revokeApiToken(input: $input) {token {id}}}`, func(w *things) any {
		return vars{"tokenId": w.freshToken()}
	}},
	"Query.auditEvents": {admins, `{auditEvents {totalCount nodes {id at action actor {id} token {id name} program objectType objectId before after address times}}}`, nil},
	"Mutation.rotateToken": {anyone, `mutation ($input: RotateTokenInput!) {rotateToken(input: $input) {secret token {id}}}`, func(*things) any {
		return vars{"gracePeriod": "PT1H"}
	}},
	"Query.sources": {managers, `{sources {id name deliveries {totalCount nodes {id payload response {id}}}}}`, nil},
	"Query.source":  {managers, `query ($input: ID!) {source(id: $input) {id mapping {field path}}}`, func(w *things) any { return w.freshSource() }},
	"Mutation.createSource": {managers, `mutation ($input: CreateSourceInput!) {createSource(input: $input) {source {id}}}`, func(*things) any {
		return vars{"name": "s-" + model.NewUUID().String(), "tool": "GOOGLE_FORMS", "survey": "Event"}
	}},
	"Mutation.updateSource": {managers, `mutation ($input: UpdateSourceInput!) {updateSource(input: $input) {source {id}}}`, func(w *things) any {
		return vars{"sourceId": w.freshSource(), "survey": "Party"}
	}},
	"Mutation.deleteSource": {managers, `mutation ($input: DeleteSourceInput!) {deleteSource(input: $input) {deletedId}}`, func(w *things) any {
		return vars{"sourceId": w.freshSource()}
	}},
	"Mutation.testSource": {managers, `mutation ($input: TestSourceInput!) {testSource(input: $input) {fate}}`, func(w *things) any {
		return vars{"sourceId": w.freshSource(), "payload": `{"responseId": "r", "answers": [{"type": "SCALE", "value": "3"}]}`}
	}},
	"Query.imports": {managers, `{imports {nodes {id status}}}`, nil},
	"Mutation.importResponses": {append(slices.Clone(intakes), model.Manager), `mutation ($input: ImportResponsesInput!) {importResponses(input: $input) {import {id}}}`, func(*things) any {
		return vars{"file": setup.CSV("score\n3\n"), "columns": vars{"score": "score"}}
	}},
	"Mutation.submitResponses": {intakes, `mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {response {score} created}}}`, func(*things) any {
		return vars{"responses": []vars{{"score": 2, "customer": vars{"firstName": "Ana"}}}}
	}},
	"Subscription.importProgress": {append(slices.Clone(intakes), model.Manager), `importProgress`, nil}, // see TestImportResponses in e2e/intake
	// See TestRoles.
	"Subscription.caseEvents":  {readers, `caseEvents`, nil},
	"Subscription.caseSummary": {readers, `caseSummary`, nil},
}

func newThings(t *testing.T, with ...setup.Options) *things {
	t.Helper()
	w := &things{Server: setup.NewServer(t, with...), caller: model.Admin}
	w.rule = w.AddRule(vars{"notify": []vars{{"kind": "ADDRESS", "address": "desk@example.com"}}})
	w.response, w.opened = w.Submit(nil)
	w.event = w.OK(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {history {nodes {id}}}}}`, vars{"id": w.opened}).Text("node.history.nodes.0.id")
	return w
}

func TestRoles(t *testing.T) {
	t.Parallel()
	t.Run("open a root field to its roles and to nobody else", func(t *testing.T) {
		t.Parallel()
		w := newThings(t, setup.Options{Still: true}) // only requests may write
		s := setup.Schema()
		for _, f := range slices.Concat(setup.FieldsOf(s.Query), setup.FieldsOf(s.Mutation)) {
			place := "Query." + f.Name
			if s.Mutation.Fields.ForName(f.Name) == f {
				place = "Mutation." + f.Name
			}
			u, known := uses[place]
			if !known {
				t.Errorf("%s has no case here: say who may use it", place)
				continue
			}
			if !strings.Contains(u.query, f.Name) {
				t.Errorf("the case of %s does not use it: %s", place, u.query)
			}
			var input any
			w.caller = model.Admin
			if u.input != nil {
				input = u.input(w)
			}
			before := everything(w.Server)
			for _, role := range setup.Roles {
				if slices.Contains(u.roles, role) {
					continue
				}
				if a := w.Do(role, u.query, vars{"input": input}); a.Code() != "FORBIDDEN" || a.V != nil {
					t.Errorf("%s as %s is not FORBIDDEN: %s", place, role, a.Body)
				}
			}
			if a := w.Do(nobody, u.query, vars{"input": input}); a.Code() != "UNAUTHENTICATED" || a.Status != http.StatusUnauthorized || a.V != nil {
				t.Errorf("%s without a token: status %d: %s", place, a.Status, a.Body)
			}
			if after := everything(w.Server); after != before {
				t.Errorf("%s was refused, and yet something was written: %s, then %s", place, before, after)
			}
			for _, role := range u.roles {
				w.caller = role
				if u.input != nil {
					input = u.input(w)
				}
				if a := w.Do(role, u.query, vars{"input": input}); len(a.Errors) > 0 || a.V == nil {
					t.Errorf("%s as %s: status %d: %s", place, role, a.Status, a.Body)
				}
			}
		}
		for place := range uses {
			root, name, _ := strings.Cut(place, ".")
			if s.Types[root].Fields.ForName(name) == nil {
				t.Errorf("%s is gone from the schema", place)
			}
		}
	})

	t.Run("open subscriptions to roles that may read", func(t *testing.T) {
		t.Parallel()
		w := newThings(t)
		for _, f := range setup.FieldsOf(setup.Schema().Subscription) {
			if _, known := uses["Subscription."+f.Name]; !known {
				t.Errorf("Subscription.%s has no case here", f.Name)
			}
		}
		start := w.OK(model.Agent, `{cases(last: 1) {feedCursor}}`, nil).Text("cases.feedCursor")
		w.AddNote(w.opened, "Called again.")
		for _, role := range setup.Roles {
			c := w.Watch(role, `(after: "`+start+`")`, "type")
			if !slices.Contains(uses["Subscription.caseEvents"].roles, role) {
				if code := c.Refused(); code != "FORBIDDEN" {
					t.Errorf("%s subscribes: %q", role, code)
				}
				continue
			}
			if e := c.Next(); e.Text("type") != "NOTE_ADDED" {
				t.Errorf("%s gets %v", role, e.V)
			}
		}
		for _, role := range setup.Roles {
			c := w.WatchSummary(role, "")
			if !slices.Contains(uses["Subscription.caseSummary"].roles, role) {
				if code := c.Refused(); code != "FORBIDDEN" {
					t.Errorf("%s watches figures: %q", role, code)
				}
				continue
			}
			if s := c.NextSummary(); s.Number("total") != 1 || s.Number("open") != 1 {
				t.Errorf("%s gets %v", role, s.V)
			}
		}
		if code := w.Connect(nil, nil).Closed(); code != 4403 {
			t.Errorf("without a token the socket ends with %d", code)
		}
	})
}

// nobody is the role of a caller without a token.
const nobody model.Role = ""
