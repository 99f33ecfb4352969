package report_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
)

// The maps below have a value for every field of the filters. The test replaces {customer} and the like with IDs of its
// data.

var everyCustomerField = map[string]string{
	"and": `[{"country": {"eq": "DE"}}]`, "or": `[{"country": {"eq": "DE"}}, {"segment": {"isNull": true}}]`, "not": `{"company": {"eq": "acme"}}`,
	"id": `["{customer}"]`, "externalId": `{"isNull": true}`, "email": `{"isNull": true}`, "firstName": `{"eq": "x"}`, "lastName": `{"isNull": true}`,
	"phone": `{"isNull": true}`, "company": `{"startsWith": "é"}`, "country": `{"in": ["DE", "BR"]}`, "segment": `{"contains": "SS"}`,
	"lifetimeValue": `{"gte": "300"}`, "accountManagerEmail": `{"isNull": true}`, "agentEmail": `{"isNull": true}`,
	"attribute": `{"key": "k", "value": {"isNull": true}}`, "lastContactedAt": `{"isNull": true}`, "nextSurveyAt": `{"isNull": true}`,
}

var everyResponseField = map[string]string{
	"and": `[{"score": {"lte": 6}}]`, "or": `[{"score": {"lte": 3}}, {"survey": {"isNull": true}}]`, "not": `{"score": {"eq": 5}}`,
	"id": `["{response}"]`, "externalId": `{"isNull": true}`, "score": `{"in": [1, 2, 7, 9]}`, "category": `["PASSIVE"]`, "survey": `{"eq": "cabin"}`,
	"contactRequested": `false`, "comment": `{"contains": "SEATS"}`, "drivers": `{"any": ["STRASSE"]}`, "themes": `{"none": ["{theme}"]}`, "themeEffort": `["EASY"]`,
	"quoteConsent": `true`, "testimonialLikelihood": `{"isNull": true}`, "respondedAt": `{"withinLast": "P30D"}`, "receivedAt": `{"gte": "2026-01-01T00:00:00Z"}`,
	"contactStatus": `["NOT_CONTACTED"]`, "hasCase": `true`, "attribute": `{"key": "k", "value": {"isNull": true}}`, "customer": `{"country": {"eq": "DE"}}`,
}

var everyCaseField = map[string]string{
	"and": `[{"status": ["OPEN"]}]`, "or": `[{"assigned": true}, {"status": ["CLOSED"]}]`, "not": `{"status": ["OPEN"]}`,
	"id": `["{case}"]`, "number": `{"lte": 100}`, "status": `["CLOSED", "IN_PROGRESS"]`, "origin": `["RULE"]`, "assignee": `["{user}"]`, "assigned": `false`, "mine": `true`,
	"overdue": `true`, "openedAt": `{"withinLast": "P60D"}`, "updatedAt": `{"lt": "2026-03-01T09:30:00Z"}`, "assignedAt": `{"isNull": false}`, "dueAt": `{"withinNext": "PT2H"}`,
	"firstFollowUpAt": `{"isNull": true}`, "firstContactAt": `{"isNull": false}`, "closedAt": `{"isNull": false}`, "rule": `["{rule}"]`,
	"externalRef": `{"system": "crm"}`, "outreach": `{"channel": ["PHONE"]}`, "response": `{"category": ["DETRACTOR"]}`, "customer": `{"company": {"isNull": false}}`,
}

