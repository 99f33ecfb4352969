package report_test

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// What SQL counts, split by whatever, is what a plain loop in Go counts.

var caseFilters = []string{"", `{"status": ["CLOSED"]}`, `{"customer": {"country": {"in": ["DE", "BR"]}}}`, `{"response": {"category": ["DETRACTOR"]}}`,
	`{"not": {"overdue": true}}`, `{"openedAt": {"withinLast": "P90D"}}`, `{"mine": true}`, `{"and": [], "or": []}`,
	`{"and": [{"openedAt": {"gte": "2025-06-30T11:59:59Z", "lt": "2026-02-10T11:00:00Z"}}, {"customer": {"country": {"eq": "DE"}}}]}`}

var caseGroupings = []report.CaseGroupBy{"ASSIGNEE", "COUNTRY", "SEGMENT", "COMPANY", "CATEGORY", "SCORE", "RULE", "THEME", "DAY", "WEEK", "MONTH", "QUARTER"}

const auckland = "Pacific/Auckland" // far from UTC, with summer time

// group is one group as the plain loop finds it.
type group[F any] struct {
	key, label string // "" is none
	rows       int
	figures    F
}

// splitCases puts each case into its groups.
func splitCases[F any](made *rows, viewer model.UserID, f *filter.Case, by report.CaseGroupBy, figures func([]*filter.Subject) F) []group[F] {
	in := map[string][]*filter.Subject{}
	label := map[string]string{}
	for _, x := range made.all {
		if !f.Match(x, viewer) {
			continue
		}
		for _, g := range made.caseGroups(x, by) {
			in[g[0]] = append(in[g[0]], x)
			label[g[0]] = g[1]
		}
	}
	return collect(in, label, figures)
}

func collect[F any](in map[string][]*filter.Subject, label map[string]string, figures func([]*filter.Subject) F) (out []group[F]) {
	for key, members := range in {
		out = append(out, group[F]{key, label[key], len(members), figures(members)})
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

// groups are those that cases and responses have alike.
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

// same compares the groups of a report with those of the loop. Periods that nothing is in are only in the report.
func same[F any](t *testing.T, what string, got []group[F], want []group[F]) {
	t.Helper()
	got = slices.DeleteFunc(slices.Clone(got), func(g group[F]) bool { return g.rows == 0 })
	slices.SortFunc(got, func(a, b group[F]) int { return cmp.Compare(a.key, b.key) })
	if !reflect.DeepEqual(got, want) && len(got)+len(want) > 0 {
		t.Errorf("%s:\n got %+v\nwant %+v", what, got, want)
	}
}

func grouped[G, F any](groups []*G, of func(*G) (report.Group, int, F)) (out []group[F]) {
	for _, g := range groups {
		at, rows, figures := of(g)
		key := ""
		if at.Key != nil {
			key = *at.Key
		}
		out = append(out, group[F]{key, at.Label, rows, figures})
	}
	return out
}

// inOrder checks the order of the groups, and that no period is left out.
func inOrder[F any](t *testing.T, what string, by string, groups []group[F]) {
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
			t.Errorf("%s by %s: %q (%d) stands before %q (%d)", what, by, a.key, a.rows, b.key, b.rows)
		}
	}
}

func ask[By ~string](by By, first int) report.Grouping[By] {
	zone := auckland
	return report.Grouping[By]{By: &by, First: &first, TimeZone: &zone}
}

