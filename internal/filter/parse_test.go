package filter_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
)

// read parses a CaseFilter as a list's argument.
func read(t testing.TB, text string) (*filter.Case, error) {
	t.Helper()
	v, err := filter.Decode(json.RawMessage(text))
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	f := new(filter.Case)
	return f, f.UnmarshalGQL(v)
}

// assertRefused checks that the error is a caller's error at the argument, with the words in its message.
func assertRefused(t *testing.T, err error, argument, words string) {
	t.Helper()
	var f *fault.Error
	if !errors.As(err, &f) {
		t.Fatalf("not a caller's error: %v", err)
	}
	if f.Code != fault.CodeBadUserInput || f.Argument != argument || !strings.Contains(f.Message, words) {
		t.Errorf("%s at %q: %q; want BAD_USER_INPUT at %q with %q", f.Code, f.Argument, f.Message, argument, words)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	t.Run("names all wrong values", func(t *testing.T) {
		t.Parallel()
		_, err := read(t, `{"assignee": ["nope", null], "colour": 1, "or": [{"number": {"eq": "7", "gt": 1}}, {"customer": {"country": {"eq": "Narnia"}, "id": ["x"]}}],
			"externalRef": {"system": 5, "id": 6}}`)
		var got []string
		for _, f := range fault.All(err) {
			got = append(got, f.Argument)
		}
		want := []string{"assignee[0]", "assignee[1]", "colour", "externalRef.id", "externalRef.system", "or[0].number.eq", "or[0].number.gt", "or[1].customer.country.eq", "or[1].customer.id[0]"}
		if !slices.Equal(got, want) {
			t.Errorf("the wrong values are %q, want %q", got, want)
		}
	})
	t.Run("names the path of a wrong value", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ name, filter, argument, words string }{
			{"not an object", `[]`, "", "expected an object"},
			{"a text", `"OPEN"`, "", "expected an object"},
			{"an unknown field", `{"colour": 1}`, "colour", "CaseFilter has no such field"},
			{"an unknown field below", `{"response": {"customer": {"colour": 1}}}`, "response.customer.colour", "CustomerFilter has no such field"},
			{"a field of another entity", `{"response": {"status": ["OPEN"]}}`, "response.status", "ResponseFilter has no such field"},
			{"an unknown operator", `{"number": {"gt": 1}}`, "number.gt", "expected one of eq, gte, in, lte"},
			{"an operator of another type", `{"number": {"isNull": true}}`, "number.isNull", "unknown operator"},
			{"no object of operators", `{"number": 7}`, "number", "expected an object"},
			{"a text for a number", `{"number": {"eq": "7"}}`, "number.eq", "whole number"},
			{"a broken number", `{"number": {"eq": 7.5}}`, "number.eq", "whole number"},
			{"a number of 33 bits", `{"number": {"gte": 2147483648}}`, "number.gte", "32 bits"},
			{"a wrong item of a list", `{"number": {"in": [1, 2, true]}}`, "number.in[2]", "whole number"},
			{"a wrong text", `{"customer": {"company": {"eq": 5}}}`, "customer.company.eq", "String"},
			{"U+0000", `{"customer": {"company": {"in": ["a", "b\u0000"]}}}`, "customer.company.in[1]", "U+0000"},
			{"U+0000 for a country", `{"customer": {"country": {"eq": "\u0000"}}}`, "customer.country.eq", "U+0000"},
			{"a wrong time", `{"openedAt": {"gte": "yesterday"}}`, "openedAt.gte", "not a time"},
			{"a time without a zone", `{"openedAt": {"lt": "2026-03-01T09:30:00"}}`, "openedAt.lt", "not a time"},
			{"the year 0", `{"openedAt": {"lt": "0000-12-31T00:00:00Z"}}`, "openedAt.lt", "years 1 to 9999"},
			{"a month", `{"openedAt": {"withinLast": "P1M"}}`, "openedAt.withinLast", "not a duration"},
			{"a negative duration", `{"openedAt": {"withinNext": "-PT1H"}}`, "openedAt.withinNext", "not a duration"},
			{"a text for yes", `{"openedAt": {"isNull": "true"}}`, "openedAt.isNull", "expected true or false"},
			{"a text for a switch", `{"mine": "yes"}`, "mine", "expected true or false"},
			{"a number for a switch", `{"overdue": 1}`, "overdue", "expected true or false"},
			{"a list for a switch", `{"assigned": [true]}`, "assigned", "expected true or false"},
			{"a wrong flag", `{"response": {"contactRequested": "no"}}`, "response.contactRequested", "expected true or false"},
			{"an unknown status", `{"status": ["OPEN", "DONE"]}`, "status[1]", "expected one of OPEN, IN_PROGRESS, CLOSED"},
			{"a status in lower case", `{"status": "open"}`, "status[0]", "expected one of OPEN"},
			{"an unknown category", `{"response": {"category": ["HAPPY"]}}`, "response.category[0]", "DETRACTOR, PASSIVE, PROMOTER"},
			{"no id", `{"id": ["7"]}`, "id[0]", "not the ID of a case"},
			{"the id of another entity", `{"assignee": ["cas_0190163d8694739b9f6b1bdac25e4c4e"]}`, "assignee[0]", "not the ID of a user"},
			{"a number for an id", `{"rule": [7]}`, "rule[0]", "an ID must be a string"},
			{"null in a list", `{"id": [null]}`, "id[0]", "null is not allowed in a list"},
			{"null among filters", `{"or": [{}, null]}`, "or[1]", "null is not allowed in a list"},
			{"a path through and, or, not", `{"and": [{"or": [{}, {"not": {"response": {"score": {"lte": "x"}}}}]}]}`,
				"and[0].or[1].not.response.score.lte", "whole number"},
			{"no filter in a list", `{"and": [7]}`, "and[0]", "expected an object"},
			{"no filter under not", `{"not": []}`, "not", "expected an object"},
			{"no country", `{"customer": {"country": {"eq": "Ruritania"}}}`, "customer.country.eq", "neither an ISO 3166-1 code nor the English name"},
			{"an empty country", `{"customer": {"country": {"in": ["DE", ""]}}}`, "customer.country.in[1]", "neither an ISO"},
			{"a part of a country", `{"customer": {"country": {"contains": "Ger"}}}`, "customer.country.contains", "expected one of eq, in, isNull"},
			{"a decimal of five places", `{"customer": {"lifetimeValue": {"eq": "1.00001"}}}`, "customer.lifetimeValue.eq", "4 places"},
			{"a decimal of 21 digits", `{"customer": {"lifetimeValue": {"lte": "100000000000000000000"}}}`, "customer.lifetimeValue.lte", "20 digits"},
			{"NaN for a decimal", `{"customer": {"lifetimeValue": {"gte": "NaN"}}}`, "customer.lifetimeValue.gte", "not a decimal"},
			{"an exponent", `{"customer": {"lifetimeValue": {"gte": 1e3}}}`, "customer.lifetimeValue.gte", "not a decimal"},
			{"null for a decimal", `{"customer": {"lifetimeValue": {"gte": null}}}`, "customer.lifetimeValue.gte", "use isNull"},
			{"NaN", `{"response": {"testimonialLikelihood": {"gte": "NaN"}}}`, "response.testimonialLikelihood.gte", "expected a finite number"},
			{"beyond all floats", `{"response": {"testimonialLikelihood": {"lte": 1e999}}}`, "response.testimonialLikelihood.lte", "expected a finite number"},
			{"a flag for a float", `{"response": {"testimonialLikelihood": {"lte": true}}}`, "response.testimonialLikelihood.lte", "expected a finite number"},
			{"U+0000 in a part", `{"customer": {"email": {"contains": "\u0000"}}}`, "customer.email.contains", "U+0000"},
			{"U+0000 at the start", `{"response": {"comment": {"startsWith": "a\u0000"}}}`, "response.comment.startsWith", "U+0000"},
			{"an attribute without a key", `{"customer": {"attribute": {"value": {"eq": "x"}}}}`, "customer.attribute.key", "a String"},
			{"an attribute without a value", `{"customer": {"attribute": {"key": "x"}}}`, "customer.attribute.value", "expected an object"},
			{"an attribute with more", `{"customer": {"attribute": {"key": "x", "value": {}, "not": true}}}`, "customer.attribute.not", "AttributeFilter has no such field"},
			{"null for an attribute's key", `{"response": {"attribute": {"key": null, "value": {}}}}`, "response.attribute.key", "a String"},
			{"null in an attribute's value", `{"response": {"attribute": {"key": "k", "value": {"eq": null}}}}`, "response.attribute.value.eq", "use isNull"},
			{"null among drivers", `{"response": {"drivers": {"any": [null]}}}`, "response.drivers.any[0]", "null is not allowed in a list"},
			{"null for any", `{"response": {"drivers": {"any": null}}}`, "response.drivers.any", "use isNull"},
			{"the id of a rule for a theme", `{"response": {"themes": {"none": ["rul_0190163d8694739b9f6b1bdac25e4c4e"]}}}`, "response.themes.none[0]", "not the ID of a theme"},
			{"no effort", `{"response": {"themeEffort": ["NONE"]}}`, "response.themeEffort[0]", "EASY, MEDIUM, HARD"},
			{"no contact status", `{"response": {"contactStatus": ["NEVER"]}}`, "response.contactStatus[0]", "NOT_CONTACTED"},
			{"a text for a case", `{"response": {"hasCase": "no"}}`, "response.hasCase", "expected true or false"},
			{"more of a reference", `{"externalRef": {"url": "x"}}`, "externalRef.url", "ExternalRefFilter has no such field"},
			{"a number for a system", `{"externalRef": {"system": 1}}`, "externalRef.system", "a String"},
			{"no channel", `{"outreach": {"channel": ["FAX"]}}`, "outreach.channel[0]", "PHONE, EMAIL"},
			{"null among offers", `{"outreach": {"offer": [null]}}`, "outreach.offer[0]", "null is not allowed in a list"},
			{"no search", `{"customer": {"search": 7}}`, "customer.search", "a String"},
			{"a long search", `{"response": {"search": "` + strings.Repeat("ä", 501) + `"}}`, "response.search", "500 characters"},
			{"null for eq", `{"customer": {"country": {"eq": null}}}`, "customer.country.eq", "use isNull"},
			{"null for in", `{"number": {"in": null}}`, "number.in", "use isNull"},
			{"null for isNull", `{"dueAt": {"isNull": null}}`, "dueAt.isNull", "use isNull"},
		} {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				_, err := read(t, c.filter)
				assertRefused(t, err, c.argument, c.words)
			})
		}
	})

	t.Run("ignores a field that is null", func(t *testing.T) {
		t.Parallel()
		for _, text := range []string{`{}`, `{"status": null}`, `{"and": null, "or": null, "not": null, "response": null}`, `{"and": []}`} {
			f, err := read(t, text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			if !matches(f) {
				t.Errorf("%s does not match everything", text)
			}
		}
	})

	t.Run("limits nesting to 20 levels", func(t *testing.T) {
		t.Parallel()
		nest := func(levels int) string { // the innermost object is empty
			return strings.Repeat(`{"not": `, levels-1) + `{}` + strings.Repeat(`}`, levels-1)
		}
		if _, err := read(t, nest(20)); err != nil {
			t.Errorf("20 levels: %v", err)
		}
		_, err := read(t, nest(21))
		assertRefused(t, err, strings.TrimSuffix(strings.Repeat("not.", 20), "."), "more than 20 levels")
		_, err = read(t, strings.Repeat(`{"and": [`, 20)+`{}`+strings.Repeat(`]}`, 20))
		assertRefused(t, err, strings.TrimSuffix(strings.Repeat("and[0].", 20), "."), "more than 20 levels")
		// An object of operators is a level; siblings add none.
		if _, err := read(t, strings.Repeat(`{"not": `, 19)+`{"number": {"eq": 1}}`+strings.Repeat(`}`, 19)); err == nil {
			t.Error("an object of operators on level 21 was accepted")
		}
		if _, err := read(t, `{"and": [`+strings.Repeat(`{"not": {}}, `, 30)+`{}]}`); err != nil {
			t.Errorf("30 siblings: %v", err)
		}
	})

	t.Run("limits a filter to 2,000 values", func(t *testing.T) {
		t.Parallel()
		numbers := func(n int) string {
			return `{"number": {"in": [` + strings.TrimSuffix(strings.Repeat("7,", n), ",") + `]}}`
		}
		if _, err := read(t, numbers(1998)); err != nil { // and two objects
			t.Errorf("2,000 values: %v", err)
		}
		_, err := read(t, numbers(1999))
		assertRefused(t, err, "number.in", "more than 2000 values")
		// The limit holds for the whole filter, not for each list.
		_, err = read(t, `{"or": [`+numbers(900)+`,`+numbers(900)+`,`+numbers(200)+`]}`)
		assertRefused(t, err, "or[2].number.in", "more than 2000 values")
	})

	t.Run("reads a single value as a list of one", func(t *testing.T) {
		t.Parallel()
		for lone, list := range map[string]string{
			`{"status": "OPEN"}`:                     `{"status": ["OPEN"]}`,
			`{"number": {"in": 1}}`:                  `{"number": {"in": [1]}}`,
			`{"and": {"number": {}}}`:                `{"and": [{"number": {}}]}`,
			`{"or": {"mine": true}}`:                 `{"or": [{"mine": true}]}`,
			`{"customer": {"company": {"in": "a"}}}`: `{"customer": {"company": {"in": ["a"]}}}`,
		} {
			one, err := read(t, lone)
			if err != nil {
				t.Errorf("%s: %v", lone, err)
				continue
			}
			many, _ := read(t, list)
			if sql(one) != sql(many) {
				t.Errorf("%s is %s, %s is %s", lone, sql(one), list, sql(many))
			}
		}
	})

	t.Run("knows only the fields of its entity", func(t *testing.T) {
		t.Parallel()
		v := map[string]any{"customer": map[string]any{"country": map[string]any{"eq": "DE"}}}
		if err := new(filter.Response).UnmarshalGQL(v); err != nil {
			t.Error(err)
		}
		assertRefused(t, new(filter.Customer).UnmarshalGQL(v), "customer", "CustomerFilter has no such field")
		if err := new(filter.Customer).UnmarshalGQL(v["customer"]); err != nil {
			t.Error(err)
		}
		assertRefused(t, new(filter.Time).UnmarshalGQL(map[string]any{"gte": "x"}), "gte", "not a time")
		assertRefused(t, new(filter.Time).UnmarshalGQL("x"), "", "expected an object")
	})

	t.Run("keeps the filter as it was written", func(t *testing.T) {
		t.Parallel()
		const given = `{"and": [{"status": "OPEN"}, {"number": {"in": [1, 2147483647]}, "dueAt": null}]}`
		f, err := read(t, given)
		if err != nil {
			t.Fatal(err)
		}
		var written strings.Builder
		f.MarshalGQL(&written)
		if !sameJSON(t, f.Raw(), given) || written.String() != string(f.Raw()) {
			t.Errorf("%s is stored as %s and written as %s", given, f.Raw(), written.String())
		}
	})
}

