package read

import (
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestFilter(t *testing.T) {
	t.Parallel()
	// gqlgen passes filters in literals and in variables as different types.
	t.Run("lists by every field of the schema", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(vars{"scores": []int{3}})
		first, opened := s.Submit(vars{"score": 3, "externalId": "R-1", "survey": "Flight", "comment": "The seat was 100% broken.", "drivers": []string{"Seat", "Crew"},
			"quoteConsent": true, "testimonialLikelihood": 0.25, "attributes": []vars{{"key": "Cabin", "value": "Economy"}},
			"customer": vars{"externalId": "c-1", "firstName": "Ana", "lastName": "Souza", "email": "Ana@x.example", "phone": "+55 11", "company": "Straße AG",
				"country": "Brazil", "segment": "Gold", "lifetimeValue": "1234.50", "accountManagerEmail": "am@care.example", "attributes": []vars{{"key": "Plan", "value": "Plus"}}}})
		second, _ := s.Submit(vars{"score": 9, "customer": vars{"externalId": "c-2", "country": "DE"}})
		s.OK(model.Agent, `mutation ($id: ID!) {
		linkCase(input: {caseId: $id, system: "SAP", externalId: "7"}) {case {id}}
		recordOutreach(input: {caseId: $id, note: "Called.", outreach: {channel: PHONE, offer: VOUCHER}}) {case {id}}
		addNote(input: {caseId: $id, body: "They want a refund."}) {case {id}}
	}`, vars{"id": opened})

		names := map[string]string{first: "first", second: "second"}
		list := func(query string, v vars) string {
			t.Helper()
			var found []string
			for _, n := range s.OK(model.Agent, query, v).List("list.nodes") {
				found = append(found, names[n.Text("id")])
			}
			return strings.Join(found, " ")
		}
		for filter, want := range map[string]string{
			`{externalId: {startsWith: "r-"}}`: "first", `{survey: {in: ["flight"]}}`: "first", `{survey: {isNull: true}}`: "second",
			`{comment: {contains: "100%"}}`: "first", `{comment: {contains: "1%0"}}`: "", `{drivers: {all: ["crew", "SEAT"]}}`: "first",
			`{drivers: {none: ["crew"]}}`: "second", `{quoteConsent: true}`: "first", `{not: {quoteConsent: true}}`: "second",
			`{testimonialLikelihood: {gte: 0, lte: 0.25}}`: "first", `{contactStatus: [CONTACTED]}`: "first", `{contactStatus: NOT_CONTACTED}`: "second",
			`{hasCase: true}`: "first", `{hasCase: false}`: "second", `{attribute: {key: "Cabin", value: {eq: "ECONOMY"}}}`: "first",
			`{themes: {any: []}}`: "", `{themes: {none: []}}`: "second first", `{themeEffort: [EASY]}`: "", `{search: "broken seat"}`: "first", `{search: "-broken"}`: "",
			`{receivedAt: {withinLast: "PT1H"}}`: "second first", `{customer: {lifetimeValue: {gte: 1234.5}}}`: "!", `{customer: {lifetimeValue: {gte: "1234.5"}}}`: "first",
			`{customer: {lifetimeValue: {lte: 2000}}}`: "first", `{customer: {country: {eq: "Germany"}}}`: "second", `{customer: {country: {in: ["BRA", "DE"]}}}`: "second first",
			`{customer: {email: {eq: "ANA@X.EXAMPLE"}}}`: "first", `{customer: {search: "sou stra"}}`: "first", `{customer: {phone: {startsWith: "+55"}}}`: "first",
			`{customer: {attribute: {key: "Plan", value: {isNull: true}}}}`: "second", `{customer: {lastContactedAt: {isNull: false}}}`: "first",
			`{customer: {nextSurveyAt: {isNull: true}}}`: "second first", `{customer: {accountManagerEmail: {startsWith: "am@"}}}`: "first",
		} {
			query := `{list: responses(filter: ` + filter + `) {nodes {id}}}`
			if want == "!" {
				if a := s.Do(model.Agent, query, nil); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "filter.customer.lifetimeValue.gte" {
					t.Errorf("%s: %s", filter, a.Body)
				}
				continue
			}
			if got := list(query, nil); got != want {
				t.Errorf("%s finds %q; want %q", filter, got, want)
			}
		}
		names[opened] = "case"
		const cases = `query ($f: CaseFilter) {list: cases(filter: $f) {nodes {id}}}`
		for _, f := range []vars{
			{"externalRef": vars{"system": "SAP"}}, {"outreach": vars{"channel": "PHONE", "offer": []string{"VOUCHER"}, "outcome": []string{"REACHED"}}},
			{"firstContactAt": vars{"withinLast": "PT1H"}}, {"response": vars{"testimonialLikelihood": vars{"lte": 0.25}, "score": vars{"in": []int{3}}}},
			{"customer": vars{"lifetimeValue": vars{"eq": "1234.5"}, "company": vars{"contains": "STRASSE"}}, "response": vars{"survey": vars{"eq": "FLIGHT"}}},
			{"response": vars{"search": `"broken"`, "customer": vars{"attribute": vars{"key": "Plan", "value": vars{"contains": "LU"}}}}},
		} {
			if got := list(cases, vars{"f": f}); got != "case" {
				t.Errorf("%v finds %q", f, got)
			}
			if got := list(cases, vars{"f": vars{"not": f}}); got != "" {
				t.Errorf("not %v finds %q", f, got)
			}
		}
		for search, want := range map[string]int{"refund": 1, `"a refund" want`: 1, "refund -want": 0, "": 2, "call": 0} {
			if n := len(s.OK(model.Agent, `query ($s: String) {notes(filter: {search: $s}) {nodes {id}}}`, vars{"s": search}).List("notes.nodes")); n != want {
				t.Errorf("%q finds %d notes; want %d", search, n, want)
			}
		}
	})

	t.Run("searches only in lists", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		if a := s.Do(model.Manager, `mutation ($f: ResponseFilter) {createRule(input: {name: "x", filter: $f}) {rule {id}}}`,
			vars{"f": vars{"customer": vars{"search": "ana"}}}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "input.filter.customer.search" ||
			!strings.Contains(a.Errors[0].Message, "cannot search") {
			t.Errorf("a rule: %s", a.Body)
		}
		if a := s.Do(model.Agent, `{caseEvents(filter: {response: {search: "late"}}) {nodes {id}}}`, nil); a.Code() != "BAD_USER_INPUT" ||
			a.Errors[0].Argument() != "filter" || !strings.Contains(a.Errors[0].Message, "cannot be searched") {
			t.Errorf("the log: %s", a.Body)
		}
		// PostgreSQL computes the summary, so a search works there.
		s.OK(model.Agent, `{caseSummary(filter: {response: {search: "late"}}) {total}}`, nil)
	})
}
