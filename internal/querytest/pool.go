package querytest

import (
	"slices"
	"strings"
	"time"

	"github.com/vektah/gqlparser/v2/ast"
)

// Plausible are values for the scalars of closeloop's schema, and for fields whose values the generated data has: some
// that many rows have, some that few have, and some that none has.
func Plausible(now time.Time) Pool {
	at := func(days ...int) (list []any) {
		for _, n := range days {
			list = append(list, now.AddDate(0, 0, n).UTC().Format(time.RFC3339))
		}
		return list
	}
	countries := []any{"DE", "US", "GB", "BR", "KR", "Germany"}
	words := []any{"legroom", "wifi", "late", "a", "the seat", "xqz", "q", "de", "%", "é"}
	names := []any{"Ana", "Souza", "Kim", "a", "sch", "xqz"}
	mails := []any{"ana.souza.1@example.com", "agent01@example.com", "ana", "@example.com"}
	zones := []any{"UTC", "Europe/Berlin", "Asia/Kolkata"}
	return Pool{
		"DateTime": at(-365, -180, -90, -30, -7, -1, 7), "Duration": {"PT1H", "PT48H", "P7D", "P30D", "P365D"},
		"Decimal": {"0", "10", "250.50", "1000", "99999"}, "EmailAddress": {"ana.souza.1@example.com", "desk@example.com"},
		"Date": {"2026-12-25"}, "TimeOfDay": {"09:00", "17:30"}, "Int": {0, 1, 2, 3, 5, 8, 10}, "String": words,
		"CustomerFilter.country": countries, "CustomerInput.country": countries, "UpdateCustomerInput.country": countries,
		"CustomerFilter.segment": {"Enterprise", "Consumer", "Mid-market", "xqz"}, "CustomerFilter.company": {"Acme", "GmbH", "a", "xqz"},
		"CustomerFilter.firstName": names, "CustomerFilter.lastName": names, "CustomerFilter.email": mails, "CustomerFilter.search": names,
		"UserFilter.search": names, "CustomerFilter.externalId": {"c-1", "c-777", "c-", "xqz"}, "CustomerFilter.phone": {"+49", "+", "777"},
		"ResponseFilter.survey": {"Booking", "After the flight", "xqz"}, "ResponseFilter.drivers": {"Price", "Reliability", "xqz"},
		"ResponseFilter.search": {"wifi late", "seat", "the or legroom", "xqz"}, "NoteFilter.search": {"called", "customer", "xqz"},
		"AttributeFilter.key": {"plan", "channel", "xqz"}, "AttributeFilter.value": {"Basic", "App", "E", "xqz"},
		"CaseFilter.number": {1, 20, 300, 4000, 20000, -1}, "Query.case.number": {1, 20, 300, 4000, 20000, -1},
		"Query.suggestThemes.limit": {1, 10, 50}, "Query.passives.segments": {"Enterprise", "Consumer"},
		"Query.followUpReport.timeZone": zones, "Query.npsReport.timeZone": zones, "Query.recoveryReport.timeZone": zones, "CaseSummary.groups.timeZone": zones,
		"CalendarInput.timeZone": zones, "ImportResponsesInput.timeZone": zones, "CreateWebhookInput.url": {"https://receiver.example.com/hook"},
	}
}

// AddIDs adds ids to each argument and input field of the type ID whose name, or else whose type's name, contains a noun:
// the ids of cases to UpdateCaseStatusInput.caseId and to CaseFilter.id. A longer noun counts before a shorter one.
// Places without a noun, such as Query.node.id, get all ids.
func (p Pool) AddIDs(s *ast.Schema, ids map[string][]any) {
	var nouns []string
	for noun, list := range ids {
		nouns = append(nouns, noun)
		p["ID"] = append(p["ID"], list...)
	}
	slices.SortFunc(nouns, func(a, b string) int { return len(b) - len(a) })
	add := func(t *ast.Type, place ...string) {
		if t.Name() != "ID" {
			return
		}
		for i := len(place) - 1; i >= 0; i-- {
			for _, noun := range nouns {
				if strings.Contains(strings.ToLower(place[i]), strings.ToLower(noun)) {
					p[strings.Join(place, ".")] = ids[noun]
					return
				}
			}
		}
	}
	for _, d := range s.Types {
		for _, f := range d.Fields {
			if d.Kind == ast.InputObject {
				add(f.Type, d.Name, f.Name)
			}
			for _, a := range f.Arguments {
				add(a.Type, d.Name, f.Name, a.Name)
			}
		}
	}
}
