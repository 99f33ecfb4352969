package main

import (
	"fmt"
	"strings"
)

// writeAttacks change as much as one request may.
func writeAttacks(f *facts) []attack {
	many := func(n int) []string { return f.cases[:min(n, len(f.cases))] }
	var responses []vars
	for i := range 1000 {
		responses = append(responses, vars{"score": i % 11, "comment": strings.Repeat("The seat was late, and the crew was rude. ", 10), "drivers": []string{"Price"}, "contactRequested": true,
			"customer": vars{"externalId": fmt.Sprint("c-", i+1), "firstName": "Ana", "country": "DE"}})
	}
	var file strings.Builder
	file.WriteString("score,comment,customer\n")
	for i := range 50_000 {
		fmt.Fprintf(&file, "%d,The seat was late and the crew was rude,c-%d\n", i%11, i)
	}
	agents := func(n int) string {
		if len(f.users) == 0 {
			return ""
		}
		return f.users[n%len(f.users)]
	}
	return []attack{
		{name: "submit-1000-responses", role: "INTAKE", request: same(operation{`mutation ($r: [SubmitResponseInput!]!) {submitResponses(input: {responses: $r}) {results {created}}}`, vars{"r": responses}})},
		{name: "500-outreaches", role: "AGENT", request: each(func(n int) operation {
			return operation{`mutation ($ids: [ID!]!, $note: String!) {recordOutreaches(input: {caseIds: $ids, note: $note, outreach: {channel: EMAIL}}) {cases {id}}}`,
				vars{"ids": many(500), "note": fmt.Sprint("Called again, ", n)}}
		})},
		{name: "assign-500-cases", role: "MANAGER", request: each(func(n int) operation {
			var cases []vars
			for _, id := range many(500) {
				cases = append(cases, vars{"caseId": id})
			}
			return operation{`mutation ($cases: [CaseVersionInput!]!, $to: ID) {assignCases(input: {cases: $cases, assigneeId: $to}) {cases {id history(last: 20) {nodes {id}}}}}`, vars{"cases": cases, "to": agents(n)}}
		})},
		{name: "many-mutations", role: "INTAKE", request: same(operation{`mutation ($r: SubmitResponseInput!) {` + aliases(200, `submitResponse(input: $r) {created}`) + `}`, vars{"r": responses[0]}})},
		{name: "import-50000-rows", role: "INTAKE", request: upload(`mutation ($file: Upload!) {importResponses(input: {file: $file, columns: {score: "score", comment: "comment", customerExternalId: "customer"}}) {import {id}}}`, file.String())},
	}
}