func TestFilterFields(t *testing.T) {
	t.Parallel()
	made := newRows(t, 150)
	numbered(t, made)
	ids := strings.NewReplacer("{customer}", made.customers[0].ID.String(), "{response}", made.responded[0].Response.ID.String(), "{case}", made.all[0].Case.ID.String(),
		"{user}", made.users[0].ID.String(), "{rule}", made.rules[0].ID.String(), "{theme}", made.themes[0].ID.String())
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	ann := auth.Viewer{User: made.users[0]}
	for _, text := range filters(t, "ResponseFilter", everyResponseField, "customer", everyCustomerField) {
		text = ids.Replace(text)
		f := made.responses(text)
		var matching []*filter.Subject
		for _, x := range made.responded {
			if f.Match(x) {
				matching = append(matching, x)
			}
		}
		if got, err := reports.Nps(t.Context(), ann, f, report.Grouping[report.ResponseGroupBy]{}); err != nil || got.NpsCounts != nps(matching) || got.Groups == nil || len(got.Groups) > 0 {
			t.Errorf("score of %s: got %+v, %v; want %+v and no groups", text, got, err, nps(matching))
		}
		top, err := reports.TopThemes(t.Context(), ann, f, nil, false)
		if err != nil {
			t.Errorf("themes of %s: got %v", text, err)
		}
		for _, theme := range top {
			var tagged []*filter.Subject
			for _, x := range matching {
				for _, tag := range made.tagged[x.Response.ID] {
					if tag.ID == theme.Theme.ID {
						tagged = append(tagged, x)
					}
				}
			}
			if theme.NpsCounts != nps(tagged) {
				t.Errorf("theme %s of %s: got %+v; want %+v", theme.Theme.Name, text, theme.NpsCounts, nps(tagged))
			}
		}
	}
	for _, text := range filters(t, "CaseFilter", everyCaseField, "customer", everyCustomerField, "response", everyResponseField) {
		text = ids.Replace(text)
		f := made.cases(text)
		var matching, closed []*filter.Subject
		for _, x := range made.all {
			if f.Match(x, ann.User.ID) {
				matching = append(matching, x)
				if x.Case.ClosedAt != nil {
					closed = append(closed, x)
				}
			}
		}
		if got, err := reports.CaseSummary(t.Context(), ann, f, report.AllCounts); err != nil || got.CaseCounts != made.recount(f, ann.User.ID) {
			t.Errorf("summary of %s: got %+v, %v; want %+v", text, got, err, made.recount(f, ann.User.ID))
		}
		if got, err := reports.FollowUp(t.Context(), ann, f, report.Grouping[report.CaseGroupBy]{}); err != nil || got.Cases != len(matching) || got.WithTarget != followUp(matching).WithTarget {
			t.Errorf("follow-up of %s: got %+v, %v; want %+v", text, got, err, followUp(matching))
		}
		want, _ := made.recovery(closed)
		if got, err := reports.Recovery(t.Context(), ann, f, report.Grouping[report.CaseGroupBy]{}); err != nil || got.ClosedCases != want.ClosedCases || got.AnsweredAgain != want.AnsweredAgain {
			t.Errorf("recovery of %s: got %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// numbered reads the numbers that PostgreSQL has assigned to the cases.
func numbered(t *testing.T, made *rows) {
	t.Helper()
	for _, x := range made.all {
		if err := made.db.Raw("SELECT number FROM cases WHERE id = ?", x.Case.ID).Scan(&x.Case.Number).Error; err != nil {
			t.Fatal(err)
		}
	}
}

// filters makes one filter for each field, and for each field of the nested filters. The test fails if the schema has a
// field that the maps lack.
func filters(t *testing.T, input string, fields map[string]string, nested ...any) (texts []string) {
	t.Helper()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	checkComplete := func(input string, fields map[string]string) {
		for _, f := range schema.Types[input].Fields {
			if _, ok := fields[f.Name]; !ok && f.Name != "search" {
				t.Errorf("this test has no value for %s.%s", input, f.Name)
			}
		}
	}
	checkComplete(input, fields)
	for name, value := range fields {
		texts = append(texts, `{"`+name+`": `+value+`}`)
	}
	for i := 0; i < len(nested); i += 2 {
		outer, inner := nested[i].(string), nested[i+1].(map[string]string)
		checkComplete(strings.ToUpper(outer[:1])+outer[1:]+"Filter", inner)
		for name, value := range inner {
			texts = append(texts, `{"`+outer+`": {"`+name+`": `+value+`}}`)
		}
	}
	for _, text := range texts {
		if !json.Valid([]byte(text)) {
			t.Errorf("%s is not valid JSON", text)
		}
	}
	return texts
}
