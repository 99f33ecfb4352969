package protocol

import (
	"bytes"
	"encoding/json"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestInput(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	notes := func() int { return s.Count("notes") }
	const beside = `mutation ($note: AddNoteInput!, $f: CaseFilter) {addNote(input: $note) {note {id} case {customer {cases(filter: $f) {totalCount}}}}}`
	note := vars{"caseId": opened, "body": "Called."}

	// The document of each has a mutation that is in order beside input that is not.
	for name, c := range map[string]struct {
		query, argument, message string
		filter                   any
	}{
		"a filter's type in a variable":    {beside, "filter.response.score.gte", "$f.response.score.gte: Int expected, which is a whole number, not a string", vars{"response": vars{"score": vars{"gte": "5"}}}},
		"a filter's meaning in a variable": {beside, "filter.customer.country.eq", "$f.customer.country.eq: ", vars{"customer": vars{"country": vars{"eq": "Narnia"}}}},
		"a null operator":                  {beside, "filter.response.score.eq", "null", vars{"response": vars{"score": vars{"eq": nil}}}},
		"a filter of the document":         {strings.Replace(beside, "(filter: $f)", `(filter: {and: [{openedAt: {gte: "yesterday"}}], not: $f})`, 1), "filter.and[0].openedAt.gte", "filter.and[0].openedAt.gte: DateTime expected: ", vars{}},
		"an ID of another kind":            {`mutation ($note: AddNoteInput!, $f: CaseSubjectInput!) {addNote(input: $note) {note {id}} openCase(input: {subject: $f, note: "x"}) {case {id}}}`, "input.subject.responseId", "is not the ID of a response", vars{"responseId": opened}},
		"both of one":                      {`mutation ($note: AddNoteInput!, $f: CaseSubjectInput!) {addNote(input: $note) {note {id}} openCase(input: {subject: $f, note: "x"}) {case {id}}}`, "input.subject", "$f: CaseSubjectInput expected, which has exactly one of customerId, responseId", vars{"customerId": "cus_0190163d8694739b9f6b1bdac25e4c4e", "responseId": "res_0190163d8694739b9f6b1bdac25e4c4e"}},
	} {
		for _, media := range []string{mediaJSON, mediaGraph} {
			t.Run("is refused before anything runs: "+name+" as "+media, func(t *testing.T) {
				before := notes()
				r := post(strings.TrimSuffix(operation(c.query), "}") + `, "variables": ` + text(t, vars{"note": note, "f": c.filter}) + `}`)
				r.accept = media
				a := send(t, s, r)
				if _, has := a.tree["data"]; has || a.status != map[string]int{mediaJSON: 200, mediaGraph: 400}[media] ||
					!strings.Contains(a.body, `"argument":"`+c.argument+`"`) || !strings.Contains(a.body, c.message) || !strings.Contains(a.body, `"BAD_USER_INPUT"`) || strings.Contains(a.body, `"path"`) {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				if n := notes(); n != before {
					t.Errorf("%d notes were added", n-before)
				}
			})
		}
	}
	t.Run("is refused by the validation where the document has it", func(t *testing.T) {
		before := notes()
		for _, field := range []string{`openCase(input: {subject: {customerId: "a", responseId: "b"}, note: "x"}) {case {id}}`, `openCase(input: {subject: {}, note: "x"}) {case {id}}`,
			`allocatePassives(input: {percent: 1, userIds: [], segments: 7}) {considered}`, `moveRule(input: {ruleId: "a", position: 99999999999999999999}) {rules {id}}`} {
			a := s.Do(model.Admin, `mutation ($note: AddNoteInput!) {addNote(input: $note) {note {id}} `+field+`}`, vars{"note": note})
			if a.V != nil || a.Code() != "GRAPHQL_VALIDATION_FAILED" || notes() != before {
				t.Errorf("%s: %s", field, a.Body)
			}
		}
	})
	t.Run("is refused before a mutation runs whose result has a list of a wrong size", func(t *testing.T) {
		before := notes()
		for _, size := range []string{"first: 101", "first: 0", "last: -1", "first: 2, last: 2", "first: $n"} {
			a := s.Do(model.Admin, `mutation ($note: AddNoteInput!, $n: Int) {addNote(input: $note) {note {id} case {history(`+size+`) {nodes {id}}}}}`, vars{"note": note, "n": 1000})
			if strings.Contains(a.Body, "first: first") || strings.Contains(a.Body, "last: last") {
				t.Errorf("%s: %s", size, a.Body)
			}
			if a.Code() != "BAD_USER_INPUT" && a.Code() != "GRAPHQL_VALIDATION_FAILED" || notes() != before {
				t.Errorf("%s: %s", size, a.Body)
			}
		}
	})
	t.Run("is refused before a subscription begins, on a socket and as a stream", func(t *testing.T) {
		c := s.SignIn(s.Tokens[model.Agent])
		c.Send(vars{"id": "1", "type": "subscribe", "payload": vars{"query": `subscription ($f: CaseFilter) {caseEvents(filter: $f) {cursor}}`,
			"variables": vars{"f": vars{"number": vars{"eq": "1"}, "status": "NEW"}}}})
		m, err := c.Read()
		if e := (setup.Tree{V: m.Payload}); err != nil || m.Type != "error" || e.Text("0.extensions.argument") != "filter.number.eq" || e.Text("1.extensions.argument") != "filter.status" {
			t.Errorf("%v, %v", m, err)
		}
		r := post(operation(`subscription {caseEvents(filter: {openedAt: {gte: "x"}}) {cursor}}`))
		r.accept, r.authorization = "text/event-stream", "Bearer "+s.Tokens[model.Agent]
		if stream := receive(t, s, r).body; !strings.Contains(stream, `"argument":"filter.openedAt.gte"`) {
			t.Error(stream)
		}
	})
	t.Run("has whole numbers in any form", func(t *testing.T) {
		r := post(`{"query": "query ($n: Int, $f: CaseFilter) {cases(first: $n, filter: $f) {totalCount}}", "variables": {"n": 2.0, "f": {"response": {"score": {"in": [3.0, 1e1]}}}}}`)
		if a := send(t, s, r); !strings.Contains(a.body, `"totalCount":1`) {
			t.Error(a.body)
		}
	})
	t.Run("is refused with all its faults", func(t *testing.T) {
		const nobody, nothing = "usr_0190163d8694739b9f6b1bdac25e4c4e", "0190163d8694739b9f6b1bdac25e4c4e"
		for query, c := range map[string]struct {
			input     any
			arguments []string // with the code, if it is not BAD_USER_INPUT
		}{
			`mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created}}`: {
				vars{"score": "3", "customer": vars{"email": "x", "age": 7}}, []string{"input.customer.age", "input.customer.email", "input.score"}},
			`mutation ($input: SubmitResponseInput!) {...m} fragment m on Mutation {submitResponse(input: $input) {created}}`: {
				vars{"score": 11, "externalId": " ", "customer": vars{"country": "Narnia", "phone": strings.Repeat("1", 501)}},
				[]string{"input.customer.country", "input.customer.phone", "input.externalId", "input.score"}},
			`mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`: {
				vars{"name": " ", "scores": []int{11, 5, 12}, "followUpTarget": "PT0S", "notify": []vars{{"kind": "ADDRESS"}, {"kind": "USER"}}},
				[]string{"input.followUpTarget", "input.name", "input.notify[0].address", "input.notify[1].userId", "input.scores[0]", "input.scores[2]"}},
			`mutation ($input: SubmitResponseInput!) {again: submitResponse(input: $input) {created}}`: {
				vars{"score": 3, "drivers": []string{"price", strings.Repeat("d", 501)}, "attributes": []vars{{"key": " ", "value": strings.Repeat("v", 100_001)}, {"key": "k", "value": "v"}, {"key": strings.Repeat("k", 501), "value": ""}},
					"customer": vars{"attributes": []vars{{"key": "", "value": ""}}}},
				[]string{"input.attributes[0].key", "input.attributes[0].value", "input.attributes[2].key", "input.customer.attributes[0].key", "input.drivers[1]"}},
			`mutation ($input: CreateRuleInput!) {withTimes: createRule(input: $input) {rule {id}}}`: {
				vars{"name": "Times", "scores": []int{1}, "assignment": vars{"strategy": "ROUND_ROBIN", "userId": s.Users[model.Agent]}, "calendar": vars{"timeZone": "Mars", "hours": []vars{
					{"weekday": "MONDAY", "from": "17:00", "to": "09:00"}, {"weekday": "FRIDAY", "from": "09:00", "to": "12:00"}, {"weekday": "FRIDAY", "from": "11:00", "to": "13:00"}}}},
				[]string{"input.assignment.userId", "input.assignment.userIds", "input.calendar.hours[0].to", "input.calendar.hours[2]", "input.calendar.timeZone"}},
			`mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {secret}}`: {
				vars{"url": "ftp://x", "events": []string{}, "filter": vars{}}, []string{"input.events", "input.filter", "input.url"}},
			`mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`: {
				vars{"name": " ", "email": "a@example.com", "role": "AGENT", "scope": vars{}}, []string{"input.name", "input.scope"}},
			`mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`: {
				vars{"userId": s.Users[model.Agent], "name": nil, "role": nil, "active": nil}, []string{"input.active", "input.name", "input.role"}},
			`mutation ($input: UpdateSettingsInput!) {updateSettings(input: $input) {settings {currency}}}`: {
				vars{"currency": "Euro", "timeZone": "Mars", "eraseAfterDays": 0}, []string{"input.currency", "input.eraseAfterDays", "input.timeZone"}},
			`mutation ($input: UpdateCustomerInput!) {updateCustomer(input: $input) {customer {id}}}`: {
				vars{"customerId": "cus_" + strings.Repeat("0", 32), "country": "Narnia", "segment": strings.Repeat("s", 501)}, []string{"input.country", "input.customerId NOT_FOUND", "input.segment"}},
			`mutation ($input: UpdateUserInput!) {leaves: updateUser(input: $input) {user {id}}}`: {
				vars{"userId": s.Users[model.Agent], "name": " ", "active": false, "reassignTo": nobody}, []string{"input.name", "input.reassignTo NOT_FOUND"}},
			`mutation ($input: CreateUserInput!) {admin: createUser(input: $input) {user {id}}}`: {
				vars{"name": " ", "email": "a@example.com", "role": "ADMIN", "scope": vars{"ownCasesOnly": true}, "personalData": false}, []string{"input.name", "input.personalData", "input.scope"}},
			`mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret}}`: {
				vars{"userId": s.Users[model.Agent], "name": " ", "role": "MANAGER", "expiresAt": "2001-01-01T00:00:00Z", "scope": vars{"ownCasesOnly": false}},
				[]string{"input.expiresAt", "input.name", "input.role", "input.scope"}},
			`mutation ($input: CreateApiTokenInput!) {ofNobody: createApiToken(input: $input) {secret}}`: {
				vars{"userId": nobody, "name": " ", "role": "MANAGER"}, []string{"input.name", "input.userId NOT_FOUND"}},
			`mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`: {
				vars{"name": " ", "keywords": []string{"", "price", " "}, "effort": "EASY"}, []string{"input.keywords[0]", "input.keywords[2]", "input.name"}},
			`mutation ($input: UpdateThemeInput!) {updateTheme(input: $input) {theme {id}}}`: {
				vars{"themeId": "thm_" + nothing, "name": nil, "keywords": []string{""}, "effort": nil, "resolvedAt": "2999-01-01T00:00:00Z"},
				[]string{"input.effort", "input.keywords[0]", "input.name", "input.resolvedAt", "input.themeId NOT_FOUND"}},
			`mutation ($input: LinkCaseInput!) {linkCase(input: $input) {case {id}}}`: {
				vars{"caseId": "cas_" + nothing, "system": " ", "externalId": " ", "url": "javascript:x"}, []string{"input.caseId NOT_FOUND", "input.externalId", "input.system", "input.url"}},
			`mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`: {
				vars{"caseId": "cas_" + nothing, "assigneeId": nobody, "note": " "}, []string{"input.assigneeId NOT_FOUND", "input.caseId NOT_FOUND", "input.note"}},
			`mutation ($input: AssignCasesInput!) {assignCases(input: $input) {cases {id}}}`: {
				vars{"cases": []vars{{"caseId": opened, "expectedVersion": 99}, {"caseId": "cas_" + nothing}, {"caseId": opened}}, "assigneeId": nobody, "note": " "},
				[]string{"input.assigneeId NOT_FOUND", "input.cases[0].expectedVersion CONFLICT", "input.cases[1].caseId NOT_FOUND", "input.cases[2].caseId", "input.note"}},
			`mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`: {
				vars{"caseId": opened, "status": "OPEN", "note": " "}, []string{"input.note", "input.status CONFLICT"}},
			`mutation ($input: SetRootCauseInput!) {setRootCause(input: $input) {case {id}}}`: {
				vars{"caseId": "cas_" + nothing, "whys": []string{" ", "Late.", ""}}, []string{"input.caseId NOT_FOUND", "input.whys[0]", "input.whys[2]"}},
			`mutation ($input: RecordReplyInput!) {recordReply(input: $input) {case {id}}}`: {
				vars{"caseId": opened, "note": " ", "improvement": " ", "idempotencyKey": ""}, []string{"input.idempotencyKey", "input.improvement", "input.note"}},
			`mutation ($input: AddNoteInput!) {addNote(input: $input) {case {id}}}`: {
				vars{"caseId": opened, "body": " ", "idempotencyKey": ""}, []string{"input.body", "input.idempotencyKey"}},
			`mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`: {
				vars{"subject": vars{"responseId": "res_" + nothing}, "note": "Call.", "assigneeId": nobody}, []string{"input.assigneeId NOT_FOUND", "input.subject.responseId NOT_FOUND"}},
			`mutation ($input: OpenCaseInput!) {withTarget: openCase(input: $input) {case {id}}}`: {
				vars{"subject": vars{"responseId": "res_" + nothing}, "note": " ", "followUpTarget": "PT0S", "idempotencyKey": ""}, []string{"input.followUpTarget", "input.idempotencyKey", "input.note"}},
			`mutation ($input: RecordOutreachesInput!) {recordOutreaches(input: $input) {cases {id}}}`: {
				vars{"caseIds": []any{opened, opened}, "note": " ", "outreach": vars{"channel": "PHONE", "outcome": "REACHED"}}, []string{"input.caseIds[1]", "input.note"}},
			`mutation ($input: TagResponseInput!) {tagResponse(input: $input) {response {id}}}`: {
				vars{"responseId": "res_" + nothing, "themeIds": []string{"thm_" + nothing}}, []string{"input.responseId NOT_FOUND", "input.themeIds[0] NOT_FOUND"}},
			`mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered}}`: {
				vars{"percent": 0, "userIds": []string{nobody, nobody}, "prioritizeBy": []string{"SCORE", "SCORE"}, "segments": []string{""}, "note": " "},
				[]string{"input.note", "input.percent", "input.prioritizeBy[1]", "input.segments", "input.segments[0]", "input.userIds[1]"}},
			`mutation ($input: CreateWebhookInput!) {ofNobody: createWebhook(input: $input) {secret}}`: {
				vars{"ownerId": nobody, "url": "ftp://x", "events": []string{}}, []string{"input.events", "input.ownerId NOT_FOUND", "input.url"}},
			`mutation ($input: UpdateWebhookInput!) {updateWebhook(input: $input) {webhook {id}}}`: {
				vars{"webhookId": "whk_" + nothing, "url": "ftp://x", "events": []string{}, "enabled": nil}, []string{"input.enabled", "input.events", "input.url", "input.webhookId NOT_FOUND"}},
			`mutation ($input: UpdateRuleInput!) {updateRule(input: $input) {rule {id}}}`: {
				vars{"ruleId": "rul_" + nothing, "name": " ", "notify": []vars{{"kind": "CENTRAL", "address": "a@example.com", "userId": s.Users[model.Agent]}, {"kind": "USER", "userId": nobody}}},
				[]string{"input.name", "input.notify[0].address", "input.notify[0].userId", "input.notify[1].userId NOT_FOUND", "input.ruleId NOT_FOUND"}},
			`mutation ($input: MoveRuleInput!) {moveRule(input: $input) {rules {id}}}`: {
				vars{"ruleId": "rul_" + nothing, "position": 0}, []string{"input.position", "input.ruleId NOT_FOUND"}},
			`query ($input: Int) {cases(first: $input, after: "x") {pageInfo {hasNextPage}}}`:                            {1000, []string{"after", "first"}},
			`query ($input: Int) {caseEvents(first: $input, last: 5, after: "x", before: "y") {pageInfo {hasNextPage}}}`: {1000, []string{"after", "before", "first", "last"}},
			`query ($input: AuditEventFilter) {auditEvents(filter: $input) {pageInfo {hasNextPage}}}`: {
				vars{"actor": []any{nobody, "nope"}, "object": []string{"foo"}}, []string{"filter.actor[1]", "filter.object[0]"}},
		} {
			a := s.Do(model.Admin, query, vars{"input": c.input})
			var have []string
			for _, e := range a.Errors {
				have = append(have, strings.TrimSuffix(e.Argument()+" "+e.Code(), " BAD_USER_INPUT"))
			}
			if slices.Sort(have); !slices.Equal(have, c.arguments) {
				t.Errorf("%s: %v, not %v: %s", query, have, c.arguments, a.Body)
			}
		}
	})
}

func TestRow(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	good := func(id string) vars { return vars{"externalId": id, "score": 2, "customer": vars{"externalId": id}} }
	rows := []any{
		good("a"), vars{"score": 2}, nil, vars{"score": "2", "customer": vars{"email": "at home"}}, good("b"), vars{"score": 2, "customer": vars{}, "mood": "bad"},
		vars{"score": 2, "customer": vars{}, "respondedAt": "yesterday"}, 7, vars{"score": 2, "customer": vars{}, "idempotencyKey": "k"}, vars{"score": 12, "customer": vars{"country": "Narnia"}}, good("c"),
	}
	want := []string{
		"stored", "input.responses[1].customer", "input.responses[2]", "input.responses[3].customer.email input.responses[3].score", "stored", "input.responses[5].mood",
		"input.responses[6].respondedAt", "input.responses[7]", "input.responses[8].idempotencyKey", "input.responses[9].customer.country input.responses[9].score", "stored",
	}
	for name, c := range map[string]struct {
		query     string
		variables vars
	}{
		"in a variable of the input": {`mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {created response {externalId} error {message argument} errors {message argument}}}}`,
			vars{"input": vars{"responses": rows}}},
		"in a variable of the rows": {`mutation ($rows: [SubmitResponseInput!]!) {submitResponses(input: {responses: $rows}) {results {created response {externalId} error {message argument} errors {message argument}}}}`,
			vars{"rows": rows}},
	} {
		t.Run("that is bad does not hold the others up "+name, func(t *testing.T) {
			results := s.OK(model.Admin, c.query, c.variables).List("submitResponses.results")
			if len(results) != len(want) {
				t.Fatalf("%d results", len(results))
			}
			for i, r := range results {
				var at []string
				for _, e := range r.List("errors") {
					at = append(at, e.Text("argument"))
				}
				if len(at) > 0 && r.Text("error.argument") != at[0] {
					t.Errorf("row %d: the first error is %s, not %s", i, r.Text("error.argument"), at[0])
				}
				slices.Sort(at)
				have := strings.Join(at, " ")
				if !r.Missing("response") && r.Missing("error") {
					have = "stored" + have
				}
				if have != want[i] {
					t.Errorf("row %d: %v, not %s", i, r.V, want[i])
				}
			}
			if n := s.Count("responses"); n != 3 {
				t.Errorf("%d responses are stored", n)
			}
		})
	}
	t.Run("that is bad and a variable of its own, in a list of the document, refuses it", func(t *testing.T) {
		before := s.Count("responses")
		for query, bad := range map[string]any{
			`mutation ($v: SubmitResponseInput!) {submitResponses(input: {responses: [$v, {score: 2, customer: {}}]}) {results {created}}}`:                 vars{"score": "2", "customer": vars{}},
			`mutation ($v: CustomerInput!) {submitResponses(input: {responses: [{score: 2, customer: $v}, {score: 2, customer: {}}]}) {results {created}}}`: vars{"email": "at home"},
		} {
			if a := s.Do(model.Admin, query, vars{"v": bad}); a.V != nil || a.Code() != "BAD_USER_INPUT" || s.Count("responses") != before {
				t.Errorf("%s: %s", query, a.Body)
			}
		}
	})
	t.Run("that is bad and written in the document refuses it", func(t *testing.T) {
		a := s.Do(model.Admin, `mutation {submitResponses(input: {responses: [{score: 2, customer: {email: "x"}}]}) {results {created}}}`, nil)
		if a.V != nil || a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "input.responses[0].customer.email" {
			t.Error(a.Body)
		}
	})
}

func TestUploadForm(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	const operation = `{"query": "mutation ($input: ImportResponsesInput!, $more: [String]) {importResponses(input: $input) {import {fileName}}}", "variables": {"input": {"file": null, "columns": {"score": "score"}}, "more": [null]}}`
	form := func(parts ...string) request {
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		for i := 0; i < len(parts); i += 2 {
			create := w.CreateFormField
			if parts[i] == "0" {
				create = func(name string) (io.Writer, error) { return w.CreateFormFile(name, "responses.csv") }
			}
			part, err := create(parts[i])
			if err != nil {
				t.Fatal(err)
			}
			_, _ = part.Write([]byte(parts[i+1]))
		}
		_ = w.Close()
		return request{method: http.MethodPost, contentType: w.FormDataContentType(), body: body.String()}
	}
	at := func(places ...string) request {
		return form("operations", strings.Replace(operation, ", $more: [String]", "", 1), "map", text(t, vars{"0": places}), "0", "score\n3\n")
	}
	for name, r := range map[string]request{
		"an index that is too large":    at("variables.more.7"),
		"an index that is negative":     at("variables.more.-1"),
		"an index into an object":       at("variables.input.0"),
		"a name into a list":            at("variables.more.file"),
		"a path through null":           at("variables.input.file.0.deep"),
		"a path through a text":         at("variables.input.columns.score.x"),
		"a place that has a value":      at("variables.input.columns.score"),
		"a place outside the variables": at("query"),
		"the variables themselves":      at("variables"),
		"an empty path":                 at(""),
		"no place":                      at(),
		"a map that is a list":          form("operations", operation, "map", `[]`, "0", "x"),
		"a map that is null":            form("operations", operation, "map", `null`, "0", "x"),
		"a map that is no JSON":         form("operations", operation, "map", `{"0": ["secret`, "0", "x"),
		"no map":                        form("operations", operation, "0", "x"),
		"no operation":                  form("map", `{}`),
		"half an operation":             form("operations", `{"query": "secret`, "map", `{}`),
		"a list of operations":          form("operations", `[`+operation+`]`, "map", `{}`),
		"a file that the map lacks":     form("operations", operation, "map", `{}`, "0", "x"),
		"a file that is not there":      form("operations", operation, "map", `{"0": ["variables.input.file"]}`),
		"no form at all":                {method: http.MethodPost, contentType: "multipart/form-data; boundary=x", body: "secret"},
	} {
		t.Run("is refused with "+name, func(t *testing.T) {
			t.Parallel()
			a := send(t, s, r)
			if a.status != http.StatusBadRequest || !strings.Contains(a.body, `"code":"BAD_USER_INPUT"`) {
				t.Errorf("status %d: %s", a.status, a.body)
			}
			for _, inside := range []string{"secret", "graphql.", "unmarshal", "EOF", "panic", `"data"`} {
				if strings.Contains(a.body, inside) {
					t.Errorf("the refusal shows %q: %s", inside, a.body)
				}
			}
		})
	}
	t.Run("puts the file in its place", func(t *testing.T) {
		t.Parallel()
		a := send(t, s, form("operations", strings.Replace(operation, ", $more: [String]", "", 1), "map", `{"0": ["variables.input.file"]}`, "0", "score\n3\n"))
		if a.status != http.StatusOK || !strings.Contains(a.body, `"fileName":"responses.csv"`) {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
