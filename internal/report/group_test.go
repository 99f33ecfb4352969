package report_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// The tests of the reports compare the figures that SQL counts, for every grouping, with those of a plain loop in Go.

var caseFilters = []string{"", `{"status": ["CLOSED"]}`, `{"customer": {"country": {"in": ["DE", "BR"]}}}`, `{"response": {"category": ["DETRACTOR"]}}`,
	`{"not": {"overdue": true}}`, `{"openedAt": {"withinLast": "P90D"}}`, `{"mine": true}`, `{"and": [], "or": []}`,
	`{"and": [{"openedAt": {"gte": "2025-06-30T11:59:59Z", "lt": "2026-02-10T11:00:00Z"}}, {"customer": {"country": {"eq": "DE"}}}]}`}

var caseGroupings = []report.CaseGroupBy{"ASSIGNEE", "COUNTRY", "SEGMENT", "COMPANY", "CATEGORY", "SCORE", "RULE", "THEME", "DAY", "WEEK", "MONTH", "QUARTER"}

const auckland = "Pacific/Auckland" // far from UTC, with daylight saving time

// group is one group of the plain loop.
type group[F any] struct {
	key, label string // the key is empty for rows without a value
	rows       int
	figures    F
}

// splitCases puts each case into its groups.
func splitCases[F any](made *rows, viewer model.UserID, f *filter.Case, by report.CaseGroupBy, figures func([]*filter.Subject) F) []group[F] {
	members := map[string][]*filter.Subject{}
	label := map[string]string{}
	for _, x := range made.all {
		if !f.Match(x, viewer) {
			continue
		}
		for _, g := range made.caseGroups(x, by) {
			members[g[0]] = append(members[g[0]], x)
			label[g[0]] = g[1]
		}
	}
	return collect(members, label, figures)
}

func collect[F any](members map[string][]*filter.Subject, label map[string]string, figures func([]*filter.Subject) F) (out []group[F]) {
	for key, subjects := range members {
		out = append(out, group[F]{key, label[key], len(subjects), figures(subjects)})
	}
	slices.SortFunc(out, func(a, b group[F]) int { return cmp.Compare(a.key, b.key) })
	return out
}

func (made *rows) caseGroups(x *filter.Subject, by report.CaseGroupBy) [][2]string {
	one := func(key, label string) [][2]string { return [][2]string{{key, label}} }
	switch by {
	case "ASSIGNEE":
		if x.Case.AssigneeID == nil {
			return one("", "Nobody")
		}
		for _, u := range made.users {
			if u.ID == *x.Case.AssigneeID {
				return one(u.ID.String(), u.Name)
			}
		}
	case "CATEGORY":
		if x.Response == nil {
			return one("", "No response")
		}
		c := model.CategoryOf(x.Response.Score)
		return one(string(c), map[model.Category]string{"DETRACTOR": "Detractors", "PASSIVE": "Passives", "PROMOTER": "Promoters"}[c])
	case "SCORE":
		if x.Response == nil {
			return one("", "No response")
		}
		return one(strconv.Itoa(x.Response.Score), strconv.Itoa(x.Response.Score))
	case "RULE":
		if len(x.RuleIDs) == 0 {
			return one("", "No rule")
		}
		var out [][2]string
		for _, rule := range made.rules {
			if slices.Contains(x.RuleIDs, rule.ID) {
				out = append(out, [2]string{rule.ID.String(), rule.Name})
			}
		}
		return out
	case "DAY", "WEEK", "MONTH", "QUARTER":
		return one(period(string(by), x.Case.OpenedAt))
	}
	return made.groups(x, string(by))
}

// groups returns the groups of a case or a response for the dimensions that both have.
func (made *rows) groups(x *filter.Subject, by string) [][2]string {
	text := func(v *string, none string) [][2]string {
		if v == nil {
			return [][2]string{{"", none}}
		}
		return [][2]string{{model.Fold(*v), *v}}
	}
	switch by {
	case "COUNTRY":
		if c := x.Customer.Country; c != nil {
			return [][2]string{{*c, map[string]string{"DE": "Germany", "BR": "Brazil", "TR": "Turkey"}[*c]}}
		}
		return [][2]string{{"", "No country"}}
	case "SEGMENT":
		return text(x.Customer.Segment, "No segment")
	case "COMPANY":
		return text(x.Customer.Company, "No company")
	case "THEME":
		var out [][2]string
		if x.Response != nil {
			for _, theme := range made.tagged[x.Response.ID] {
				out = append(out, [2]string{theme.ID.String(), theme.Name})
			}
		}
		if out == nil {
			return [][2]string{{"", "No theme"}}
		}
		return out
	}
	panic(by)
}

func period(by string, at time.Time) (key, label string) {
	zone, err := time.LoadLocation(auckland)
	if err != nil {
		panic(err)
	}
	at = at.In(zone)
	start := time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
	switch by {
	case "DAY":
		label = start.Format("2 Jan 2006")
	case "WEEK":
		for start.Weekday() != time.Monday {
			start = start.AddDate(0, 0, -1)
		}
		year, n := start.ISOWeek()
		label = fmt.Sprintf("Week %d, %d", n, year)
	case "MONTH":
		start = start.AddDate(0, 0, 1-start.Day())
		label = start.Format("January 2006")
	case "QUARTER":
		start = time.Date(start.Year(), (start.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
		label = fmt.Sprintf("Q%d %d", (start.Month()-1)/3+1, start.Year())
	}
	return start.Format(time.DateOnly), label
}

// sameGroups compares the groups of a report with those of the loop. Only the report has empty periods.
func sameGroups[F any](t *testing.T, name string, got []group[F], want []group[F]) {
	t.Helper()
	got = slices.DeleteFunc(slices.Clone(got), func(g group[F]) bool { return g.rows == 0 })
	slices.SortFunc(got, func(a, b group[F]) int { return cmp.Compare(a.key, b.key) })
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		t.Errorf("%s:\n got %+v\nwant %+v", name, got, want)
	}
}

func grouped[G, F any](groups []*G, parts func(*G) (report.Group, int, F)) (out []group[F]) {
	for _, g := range groups {
		at, rows, figures := parts(g)
		key := ""
		if at.Key != nil {
			key = *at.Key
		}
		out = append(out, group[F]{key, at.Label, rows, figures})
	}
	return out
}

// checkOrder checks the order of the groups, and that no period is missing.
func checkOrder[F any](t *testing.T, name string, by string, groups []group[F]) {
	t.Helper()
	for i := 1; i < len(groups); i++ {
		a, b := groups[i-1], groups[i]
		ok := false
		switch by {
		case "DAY", "WEEK", "MONTH", "QUARTER":
			from, _ := time.Parse(time.DateOnly, a.key)
			to := map[string]time.Time{"DAY": from.AddDate(0, 0, 1), "WEEK": from.AddDate(0, 0, 7), "MONTH": from.AddDate(0, 1, 0), "QUARTER": from.AddDate(0, 3, 0)}[by]
			ok = to.Format(time.DateOnly) == b.key
		case "SCORE", "CATEGORY":
			ok = b.key == "" || len(a.key) < len(b.key) || a.key < b.key
		default:
			ok = a.rows > b.rows || a.rows == b.rows
		}
		if !ok {
			t.Errorf("%s by %s: the group %q (%d rows) comes before %q (%d rows)", name, by, a.key, a.rows, b.key, b.rows)
		}
	}
}

func groupBy[By ~string](by By, first int) report.Grouping[By] {
	zone := auckland
	return report.Grouping[By]{By: &by, First: &first, TimeZone: &zone}
}
