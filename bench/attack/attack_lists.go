package main

import (
	"fmt"
	"strings"

	"github.com/closeloop/closeloop/bench/program"
)

type vars = program.Vars

// aliases repeats fields in turn, n in all, each under a name of its own.
func aliases(n int, fields ...string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d: %s ", i, fields[i%len(fields)])
	}
	return b.String()
}

// many is a filter of n conditions under "or" or "and".
func many(join string, n int, condition func(i int) vars) vars {
	list := make([]vars, n)
	for i := range list {
		list[i] = condition(i)
	}
	return vars{join: list}
}

// rare is a text that no comment has, another one for each i.
func rare(i int) string { return fmt.Sprintf("%c%c%d#", 'a'+i%26, 'a'+i/26%26, i) }

// nested wraps a filter in n levels.
func nested(n int, name string, inner any) any {
	for range n {
		inner = vars{name: inner}
	}
	return inner
}

// listAttacks ask for lists and objects.
func listAttacks(f *facts) []attack {
	partner := func(name, query string, variables vars) attack {
		return attack{name: name, role: "PARTNER", request: same(operation{query, variables})}
	}
	contains := func(i int) vars { return vars{"comment": vars{"contains": rare(i)}} }
	inResponse := func(i int) vars { return vars{"response": contains(i)} }
	quoted := func(all []string) string { return `["` + strings.Join(all, `","`) + `"]` }
	subQuestions := many("or", 120, func(i int) vars {
		return []vars{
			{"outreach": vars{"channel": []string{"PHONE"}, "offer": []string{"VOUCHER"}, "outcome": []string{"NO_ANSWER"}}},
			{"not": vars{"outreach": vars{}}}, {"externalRef": vars{"system": rare(i)}},
			{"response": vars{"attribute": vars{"key": "channel", "value": vars{"contains": rare(i)}}}},
			{"customer": vars{"attribute": vars{"key": "plan", "value": vars{"startsWith": rare(i)}}}},
			{"response": vars{"drivers": vars{"all": []string{rare(i), "Price"}}}},
			{"response": vars{"not": vars{"themeEffort": []string{"EASY", "MEDIUM", "HARD"}}, "score": vars{"lte": -1}}},
			{"not": vars{"response": vars{"themes": vars{"none": []string{}}}}},
		}[i%8]
	})
	deep := `id`
	for i := range 9 { // from the inside: the case of a response of a customer of a case …
		deep = []string{`case {id ` + deep + `}`, `responses(first: 4) {nodes {id ` + deep + `}}`, `customer {id ` + deep + `}`}[i%3]
	}
	return []attack{
		partner("deep-nesting", `{responses(first: 100) {nodes {`+deep+`}}}`, nil),
		partner("aliases-of-everything", `{`+aliases(300, `cases(first: 100) {totalCount nodes {id}}`, `responses(first: 100) {totalCount nodes {id}}`, `customers(first: 100) {totalCount nodes {id}}`,
			`passives(first: 100) {totalCount nodes {id}}`, `notes(first: 100) {totalCount nodes {id}}`, `caseEvents(first: 100) {nodes {id}}`, `caseSummary {total}`, `npsReport {nps}`, `followUpReport {cases}`, `recoveryReport {closedCases}`)+`}`, nil),
		partner("sub-questions", `query ($f: CaseFilter) {cases(first: 1, filter: $f) {totalCount}}`, vars{"f": subQuestions}),
		partner("nots", `query ($f: CaseFilter) {cases(first: 100, filter: $f) {totalCount}}`, vars{"f": many("and", 60, func(i int) vars {
			return nested(7, "not", vars{"response": vars{"not": vars{"hasCase": false}, "comment": vars{"contains": rare(i)}}}).(vars)
		})}),
		partner("long-contains", `query ($f: ResponseFilter) {responses(first: 1, filter: $f) {totalCount}}`, vars{"f": many("or", 100, func(i int) vars {
			return vars{"comment": vars{"contains": strings.Repeat("e", 4000) + rare(i)}}
		})}),
		partner("like-patterns", `query ($f: ResponseFilter) {responses(first: 1, filter: $f) {totalCount}}`, vars{"f": many("or", 200, func(i int) vars {
			return vars{"comment": vars{"contains": strings.Repeat(`%_\`, 30) + rare(i)}}
		})}),
		partner("orders-without-index", `query ($f: ResponseFilter) {`+aliases(40,
			`responses(first: 100, filter: $f, orderBy: [{field: EFFORT, direction: DESC}, {field: TESTIMONIAL_LIKELIHOOD, direction: ASC}, {field: SEGMENT, direction: DESC}]) {nodes {id}}`,
			`responses(last: 100, filter: $f, orderBy: [{field: LIFETIME_VALUE, direction: ASC}, {field: EFFORT, direction: ASC}, {field: SCORE, direction: DESC}]) {nodes {id}}`)+`}`,
			vars{"f": vars{"comment": vars{"contains": "e"}}}),
		partner("last-pages", `{`+aliases(120, `cases(last: 100, orderBy: [{field: STATUS, direction: ASC}, {field: DUE_AT, direction: DESC}, {field: LIFETIME_VALUE, direction: ASC}]) {totalCount nodes {id}}`,
			`responses(last: 100) {totalCount nodes {id}}`, `customers(last: 100) {totalCount nodes {id}}`, `notes(last: 100) {totalCount nodes {id}}`,
			`passives(last: 100, prioritizeBy: [EASY_WINS, TESTIMONIAL]) {totalCount nodes {id}}`, `caseEvents(last: 100) {nodes {id}}`)+`}`, nil),
		partner("passives-by-everything", `query ($f: ResponseFilter) {`+aliases(40, `passives(first: 100, filter: $f, prioritizeBy: [RESOLVED_THEMES, EASY_WINS, TESTIMONIAL, SEGMENT, SCORE, LIFETIME_VALUE]) {totalCount nodes {id}}`)+`}`,
			vars{"f": many("or", 100, contains)}),
		partner("100-nodes-with-lists", `query ($ids: [ID!]!) {nodes(ids: $ids) {... on Customer {responses(first: 50) {nodes {id comment themes {name} case {id status}}} cases(first: 50) {totalCount nodes {id notes(first: 5) {nodes {body}}}}}}}`,
			vars{"ids": f.customers}),
		partner("node-aliases", `query ($id: ID!) {`+aliases(450, `node(id: $id) {... on Customer {responses(first: 1) {totalCount}}}`)+`}`, vars{"id": first(f.customers)}),
		partner("histories", `query ($f: CaseFilter) {cases(first: 100, filter: $f) {nodes {history(first: 100) {nodes {id actor {name} note {body} case {id customer {displayName}} snapshot {comment themes}}}}}}`,
			vars{"f": vars{"status": []string{"CLOSED"}}}),
		partner("assigned-cases", `query ($ids: [ID!]!, $f: CaseFilter) {nodes(ids: $ids) {... on User {assignedCases(first: 100, filter: $f, orderBy: [{field: LIFETIME_VALUE, direction: DESC}]) {totalCount nodes {id}}}}}`,
			vars{"ids": f.users, "f": many("or", 60, inResponse)}),
		partner("events-from-the-beginning", `query ($f: CaseFilter, $after: String) {`+aliases(30, `caseEvents(first: 100, after: $after, filter: $f) {nodes {id}}`)+`}`,
			vars{"after": f.begin, "f": many("or", 300, inResponse)}),
		partner("introspection", `{`+aliases(40, `__schema {types {fields {name args {name type {name}} type {name ofType {name ofType {name}} fields {name type {name}}}} inputFields {name type {name}} enumValues {name}}}`)+`}`, nil),
		partner("growing-fragments", growing(11, `a: cases(first: 2) {totalCount} b: topThemes(first: 1) {responses}`), nil),
		partner("many-ids", `query ($f: CaseFilter) {`+aliases(60, `cases(first: 100, filter: $f) {totalCount}`)+`}`, vars{"f": vars{"not": vars{"response": vars{"id": append(append([]string{}, f.responses...), f.responses...)}}, "customer": vars{"not": vars{"id": f.customers}}}}),
		// Each document is another one, of nearly 1 MB.
		{name: "new-long-documents", role: "PARTNER", request: each(func(n int) operation {
			return operation{Query: fmt.Sprintf("{viewer {user {id}}} # %d %s", n, strings.Repeat("x", 950_000))}
		})},
		partner("events-of-many-ids", `{caseEvents(first: 100, filter: {id: `+quoted(f.cases[:min(500, len(f.cases))])+`, updatedAt: {withinLast: "PT0S"}}) {nodes {id}}}`, nil),
	}
}

// growing is a document whose fragments spread the next one twice, so that the last one occurs 2^n times.
func growing(n int, last string) string {
	text := `{...f0}`
	for i := range n {
		text += fmt.Sprintf(` fragment f%d on Query {...f%d ...f%[2]d}`, i, i+1)
	}
	return text + fmt.Sprintf(` fragment f%d on Query {%s}`, n, last)
}

// first is "" where there is none, as when only the names of attacks are wanted.
func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