func TestParseStored(t *testing.T) {
	t.Parallel()
	t.Run("refuses null, empty filters and searches", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ filter, argument, words string }{
			{`{}`, "", "empty filter"},
			{`{"score": null}`, "score", "null is not allowed"},
			{`{"score": {"gte": 7}, "customer": null}`, "customer", "null is not allowed"},
			{`{"customer": {}}`, "customer", "empty filter"},
			{`{"score": {}}`, "score", "empty filter"},
			{`{"score": {"eq": null}}`, "score.eq", "use isNull"},
			{`{"not": {}}`, "not", "empty filter"},
			{`{"and": []}`, "and", "empty list"},
			{`{"or": []}`, "or", "empty list"},
			{`{"or": [{"score": {"gte": 7}}, {}]}`, "or[1]", "empty filter"},
			{`{"or": [{"score": {"gte": 7}}, {"category": null}]}`, "or[1].category", "null is not allowed"},
			{`{"score": {"gte": 7}} {}`, "", "a JSON object"},
			{`{"score": `, "", "a JSON object"},
			{`{"search": "late"}`, "search", "cannot search"},
			{`{"customer": {"search": "ana"}}`, "customer.search", "cannot search"},
			{`{"customer": {"attribute": {"key": "k", "value": {}}}}`, "customer.attribute.value", "empty filter"},
			{`{"drivers": {}}`, "drivers", "empty filter"},
			{`null`, "", "expected an object"},
			{`7`, "", "expected an object"},
		} {
			_, err := filter.ParseStored(json.RawMessage(c.filter))
			t.Run(c.filter, func(t *testing.T) { assertRefused(t, err, c.argument, c.words) })
		}
		for _, text := range []string{
			`{"score": {"gte": 0, "lte": 6}}`, `{"score": {"in": [1, 2]}}`, `{"category": []}`, `{"customer": {"country": {"in": []}}}`,
			`{"respondedAt": {"withinLast": "P2D"}}`, `{"not": {"contactRequested": true}}`,
		} {
			f, err := filter.ParseStored(json.RawMessage(text))
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if !sameJSON(t, f.Raw(), text) {
				t.Errorf("%s is stored as %s", text, f.Raw())
			}
		}
	})

	t.Run("is as strict for customers and cases", func(t *testing.T) {
		t.Parallel()
		if f, err := filter.ParseStoredCustomer(json.RawMessage(`{"country": {"eq": "GB"}}`)); err != nil || !sameJSON(t, f.Raw(), `{"country": {"eq": "GB"}}`) {
			t.Error(err)
		}
		if f, err := filter.ParseStoredCase(json.RawMessage(`{"status": ["OPEN"], "mine": true}`)); err != nil || !f.Mine() {
			t.Error(err)
		}
		for filterText, argument := range map[string]string{`{}`: "", `{"company": null}`: "company", `{"search": "a"}`: "search", `{"status": ["OPEN"]}`: "status"} {
			_, err := filter.ParseStoredCustomer(json.RawMessage(filterText))
			assertRefused(t, err, argument, "")
		}
		for filterText, argument := range map[string]string{
			`{}`: "", `{"status": null}`: "status", `{"response": {"search": "a"}}`: "response.search", `{"externalRef": {}}`: "externalRef",
			`{"externalRef": {"system": "x", "id": null}}`: "externalRef.id", `{"outreach": {"channel": null}}`: "outreach.channel", `[]`: "", `x`: "",
		} {
			_, err := filter.ParseStoredCase(json.RawMessage(filterText))
			assertRefused(t, err, argument, "")
		}
	})
}

