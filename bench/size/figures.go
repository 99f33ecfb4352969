package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/model"
)

func globalUser(id string) string     { return model.UserID{UUID: uuid.MustParse(id)}.String() }
func globalCustomer(id string) string { return model.CustomerID{UUID: uuid.MustParse(id)}.String() }

// reports are queried over a month, a quarter and everything; %s stands for the filter by time.
var reports = [][3]string{ // name, query, the field of the filter by time
	{"caseSummary", `{caseSummary(filter: {%s}) {open inProgress closed total overdue}}`, "openedAt"},
	{"caseSummary by country and status", `{caseSummary(filter: {%s}) {total groups(groupBy: COUNTRY) {label total open overdue}}}`, "openedAt"},
	{"followUpReport", `{followUpReport(filter: {%s}) {cases inTimeRate medianTimeToFollowUp p90TimeToFollowUp medianTimeToClose}}`, "openedAt"},
	{"followUpReport by assignee", `{followUpReport(filter: {%s} groupBy: ASSIGNEE) {cases groups {label inTimeRate medianTimeToFollowUp medianTimeToClose}}}`, "openedAt"},
	{"npsReport", `{npsReport(filter: {%s}) {responses nps marginOfError}}`, "respondedAt"},
	{"npsReport by segment", `{npsReport(filter: {%s} groupBy: SEGMENT) {nps groups {label nps responses}}}`, "respondedAt"},
	{"npsReport by week", `{npsReport(filter: {%s} groupBy: WEEK first: 60) {nps groups {label nps responses}}}`, "respondedAt"},
	{"npsReport by driver", `{npsReport(filter: {%s} groupBy: DRIVER) {nps groups {label nps responses}}}`, "respondedAt"},
	{"npsReport by theme", `{npsReport(filter: {%s} groupBy: THEME) {nps groups {label nps responses}}}`, "respondedAt"},
	{"npsReport of Germany", `{npsReport(filter: {%s customer: {country: {eq: "DE"}}}) {responses nps}}`, "respondedAt"},
	{"topThemes", `{topThemes(filter: {%s} first: 5) {theme {name} responses nps sample {comment}}}`, "respondedAt"},
	{"recoveryReport", `{recoveryReport(filter: {%s}) {closedCases answeredAgain recoveredDetractors meanScoreChange lifetimeValueRecovered}}`, "openedAt"},
}

func timeReports(all []*data) {
	spans := []struct {
		name string
		from time.Duration
	}{{"month", 30 * 24 * time.Hour}, {"quarter", 91 * 24 * time.Hour}, {"everything", 0}}
	head, line := "| report; ms |", "| --- |"
	for _, span := range spans {
		for _, d := range all {
			head += fmt.Sprintf(" %s, %d |", span.name, d.n)
			line += " ---: |"
		}
	}
	fmt.Println(head + "\n" + line)
	for _, report := range reports {
		if !strings.Contains(report[0], *only) {
			continue
		}
		row := "| " + report[0] + " |"
		for _, span := range spans {
			bound := ""
			if span.from > 0 {
				bound = fmt.Sprintf("%s: {gte: %q}", report[2], time.Now().Add(-span.from).UTC().Format(time.RFC3339))
			}
			times := make([][]float64, len(all))
			for round := range 6 {
				for i, d := range all {
					_, took := d.server.Ask(fmt.Sprintf(report[1], bound), nil)
					if round > 0 {
						times[i] = append(times[i], took.Seconds()*1000)
					}
				}
			}
			for _, t := range times {
				row += fmt.Sprintf(" %.0f |", median(t))
			}
		}
		fmt.Println(row)
	}
}
