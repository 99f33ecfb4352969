package main

import (
	"fmt"
	"strings"
)

var (
	caseGroups     = strings.Fields("ASSIGNEE COUNTRY SEGMENT CATEGORY SCORE COMPANY RULE THEME DAY WEEK MONTH QUARTER")
	responseGroups = strings.Fields("COUNTRY SEGMENT COMPANY SURVEY SCORE THEME DRIVER DAY WEEK MONTH QUARTER")
)

// grouped is a field once for each grouping.
func grouped(field string, groups []string) (all []string) {
	for _, g := range groups {
		all = append(all, fmt.Sprintf(field, g))
	}
	return all
}

// reportAttacks ask for figures, and for what reads many rows to answer little.
func reportAttacks(*facts) []attack {
	comment := many("or", 100, func(i int) vars { return vars{"comment": vars{"contains": rare(i)}} })
	caseComment := many("or", 100, func(i int) vars { return vars{"response": vars{"comment": vars{"contains": rare(i)}}} })
	report := func(name, role, query string, variables vars) attack {
		return attack{name: name, role: role, request: same(operation{query, variables})}
	}
	const recovery, followUp, nps = `recoveryReport(groupBy: %s, first: 1000) {closedCases groups {key closedCases meanScoreChange}}`,
		`followUpReport(groupBy: %s, first: 1000) {cases groups {key medianTimeToFollowUp medianTimeToClose}}`, `npsReport(groupBy: %s, first: 1000) {responses groups {key nps}}`
	everything := append(append(grouped(recovery, caseGroups), grouped(followUp, caseGroups)...), grouped(nps, responseGroups)...)
	return []attack{
		report("follow-up-by-everything", "PARTNER", `{`+aliases(len(caseGroups), grouped(followUp, caseGroups)...)+`}`, nil),
		report("reports-by-everything", "PARTNER", `{`+aliases(29, everything...)+`}`, nil),
		report("summary-groups", "PARTNER", `{caseSummary {`+aliases(2*len(caseGroups), grouped(`groups(groupBy: %s, first: 1000) {key total overdue}`, caseGroups)...)+`}}`, nil),
		report("reports-with-contains", "PARTNER", `query ($r: ResponseFilter, $c: CaseFilter) {n: npsReport(filter: $r, groupBy: THEME) {responses groups {key}} t: topThemes(filter: $r, first: 10) {responses sample {comment}}
			f: followUpReport(filter: $c, groupBy: COMPANY) {cases} r: recoveryReport(filter: $c) {closedCases} s: caseSummary(filter: $c) {total}}`, vars{"r": comment, "c": caseComment}),
		report("suggest-themes", "MANAGER", `{`+aliases(20, `suggestThemes(limit: 50) {keyword responses sample {comment}}`)+`}`, nil),
		report("preview-rule", "MANAGER", `query ($r: CreateRuleInput!) {`+aliases(20, `previewRule(rule: $r, since: "2001-01-01T00:00:00Z") {matched casesOpened sample {id}}`)+`}`,
			vars{"r": vars{"name": "All", "scores": []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, "filter": comment}}),
	}
}