func TestTraits(t *testing.T) {
	t.Parallel()
	t.Run("report whether the viewer matters", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]bool{
			`{}`: false, `{"assigned": true}`: false, `{"overdue": true, "response": {"score": {"eq": 1}}}`: false,
			`{"mine": true}`: true, `{"mine": false}`: true, `{"not": {"mine": true}}`: true,
			`{"and": [{}, {"or": [{"assigned": false}, {"mine": true}]}]}`: true,
		} {
			f, err := read(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if f.Mine() != want {
				t.Errorf("%s: %t", text, f.Mine())
			}
		}
		if (*filter.Case)(nil).Mine() || new(filter.Case).Mine() {
			t.Error("a nil or zero filter depends on the viewer")
		}
	})

	t.Run("report a search and the first personal field", func(t *testing.T) {
		t.Parallel()
		for text, want := range map[string]struct {
			searches bool
			personal string
		}{
			`{}`: {}, `{"status": ["OPEN"], "customer": {"company": {"contains": "x"}, "country": {"eq": "BR"}}}`: {},
			`{"response": {"score": {"lte": 6}, "themes": {"any": []}, "drivers": {"any": ["x"]}, "survey": {"eq": "x"}}}`: {},
			`{"response": {"externalId": {"eq": "1"}}}`:                                         {personal: "response.externalId"},
			`{"externalRef": {"id": "1"}}`:                                                      {personal: "externalRef"},
			`{"customer": {"email": {"isNull": true}}}`:                                         {personal: "customer.email"},
			`{"customer": {"email": null}}`:                                                     {},
			`{"not": {"response": {"customer": {"lastName": {}}}}}`:                             {personal: "not.response.customer.lastName"},
			`{"and": [{"mine": true}, {"or": [{"response": {"comment": {"contains": "x"}}}]}]}`: {personal: "and[1].or[0].response.comment"},
			`{"customer": {"phone": {"eq": "1"}, "firstName": {"eq": "1"}}}`:                    {personal: "customer.firstName"},
			`{"customer": {"externalId": {"eq": "1"}}}`:                                         {personal: "customer.externalId"},
			`{"customer": {"agentEmail": {"eq": "1"}}}`:                                         {personal: "customer.agentEmail"},
			`{"customer": {"accountManagerEmail": {"eq": "1"}}}`:                                {personal: "customer.accountManagerEmail"},
			`{"customer": {"attribute": {"key": "k", "value": {"eq": "1"}}}}`:                   {personal: "customer.attribute"},
			`{"response": {"attribute": {"key": "k", "value": {"eq": "1"}}}}`:                   {personal: "response.attribute"},
			`{"customer": {"search": "x"}}`:                                                     {true, "customer.search"},
			`{"not": {"response": {"search": ""}}}`:                                             {true, "not.response.search"},
		} {
			f, err := read(t, text)
			if err != nil {
				t.Fatal(err)
			}
			if f.Searches() != want.searches || f.Personal() != want.personal {
				t.Errorf("%s: searches %t, personal %q", text, f.Searches(), f.Personal())
			}
		}
		if (*filter.Case)(nil).Searches() || (*filter.Response)(nil).Personal() != "" || (*filter.Customer)(nil).Searches() {
			t.Error("a nil filter searches or reads a personal field")
		}
	})
}

func TestOnly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"status": ["OPEN"]}`: "status", `{"mine": true}`: "mine", `{"mine": false}`: "", `{}`: "",
		`{"status": ["OPEN", "CLOSED"]}`: "", `{"status": ["OPEN"], "mine": true}`: "", `{"number": {"eq": 7}}`: "", `{"not": {"status": ["OPEN"]}}`: "",
	} {
		v, err := filter.Decode(json.RawMessage(text))
		if err != nil {
			t.Fatal(err)
		}
		f := new(filter.Case)
		if err := f.UnmarshalGQL(v); err != nil {
			t.Fatal(err)
		}
		if got := f.Only(); got != want {
			t.Errorf("the only condition of %s is %q, want %q", text, got, want)
		}
	}
	if got := (*filter.Case)(nil).Only(); got != "" {
		t.Errorf("the only condition of no filter is %q", got)
	}
}
