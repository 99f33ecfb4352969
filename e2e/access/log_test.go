package access

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// word is in every value that a customer or a caller gives: lands make the first two.
var word = regexp.MustCompile(`(?i)` + inland + `|` + outland + `|` + marker + `|(closeloop|whsec)_[A-Za-z0-9+/_-]{20}`)

const marker = "xmarkerx"

func TestLogShowsNoValueThatACallerGave(t *testing.T) {
	t.Parallel()
	w := newLands(t, setup.Options{LogAll: true, Webhooks: true})
	t.Run("while everything is read", func(t *testing.T) {
		w := w.in(t)
		queries, _, _ := w.tour(model.Admin)
		for _, q := range queries {
			w.OK(model.Admin, q, nil)
		}
		for _, condition := range []string{
			`customer: {email: {eq: "` + marker + `@example.com"}}`, `response: {comment: {contains: "` + marker + `"}}`, `response: {search: "` + marker + `"}`,
			`customer: {attribute: {key: "` + marker + `", value: {eq: "` + marker + `"}}}`,
		} {
			w.OK(model.Admin, `{cases(filter: {not: {`+condition+`}}) {totalCount nodes {id}} caseSummary(filter: {`+condition+`}) {total}}`, nil)
		}
		w.unlogged(t)
	})
	t.Run("while everything is refused", func(t *testing.T) {
		w := w.in(t)
		things := &things{Server: w.Server, caller: model.Admin, rule: w.AddRule(nil), response: w.response[inland], opened: w.opened[inland], event: w.last}
		refused := 0
		for place, u := range uses {
			if strings.HasPrefix(place, "Subscription.") {
				continue
			}
			w.Do(nobody, u.query, nil)
			w.Post("closeloop_"+marker, []byte(`{"query": "{viewer {user {id}}}"}`))
			w.Do(model.Admin, strings.Replace(u.query, "{", `{`+marker+`: __typename `, 1)+` # `+marker, nil)
			if u.input == nil {
				continue
			}
			for _, input := range []any{marked(u.input(things)), marker, vars{"id": marker, marker: marker}} {
				if a := w.Do(model.Admin, u.query, vars{"input": input}); len(a.Errors) > 0 {
					refused++
				}
			}
		}
		if refused < 60 {
			t.Errorf("only %d calls were refused", refused)
		}
		for _, body := range []string{marker, `{"query": "` + marker + `"}`, `{"query": "{cases(filter: {customer: {email: {eq: ` + marker + `}}}) {nodes {id}}}"}`} {
			w.Post(w.Tokens[model.Admin], []byte(body))
		}
		w.Connect(nil, vars{"token": "closeloop_" + marker}).Closed()
		w.unlogged(t)
	})
	t.Run("while the database refuses", func(t *testing.T) {
		w := w.in(t)
		for table, column := range map[string]string{"customers": "email_fold", "notes": "body", "responses": "comment", "users": "name", "themes": "name", "rules": "name"} {
			if _, err := w.App.DB.Pool.Exec(t.Context(), `ALTER TABLE `+table+` ADD CONSTRAINT refused CHECK (`+column+` NOT LIKE '%`+marker[:4]+`' || '`+marker[4:]+`%') NOT VALID`); err != nil {
				t.Fatal(err)
			}
		}
		internal := 0
		for query, input := range map[string]vars{
			`($input: SubmitResponseInput!) {submitResponse(input: $input) {created}}`:                  {"score": 3, "comment": marker, "customer": vars{"email": marker + "@example.com", "firstName": marker}},
			`($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id}}}`:    {"score": 3, "comment": marker, "customer": vars{"firstName": "Ana"}},
			`($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`:                              {"caseId": w.opened[inland], "body": marker},
			`($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`:                        {"name": marker, "email": marker + "@example.com", "role": "AGENT"},
			`($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`:                     {"name": marker, "keywords": []string{marker}},
			`($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`:                        {"name": marker},
			`($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {error {code}}}}`: {"responses": []vars{{"score": 3, "comment": marker, "customer": vars{"email": marker + "@example.com"}}}},
			`($input: CreateUserInput!) {createUser(input: $input) {user {name}}}`:                      {"name": "New", "email": "agent@example.com", "role": "AGENT"},
			`($input: UpdateCustomerInput!) {updateCustomer(input: $input) {customer {id}}}`:            {"id": w.customer[inland], "email": marker + "@example.com"},
			`($input: RecordOutreachInput!) {recordOutreach(input: $input) {case {id}}}`:                {"caseId": w.opened[inland], "outreach": vars{"channel": "PHONE"}, "note": marker},
			`($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`:                   {"userId": w.Users[model.Agent], "name": marker},
			`($input: CreateWebhookInput!) {createWebhook(input: $input) {secret}}`:                     {"url": "https://localhost:1/" + marker, "events": []string{"NOTE_ADDED"}},
			`($input: ImportResponsesInput!) {importResponses(input: $input) {import {id}}}`:            {"file": setup.CSV("score,comment,email\n3," + marker + "," + marker + "@example.com\n" + marker + ",,\n")},
		} {
			if a := w.Do(model.Admin, "mutation "+query, vars{"input": input}); strings.Contains(a.Body, "INTERNAL") {
				internal++
			}
		}
		if internal < 5 {
			t.Errorf("only %d calls failed inside", internal)
		}
		if _, err := w.App.Users.IssueToken(t.Context(), auth.System("test"), marker+"@example.com", model.Agent); err != nil {
			t.Log(err)
		}
		w.AddNote(w.opened[inland], "A webhook is sent this.")
		w.Log.Await(t, "event not delivered yet")
		if request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/graphql?query="+marker, nil); err != nil {
			t.Fatal(err)
		} else if response, err := http.DefaultClient.Do(request); err == nil {
			response.Body.Close()
		}
		w.Log.Await(t, "internal error")
		w.unlogged(t)
	})
}

// in is the same world for a subtest, whose failures it reports.
func (w *lands) in(t *testing.T) *lands {
	one := *w
	one.Server = w.As(t)
	return &one
}

// unlogged fails the test if the log has a word that a caller gave, or nothing at all.
func (w *lands) unlogged(t *testing.T) {
	t.Helper()
	lines, slow := w.Log.Lines(), 0
	for _, line := range lines {
		if strings.HasPrefix(line, "slow statement") {
			slow++
		}
		if len(line) > 20_000 {
			t.Errorf("a line of %d bytes: %.200s", len(line), line)
		}
		if found := word.FindString(line); found != "" {
			t.Errorf("the log shows %s: %.2000s", found, line)
		}
	}
	if slow < 500 {
		t.Errorf("the log has %d statements among its %d lines", slow, len(lines))
	}
}

// marked replaces every text of an input by the marker, except those that say what else to read.
func marked(input any) any {
	text, err := json.Marshal(input)
	if err != nil {
		panic(err)
	}
	var copied any
	if err := json.Unmarshal(text, &copied); err != nil {
		panic(err)
	}
	return markedCopy(copied)
}

func markedCopy(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if text, ok := value.(string); ok && strings.HasSuffix(strings.ToLower(key), "id") && text != strings.ToUpper(text) {
				continue // the input shall reach the row that it names
			}
			v[key] = markedCopy(value)
		}
	case []any:
		for i := range v {
			v[i] = markedCopy(v[i])
		}
	case string:
		return marker + "\"'" + marker
	}
	return v
}
