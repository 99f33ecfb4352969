package cost_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/internal/pg"
)

var schema = graph.NewExecutableSchema(graph.Config{}).Schema()

// price prices a document with variables as JSON.
func price(t *testing.T, document string, variables ...string) cost.Price {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(schema, document, nil)
	if len(errs) > 0 {
		t.Fatalf("%.200s: %v", document, errs)
	}
	given := map[string]any{}
	for _, text := range variables {
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&given); err != nil {
			t.Fatal(err)
		}
	}
	coerced, err := validator.VariableValues(schema, doc.Operations[0], given)
	if err != nil {
		t.Fatalf("%.200s: %v", document, err)
	}
	return cost.Of(doc.Operations[0], coerced, time.Now())
}

func TestOf(t *testing.T) {
	t.Parallel()
	list := func(filter string) string { return `{responses(filter: ` + filter + `) {totalCount}}` }
	// In each chain, every operation costs more than the one before it.
	for name, chain := range map[string][]string{
		"rows":           {`{cases(first: 1) {nodes {id}}}`, `{cases {nodes {id}}}`, `{cases(last: 50) {nodes {id}}}`, `{cases(first: 100) {nodes {id}}}`},
		"a count":        {`{responses {nodes {id}}}`, `{responses {nodes {id} totalCount}}`, `{responses {nodes {id} a: totalCount b: totalCount}}`},
		"depth":          {`{customers {nodes {id}}}`, `{customers {nodes {cases(first: 1) {nodes {id}}}}}`, `{customers {nodes {cases {nodes {id}}}}}`, `{customers {nodes {cases {nodes {notes {nodes {id}}}}}}}`},
		"relations":      {`{cases {nodes {number}}}`, `{cases {nodes {number rules {name}}}}`, `{cases {nodes {number rules {name} externalRefs {id}}}}`},
		"aliases":        {`{a: topThemes {responses}}`, `{a: topThemes {responses} b: topThemes {responses}}`},
		"kinds":          {list(`{externalId: {eq: "a"}}`), list(`{category: [DETRACTOR]}`), list(`{contactRequested: true}`), list(`{hasCase: true}`), list(`{not: {hasCase: true}}`)},
		"text":           {list(`{survey: {eq: "x"}}`), list(`{comment: {contains: "wifi"}}`), list(`{comment: {contains: "w"}}`)},
		"a negation":     {list(`{comment: {contains: "wifi"}}`), list(`{not: {comment: {contains: "wifi"}}}`)},
		"conditions":     {list(`{hasCase: true}`), list(`{and: [{hasCase: true}, {hasCase: true}]}`), list(`{and: [{hasCase: true}, {hasCase: true}, {hasCase: true}]}`)},
		"either":         {list(`{comment: {contains: "abc"}}`), list(`{or: [{comment: {contains: "abc"}}, {comment: {contains: "abd"}}]}`), list(`{or: [{comment: {contains: "abc"}}, {comment: {contains: "abd"}}, {hasCase: true}]}`)},
		"words":          {`{customers(filter: {search: "an"}) {totalCount}}`, `{customers(filter: {search: "an an"}) {totalCount}}`, `{customers(filter: {search: "an an an"}) {totalCount}}`},
		"lists":          {list(`{themes: {any: []}}`), list(`{themes: {none: []}}`)},
		"outreach":       {`{cases(filter: {number: {eq: 1}}) {totalCount}}`, `{cases(filter: {outreach: {channel: [PHONE]}}) {totalCount}}`, `{cases(filter: {not: {outreach: {channel: [PHONE]}}}) {totalCount}}`},
		"reports":        {`{caseSummary {open}}`, `{followUpReport {cases}}`, `{followUpReport(groupBy: RULE) {cases groups {key}}}`},
		"summary":        {`{caseSummary {open}}`, `{caseSummary {open groups(groupBy: RULE) {key}}}`, `{caseSummary {open a: groups(groupBy: RULE) {key} b: groups(groupBy: THEME) {key}}}`},
		"groups":         {`{npsReport(first: 1, groupBy: COMPANY) {groups {key nps}}}`, `{npsReport(first: 1000, groupBy: COMPANY) {groups {key nps}}}`},
		"events":         {`{caseEvents(first: 1) {nodes {id}}}`, `{caseEvents {nodes {id}}}`, `{caseEvents(first: 1, filter: {number: {eq: -1}}) {nodes {id}}}`},
		"notes of cases": {`{notes(filter: {case: ["a"]}) {totalCount}}`, `{notes(filter: {case: [` + strings.Repeat(`"a" `, 500) + `]}) {totalCount}}`, `{notes(filter: {case: [` + strings.Repeat(`"a" `, 2000) + `]}) {totalCount}}`},
		"ids":            {`{nodes(ids: ["a"]) {id}}`, `{nodes(ids: ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "m", "n", "o", "p"]) {id}}`},
		"a feed":         {`subscription {caseEvents {cursor}}`, `subscription {caseEvents {node {... on CaseOpened {case {number customer {id} response {id} rules {id}}}}}}`, `subscription {caseEvents(after: "x") {cursor}}`},
		"a feed's filter": {
			`subscription {caseEvents(after: "x") {cursor}}`, `subscription {caseEvents(after: "x", filter: {mine: true}) {cursor}}`,
			`subscription {caseEvents(after: "x", filter: {or: [{mine: true}, {response: {comment: {contains: "wifi"}}}]}) {cursor}}`,
		},
		"times": {
			`{cases(filter: {openedAt: {withinLast: "P1D"}}) {totalCount}}`, `{cases(filter: {openedAt: {withinLast: "P30D"}}) {totalCount}}`,
			`{cases(filter: {openedAt: {gte: "2000-01-01T00:00:00Z"}}) {totalCount}}`,
		},
		"medians":       {`{followUpReport {cases}}`, `{followUpReport {cases medianTimeToClose}}`, `{followUpReport {cases medianTimeToClose p90TimeToFollowUp}}`},
		"orders":        {`{cases(orderBy: [{field: STATUS, direction: ASC}]) {nodes {id}}}`, `{cases(orderBy: [{field: STATUS, direction: ASC}, {field: SCORE, direction: ASC}]) {nodes {id}}}`},
		"a rule's past": {`query {previewRule(rule: {name: "x"}, since: "` + time.Now().AddDate(0, 0, -7).Format(time.RFC3339) + `") {matched}}`, `query {previewRule(rule: {name: "x"}, since: "2000-01-01T00:00:00Z") {matched}}`},
		"lists below":   {`{customers {nodes {cases {nodes {id}}}}}`, `{users {nodes {assignedCases {nodes {id}}}}}`, `{users {nodes {assignedCases(filter: {rule: ["rul_01a228ad3d4e79c98cf353f9f0cd0c1f"]}) {nodes {id}}}}}`},
		"a relation of": {`{caseEvents {nodes {... on CaseOpened {cursor}}}}`, `{caseEvents {nodes {... on CaseOpened {case {number}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before := 0
			for _, document := range chain {
				got := price(t, document).Points
				if got <= before {
					t.Errorf("%s costs %d points, want more than the %d of the operation before it", document, got, before)
				}
				before = got
			}
		})
	}

	t.Run("is the same for a literal, a variable and a variable in a literal", func(t *testing.T) {
		t.Parallel()
		want := price(t, `{responses(first: 50, filter: {or: [{hasCase: true}, {score: {gte: 5}}]}) {totalCount}}`)
		for document, variables := range map[string]string{
			`query ($n: Int, $f: ResponseFilter) {responses(first: $n, filter: $f) {totalCount}}`:                                                                        `{"n": 50, "f": {"or": [{"hasCase": true}, {"score": {"gte": 5}}]}}`,
			`query ($f: [ResponseFilter!]) {responses(first: 50, filter: {or: $f}) {totalCount}}`:                                                                        `{"f": [{"hasCase": true}, {"score": {"gte": 5}}]}`,
			`query ($f: IntFilter) {responses(first: 50, filter: {or: [{hasCase: true}, {score: $f}]}) {totalCount}}`:                                                    `{"f": {"gte": 5}}`,
			`query ($n: Int = 50) {responses(first: $n, filter: {or: [{hasCase: true}, {score: {gte: 5}}]}) {...f}} fragment f on ResponseConnection {... {totalCount}}`: `{}`,
		} {
			if got := price(t, document, variables); got != want {
				t.Errorf("%s costs %+v, want %+v", document, got, want)
			}
		}
	})

	t.Run("passes over what @skip and @include leave out", func(t *testing.T) {
		t.Parallel()
		const document = `query ($yes: Boolean!, $no: Boolean!) {cases {nodes {id} totalCount @include(if: $no) ... @skip(if: $yes) {totalCount} ...f @skip(if: $yes)}} fragment f on CaseConnection {totalCount}`
		if got, want := price(t, document, `{"yes": true, "no": false}`), price(t, `{cases {nodes {id}}}`); got != want {
			t.Errorf("costs %+v, want %+v", got, want)
		}
	})

	t.Run("takes the dearest of the types that an object may have", func(t *testing.T) {
		t.Parallel()
		both := price(t, `{caseEvents(first: 100) {nodes {... on CaseOpened {case {number}} ... on CaseAssigned {case {number}}}}}`)
		one := price(t, `{caseEvents(first: 100) {nodes {... on CaseOpened {case {number}}}}}`)
		if both.Points > one.Points+10 || both.Fields != one.Fields {
			t.Errorf("two types cost %+v, and one of them %+v", both, one)
		}
	})

	t.Run("does not trust a filter that seems to leave few rows", func(t *testing.T) {
		t.Parallel()
		const nodes = `{nodes {cases(first: 100) {nodes {notes(first: 5) {nodes {body}}}}}}}`
		without := price(t, `{customers(first: 100) `+nodes)
		with := price(t, `{customers(first: 100, filter: {firstName: {startsWith: ""}, lastName: {startsWith: ""}, company: {startsWith: ""}, segment: {startsWith: ""}}) `+nodes)
		if with.Fields != without.Fields || with.Points < without.Points/11 {
			t.Errorf("with the filter it costs %+v, without it %+v", with, without)
		}
	})

	t.Run("counts the items of a batch", func(t *testing.T) {
		t.Parallel()
		const document = `mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {created response {id}}}}`
		batch := func(n int) cost.Price {
			item := `{"score": 3, "customer": {"firstName": "Ana"}}`
			return price(t, document, `{"input": {"responses": [`+strings.TrimSuffix(strings.Repeat(item+",", n), ",")+`]}}`)
		}
		one, many := batch(1), batch(1000)
		if many.Points < 50*one.Points || many.Points > cost.Max || many.Fields < 3000 {
			t.Errorf("one response costs %+v, a thousand %+v", one, many)
		}
	})
}

func TestOfAttacks(t *testing.T) {
	t.Parallel()
	repeat := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d: %s ", i, field)
		}
		return "{" + b.String() + "}"
	}
	or := func(n int, condition string) string { return `{or: [` + strings.Repeat(condition, n) + `]}` }
	const never = cost.Max + 1
	for name, attack := range map[string]struct {
		document string
		least    int // points
	}{
		"600 parts of comments":          {`{responses(first: 1, filter: ` + or(600, `{comment: {contains: "ad#"}}`) + `) {totalCount}}`, never},
		"400 parts of companies":         {`{customers(first: 1, filter: ` + or(400, `{company: {contains: "ad#"}}`) + `) {totalCount}}`, 5_000},
		"300 parts of comments of cases": {`{cases(first: 1, filter: ` + or(300, `{response: {comment: {contains: "ad#"}}}`) + `) {totalCount}}`, 20_000},
		"400 questions for a case":       {`{responses(first: 1, filter: {and: [` + strings.Repeat(`{not: {hasCase: true}}`, 400) + `]}) {totalCount}}`, never},
		"450 counts":                     {repeat(450, `responses(first: 1) {totalCount}`), 20_000},
		"450 searches of the log":        {repeat(450, `caseEvents(first: 1, filter: {number: {eq: -1}}) {nodes {id}}`), never},
		"scores by company and theme":    {repeat(40, `npsReport(groupBy: THEME, first: 1) {responses groups {key}}`), never},
		"28 rankings of themes":          {repeat(28, `topThemes(first: 1) {responses}`), never},
		"250 words":                      {`{customers(first: 1, filter: {search: "` + strings.Repeat("c ", 250) + `"}) {totalCount}}`, 20_000},
		"lists in lists":                 {`{customers(first: 100) {nodes {cases(first: 100) {nodes {notes(first: 100) {nodes {id body}}}}}}}`, never},
	} {
		if got := price(t, attack.document); got.Points < attack.least && got.Fields <= cost.FieldsMax {
			t.Errorf("%s cost %+v, want %d points at least", name, got, attack.least)
		}
	}
	const types = `__schema {types {name fields {name args {name} type {kind ofType {kind ofType {name}}}} inputFields {name} enumValues {name}}}`
	if one, many := price(t, `{`+types+`}`), price(t, repeat(7, types)); one.Fields < 5_000 || one.Fields > 20_000 || !many.Heavy() {
		t.Errorf("introspection costs %+v, and seven of it %+v", one, many)
	}
	const wide = `{cases(first: 100) {nodes {number status dueAt timeSinceOpen customer {displayName company country} response {score comment themes {name}} assignee {name} rules {name} notes(first: 3) {nodes {body}}} totalCount}
		caseSummary {open inProgress closed overdue groups(groupBy: ASSIGNEE) {label open overdue}} npsReport(groupBy: MONTH) {nps groups {key nps}} topThemes(first: 10) {responses theme {name}} followUpReport(groupBy: ASSIGNEE) {inTimeRate groups {label inTimeRate}}}`
	if got := price(t, wide); got.Points > cost.Max/3 || got.Fields > cost.FieldsMax/3 {
		t.Errorf("a whole dashboard costs %+v", got)
	}
}

func TestOfIsBounded(t *testing.T) {
	t.Parallel()
	fragments := strings.Builder{}
	fragments.WriteString(`{...f0} fragment f60 on Query {cases {totalCount}}`)
	for i := range 60 { // each spreads the next one twice
		fmt.Fprintf(&fragments, ` fragment f%d on Query {...f%d ...f%[2]d}`, i, i+1)
	}
	filters := strings.Builder{}
	for i := range 800 { // each literal has the variable's 1,900 conditions
		fmt.Fprintf(&filters, `a%d: responses(filter: {and: $f}) {totalCount} `, i)
	}
	variable := `{"f": [` + strings.TrimSuffix(strings.Repeat(`{"score": {"eq": 1}},`, 1900), ",") + `]}`
	began := time.Now()
	for name, got := range map[string]cost.Price{
		"sixty fragments that grow": price(t, fragments.String()),
		"a variable in 800 filters": price(t, `query ($f: [ResponseFilter!]) {`+filters.String()+`}`, variable),
		"lists in lists": price(t, `{customers(first: 100) {nodes {cases(first: 100) {nodes {customer {`+
			strings.Repeat(`cases(first: 100) {nodes {customer {`, 12)+`id`+strings.Repeat(`}}}`, 12)+`}}}}}}`),
	} {
		if got.Points < 100_000_000 || got.Points > 1_000_000_000 || got.Fields > 1_000_000_000 {
			t.Errorf("%s: %+v, want a price between 100 million and a billion", name, got)
		}
	}
	if took := time.Since(began); took > 20*time.Second { // without bounds, it would take years
		t.Errorf("pricing took %s", took)
	}
}

func TestUsed(t *testing.T) {
	t.Parallel()
	for used, want := range map[pg.Usage]int{
		{Time: time.Microsecond}:                1,
		{Time: 100 * time.Microsecond}:          1,
		{Time: time.Second}:                     10_000,
		{Time: time.Second, Rows: 2000}:         10_100,
		{Time: 1000 * time.Hour, Rows: 1 << 62}: 1_000_000_000,
	} {
		if got := cost.Used(used); got != want {
			t.Errorf("Used(%+v) = %d, want %d", used, got, want)
		}
	}
}

// The tables name fields and types, which must exist.
func TestTables(t *testing.T) {
	t.Parallel()
	for _, place := range cost.Places() {
		of, field, isField := strings.Cut(place, ".")
		definition := schema.Types[of]
		if definition == nil || isField && definition.Fields.ForName(field) == nil {
			t.Errorf("%s is not in the schema", place)
		}
	}
	// Every list with pages has a table.
	for _, of := range schema.Types {
		if name, is := strings.CutSuffix(of.Name, "Connection"); is && of.Kind == ast.Object && !cost.HasTable(name) {
			t.Errorf("lists of %s have no table", name)
		}
	}
}

func TestReading(t *testing.T) {
	t.Parallel()
	for bytes, want := range map[int]int{0: 0, 1023: 0, 1024: 25, 21_000: 500, 100 << 10: 2500} {
		if text, input := cost.Reading(bytes, bytes); text != want || input != want/25*8 {
			t.Errorf("%d bytes of a document cost %d, want %d, and of variables %d, want %d", bytes, text, want, input, want/25*8)
		}
	}
}