func TestTheGroupsOfTheSummaryAreARecount(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	zone, first := auckland, 1000
	for _, text := range caseFilters {
		f, ann := made.cases(text), made.users[0]
		summary, err := reports.CaseSummary(t.Context(), auth.Viewer{User: ann}, f, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, by := range caseGroupings {
			groups, err := summary.Groups(t.Context(), by, &first, &zone)
			if err != nil {
				t.Fatal(err)
			}
			got := grouped(groups, func(g *report.CaseGroup) (report.Group, int, report.CaseCounts) {
				return g.Group, g.Total, g.CaseCounts
			})
			same(t, fmt.Sprint(text, " by ", by), got, splitCases(made, ann.ID, f, by, func(of []*filter.Subject) (s report.CaseCounts) {
				for _, x := range of {
					tally(&s, x)
				}
				return s
			}))
			inOrder(t, text, string(by), got)
		}
	}
}

func TestTheFollowUpReportIsARecount(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	ann := made.users[0]
	for _, text := range caseFilters {
		f := made.cases(text)
		for _, by := range caseGroupings {
			got, err := reports.FollowUp(t.Context(), auth.Viewer{User: ann}, f, ask(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			if want := splitCases(made, ann.ID, f, by, followUp); true {
				groups := grouped(got.Groups, func(g *report.FollowUpGroup) (report.Group, int, report.FollowUpCounts) {
					return g.Group, g.Cases, g.FollowUpCounts
				})
				same(t, fmt.Sprint(text, " by ", by), groups, want)
			}
			var left []*filter.Subject
			for _, x := range made.all {
				if f.Match(x, ann.ID) {
					left = append(left, x)
				}
			}
			want := followUp(left)
			if !reflect.DeepEqual(got.FollowUpCounts, want) {
				t.Errorf("%s: %+v; want %+v", text, got.FollowUpCounts, want)
			}
			if rate := got.InTimeRate(); (rate == nil) != (want.Decided == 0) || rate != nil && *rate != float64(want.FollowedUpInTime)/float64(want.Decided) {
				t.Errorf("%s: the rate is %v", text, rate)
			}
		}
	}
}

func followUp(of []*filter.Subject) (c report.FollowUpCounts) {
	moment := now.Truncate(time.Microsecond)
	intime := func(at, due *time.Time) int {
		if at != nil && due != nil && !at.After(*due) {
			return 1
		}
		return 0
	}
	var toFollowUp, toClose []time.Duration
	for _, x := range of {
		k := x.Case
		c.Cases++
		if k.DueAt != nil {
			c.WithTarget++
		}
		c.FollowedUpInTime += intime(k.FirstFollowUpAt, k.DueAt)
		c.ContactedInTime += intime(k.FirstContactAt, k.DueAt)
		c.ClosedInTime += intime(k.ClosedAt, k.DueAt)
		if k.DueAt != nil && (k.DueAt.Before(moment) || intime(k.FirstFollowUpAt, k.DueAt) == 1) {
			c.Decided++
		}
		if k.Overdue(moment) {
			c.OverdueNow++
		}
		began := k.OpenedAt
		if x.Response != nil {
			began = x.Response.RespondedAt
		}
		if k.FirstFollowUpAt != nil {
			toFollowUp = append(toFollowUp, max(k.FirstFollowUpAt.Sub(began), 0))
		}
		if k.ClosedAt != nil {
			toClose = append(toClose, max(k.ClosedAt.Sub(began), 0))
		}
	}
	c.MedianTimeToFollowUp, c.P90TimeToFollowUp, c.MedianTimeToClose = percentile(toFollowUp, 0.5), percentile(toFollowUp, 0.9), percentile(toClose, 0.5)
	return c
}

// percentile interpolates between the two nearest ranks, as Hyndman and Fan's seventh definition does.
func percentile(waits []time.Duration, p float64) *model.Duration {
	if len(waits) == 0 {
		return nil
	}
	slices.Sort(waits)
	rank := p * float64(len(waits)-1)
	low, high := waits[int(math.Floor(rank))].Microseconds(), waits[int(math.Ceil(rank))].Microseconds()
	d := model.Duration(time.Duration(math.Floor(float64(low)+(rank-math.Floor(rank))*float64(high-low))) * time.Microsecond)
	return &d
}

func TestTheScoreIsARecount(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	for _, text := range []string{"", `{"category": ["PASSIVE", "PROMOTER"]}`, `{"customer": {"country": {"eq": "DE"}}}`, `{"score": {"gte": 11}}`,
		`{"respondedAt": {"gte": "2025-06-30T11:59:59Z", "lt": "2026-02-10T11:00:00Z"}}`} {
		f := made.responses(text)
		for _, by := range []report.ResponseGroupBy{"COUNTRY", "SEGMENT", "COMPANY", "SURVEY", "SCORE", "THEME", "DRIVER", "DAY", "WEEK", "MONTH", "QUARTER"} {
			got, err := reports.Nps(t.Context(), auth.Viewer{User: made.users[0]}, f, ask(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			in, label := map[string][]*filter.Subject{}, map[string]string{}
			var all []*filter.Subject
			for _, x := range made.said {
				if !f.Match(x) {
					continue
				}
				all = append(all, x)
				for _, g := range made.responseGroups(x, by) {
					in[g[0]], label[g[0]] = append(in[g[0]], x), g[1]
				}
			}
			groups := grouped(got.Groups, func(g *report.NpsGroup) (report.Group, int, report.NpsCounts) {
				return g.Group, g.Responses, g.NpsCounts
			})
			same(t, fmt.Sprint(text, " by ", by), groups, collect(in, label, nps))
			inOrder(t, text, string(by), groups)
			if want := nps(all); got.NpsCounts != want {
				t.Errorf("%s: %+v; want %+v", text, got.NpsCounts, want)
			}
		}
	}
}

func nps(of []*filter.Subject) (c report.NpsCounts) {
	for _, x := range of {
		c.Responses++
		switch model.CategoryOf(x.Response.Score) {
		case model.Promoter:
			c.Promoters++
		case model.Passive:
			c.Passives++
		case model.Detractor:
			c.Detractors++
		}
	}
	return c
}

func (made *rows) responseGroups(x *filter.Subject, by report.ResponseGroupBy) [][2]string {
	switch by {
	case "SURVEY":
		if x.Response.Survey == nil {
			return [][2]string{{"", "No survey"}}
		}
		return [][2]string{{model.Fold(*x.Response.Survey), *x.Response.Survey}}
	case "DRIVER":
		if len(x.Response.Drivers) == 0 {
			return [][2]string{{"", "No driver"}}
		}
		var out [][2]string
		for _, d := range x.Response.Drivers {
			out = append(out, [2]string{model.Fold(d), d})
		}
		return out
	case "SCORE":
		return [][2]string{{strconv.Itoa(x.Response.Score), strconv.Itoa(x.Response.Score)}}
	case "DAY", "WEEK", "MONTH", "QUARTER":
		key, label := period(string(by), x.Response.RespondedAt)
		return [][2]string{{key, label}}
	}
	return made.groups(x, string(by))
}

func TestTheTopThemesAreARecount(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	f := made.responses(`{"category": ["DETRACTOR", "PASSIVE"]}`)
	want := map[string]report.NpsCounts{}
	with := map[string][]*filter.Subject{}
	for _, x := range made.said {
		for _, theme := range made.tagged[x.Response.ID] {
			if f.Match(x) {
				with[theme.Name] = append(with[theme.Name], x)
			}
		}
	}
	for name, of := range with {
		want[name] = nps(of)
	}
	got, err := reports.TopThemes(t.Context(), auth.Viewer{User: made.users[0]}, f, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("%d themes; three are there, and one is deleted", len(got))
	}
	for i, theme := range got {
		if theme.NpsCounts != want[theme.Theme.Name] {
			t.Errorf("%s: %+v; want %+v", theme.Theme.Name, theme.NpsCounts, want[theme.Theme.Name])
		}
		if i > 0 && theme.Responses > got[i-1].Responses {
			t.Errorf("%s has more than the one before it", theme.Theme.Name)
		}
		of := slices.DeleteFunc(with[theme.Theme.Name], func(x *filter.Subject) bool { return x.Response.Comment == nil })
		slices.SortFunc(of, func(a, b *filter.Subject) int {
			return cmp.Or(b.Response.RespondedAt.Compare(a.Response.RespondedAt), cmp.Compare(b.Response.ID.String(), a.Response.ID.String()))
		})
		var sample []model.ResponseID
		for _, r := range theme.Sample() {
			sample = append(sample, r.ID)
		}
		var newest []model.ResponseID
		for _, x := range of[:min(3, len(of))] {
			newest = append(newest, x.Response.ID)
		}
		if !slices.Equal(sample, newest) {
			t.Errorf("%s: the sample is %v; want %v", theme.Theme.Name, sample, newest)
		}
	}
}

func TestTheRecoveryReportIsARecount(t *testing.T) {
	t.Parallel()
	made := newRows(t, 300)
	reports := report.New(made.pg, made.log, func() time.Time { return now })
	ann := made.users[0]
	var won int
	for _, text := range caseFilters {
		f := made.cases(text)
		for _, by := range caseGroupings {
			got, err := reports.Recovery(t.Context(), auth.Viewer{User: ann}, f, ask(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			closed := func(of []*filter.Subject) (left []*filter.Subject) {
				for _, x := range of {
					if x.Case.ClosedAt != nil && f.Match(x, ann.ID) {
						left = append(left, x)
					}
				}
				return left
			}
			whole := *made
			whole.all = closed(made.all)
			groups := grouped(got.Groups, func(g *report.RecoveryGroup) (report.Group, int, report.RecoveryCounts) {
				return g.Group, g.ClosedCases, rounded(g.RecoveryCounts)
			})
			same(t, fmt.Sprint(text, " by ", by), groups, splitCases(&whole, ann.ID, f, by, func(of []*filter.Subject) report.RecoveryCounts {
				c, _ := made.recovery(of)
				return c
			}))
			want, value := made.recovery(whole.all)
			if !reflect.DeepEqual(rounded(got.RecoveryCounts), want) || !got.LifetimeValueRecovered.Equal(value) {
				t.Errorf("%s: %+v, %s; want %+v, %s", text, got.RecoveryCounts, got.LifetimeValueRecovered, want, value)
			}
			won += want.RecoveredDetractors + want.ConvertedPassives
		}
	}
	if won == 0 {
		t.Error("nobody was won back: the data shows too little")
	}
}

func rounded(c report.RecoveryCounts) report.RecoveryCounts {
	if c.MeanScoreChange != nil {
		mean := math.Round(*c.MeanScoreChange*1e9) / 1e9
		c.MeanScoreChange = &mean
	}
	return c
}

func (made *rows) recovery(of []*filter.Subject) (c report.RecoveryCounts, value decimal.Decimal) {
	counted := map[model.CustomerID]bool{}
	var change, compared int
	for _, x := range of {
		c.ClosedCases++
		var again *model.Response
		for _, said := range made.said {
			if r := said.Response; r.CustomerID == x.Customer.ID && r.RespondedAt.After(*x.Case.ClosedAt) &&
				(again == nil || cmp.Or(r.RespondedAt.Compare(again.RespondedAt), cmp.Compare(r.ID.String(), again.ID.String())) < 0) {
				again = r
			}
		}
		if again == nil {
			continue
		}
		c.AnsweredAgain++
		if x.Response == nil {
			continue
		}
		change += again.Score - x.Response.Score
		compared++
		was, is := model.CategoryOf(x.Response.Score), model.CategoryOf(again.Score)
		switch {
		case was == model.Detractor && is != model.Detractor:
			c.RecoveredDetractors++
		case was == model.Passive && is == model.Promoter:
			c.ConvertedPassives++
		default:
			continue
		}
		if !counted[x.Customer.ID] && x.Customer.LifetimeValue != nil {
			counted[x.Customer.ID] = true
			value = value.Add(*x.Customer.LifetimeValue)
		}
	}
	if compared > 0 {
		mean := math.Round(float64(change)/float64(compared)*1e9) / 1e9
		c.MeanScoreChange = &mean
	}
	return c, value
}
