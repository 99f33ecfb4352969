package report_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
)

// Every field of the filters, once at least, in every report. ids stands for those that the data has.

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

func TestEveryReportHeedsEveryFieldOfItsFilter(t *testing.T) {
	t.Parallel()
	made := newRows(t, 150)
	numbered(t, made)
	ids := strings.NewReplacer("{customer}", made.people[0].ID.String(), "{response}", made.said[0].Response.ID.String(), "{case}", made.all[0].Case.ID.String(),
		"{user}", made.users[0].ID.String(), "{rule}", made.rules[0].ID.String(), "{theme}", made.themes[0].ID.String())
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	ann := auth.Viewer{User: made.users[0]}
	for _, text := range filters(t, "ResponseFilter", everyResponseField, "customer", everyCustomerField) {
		text = ids.Replace(text)
		f := made.responses(text)
		var left []*filter.Subject
		for _, x := range made.said {
			if f.Match(x) {
				left = append(left, x)
			}
		}
		if got, err := reports.Nps(t.Context(), ann, f, report.Grouping[report.ResponseGroupBy]{}); err != nil || got.NpsCounts != nps(left) || got.Groups == nil || len(got.Groups) > 0 {
			t.Errorf("nps of %s: %+v, %v; want %+v", text, got, err, nps(left))
		}
		top, err := reports.TopThemes(t.Context(), ann, f, nil, false)
		if err != nil {
			t.Errorf("themes of %s: %v", text, err)
		}
		for _, theme := range top {
			var with []*filter.Subject
			for _, x := range left {
				for _, tag := range made.tagged[x.Response.ID] {
					if tag.ID == theme.Theme.ID {
						with = append(with, x)
					}
				}
			}
			if theme.NpsCounts != nps(with) {
				t.Errorf("%s of %s: %+v; want %+v", theme.Theme.Name, text, theme.NpsCounts, nps(with))
			}
		}
	}
	for _, text := range filters(t, "CaseFilter", everyCaseField, "customer", everyCustomerField, "response", everyResponseField) {
		text = ids.Replace(text)
		f := made.cases(text)
		var left, closed []*filter.Subject
		for _, x := range made.all {
			if f.Match(x, ann.User.ID) {
				left = append(left, x)
				if x.Case.ClosedAt != nil {
					closed = append(closed, x)
				}
			}
		}
		if got, err := reports.CaseSummary(t.Context(), ann, f, false); err != nil || got.CaseCounts != made.recount(f, ann.User.ID) {
			t.Errorf("summary of %s: %+v, %v", text, got, err)
		}
		if got, err := reports.FollowUp(t.Context(), ann, f, report.Grouping[report.CaseGroupBy]{}); err != nil || fmt.Sprint(got.FollowUpCounts) == "" || got.Cases != len(left) || got.WithTarget != followUp(left).WithTarget {
			t.Errorf("follow-up of %s: %+v, %v", text, got, err)
		}
		want, _ := made.recovery(closed)
		if got, err := reports.Recovery(t.Context(), ann, f, report.Grouping[report.CaseGroupBy]{}); err != nil || got.ClosedCases != want.ClosedCases || got.AnsweredAgain != want.AnsweredAgain {
			t.Errorf("recovery of %s: %+v, %v; want %+v", text, got, err, want)
		}
	}
}

// numbered reads the numbers that PostgreSQL gave the cases.
func numbered(t *testing.T, made *rows) {
	t.Helper()
	for _, x := range made.all {
		if err := made.db.Raw("SELECT number FROM cases WHERE id = ?", x.Case.ID).Scan(&x.Case.Number).Error; err != nil {
			t.Fatal(err)
		}
	}
}

// filters makes one filter of each field, and of each field of the nested ones. It fails where the schema has a field
// that is not among them.
func filters(t *testing.T, input string, fields map[string]string, nested ...any) (texts []string) {
	t.Helper()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	whole := func(input string, fields map[string]string) {
		for _, f := range schema.Types[input].Fields {
			if _, there := fields[f.Name]; !there && f.Name != "search" {
				t.Errorf("%s.%s is not tried here", input, f.Name)
			}
		}
	}
	whole(input, fields)
	for name, value := range fields {
		texts = append(texts, `{"`+name+`": `+value+`}`)
	}
	for i := 0; i < len(nested); i += 2 {
		within, of := nested[i].(string), nested[i+1].(map[string]string)
		whole(strings.ToUpper(within[:1])+within[1:]+"Filter", of)
		for name, value := range of {
			texts = append(texts, `{"`+within+`": {"`+name+`": `+value+`}}`)
		}
	}
	for _, text := range texts {
		if !json.Valid([]byte(text)) {
			t.Errorf("%s is no JSON", text)
		}
	}
	return texts
}
