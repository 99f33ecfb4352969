package report_test

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

func TestNps(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	for _, text := range []string{"", `{"category": ["PASSIVE", "PROMOTER"]}`, `{"customer": {"country": {"eq": "DE"}}}`, `{"score": {"gte": 11}}`,
		`{"respondedAt": {"gte": "2025-06-30T11:59:59Z", "lt": "2026-02-10T11:00:00Z"}}`} {
		f := made.responses(text)
		for _, by := range []report.ResponseGroupBy{"COUNTRY", "SEGMENT", "COMPANY", "SURVEY", "SCORE", "THEME", "DRIVER", "DAY", "WEEK", "MONTH", "QUARTER"} {
			got, err := reports.Nps(t.Context(), auth.Viewer{User: made.users[0]}, f, groupBy(by, 1000))
			if err != nil {
				t.Fatal(err)
			}
			members, label := map[string][]*filter.Subject{}, map[string]string{}
			var all []*filter.Subject
			for _, x := range made.responded {
				if !f.Match(x) {
					continue
				}
				all = append(all, x)
				for _, g := range made.responseGroups(x, by) {
					members[g[0]], label[g[0]] = append(members[g[0]], x), g[1]
				}
			}
			groups := grouped(got.Groups, func(g *report.NpsGroup) (report.Group, int, report.NpsCounts) {
				return g.Group, g.Responses, g.NpsCounts
			})
			sameGroups(t, fmt.Sprint(text, " by ", by), groups, collect(members, label, nps))
			checkOrder(t, text, string(by), groups)
			if want := nps(all); got.NpsCounts != want {
				t.Errorf("%s: got %+v; want %+v", text, got.NpsCounts, want)
			}
		}
	}
}

// nps counts in Go what the NPS report counts in SQL.
func nps(responses []*filter.Subject) (c report.NpsCounts) {
	for _, x := range responses {
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

func TestTopThemes(t *testing.T) {
	t.Parallel()
	made := newRows(t, 200)
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	f := made.responses(`{"category": ["DETRACTOR", "PASSIVE"]}`)
	want := map[string]report.NpsCounts{}
	tagged := map[string][]*filter.Subject{}
	for _, x := range made.responded {
		for _, theme := range made.tagged[x.Response.ID] {
			if f.Match(x) {
				tagged[theme.Name] = append(tagged[theme.Name], x)
			}
		}
	}
	for name, responses := range tagged {
		want[name] = nps(responses)
	}
	got, err := reports.TopThemes(t.Context(), auth.Viewer{User: made.users[0]}, f, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Fatalf("got %d themes, want the three that are not deleted", len(got))
	}
	for i, theme := range got {
		if theme.NpsCounts != want[theme.Theme.Name] {
			t.Errorf("%s: got %+v; want %+v", theme.Theme.Name, theme.NpsCounts, want[theme.Theme.Name])
		}
		if i > 0 && theme.Responses > got[i-1].Responses {
			t.Errorf("%s has more responses than the theme before it", theme.Theme.Name)
		}
		commented := slices.DeleteFunc(tagged[theme.Theme.Name], func(x *filter.Subject) bool { return x.Response.Comment == nil })
		slices.SortFunc(commented, func(a, b *filter.Subject) int {
			return cmp.Or(b.Response.RespondedAt.Compare(a.Response.RespondedAt), cmp.Compare(b.Response.ID.String(), a.Response.ID.String()))
		})
		var sample []model.ResponseID
		for _, r := range theme.Sample() {
			sample = append(sample, r.ID)
		}
		var newest []model.ResponseID
		for _, x := range commented[:min(3, len(commented))] {
			newest = append(newest, x.Response.ID)
		}
		if !slices.Equal(sample, newest) {
			t.Errorf("%s: the sample is %v; want %v", theme.Theme.Name, sample, newest)
		}
	}
}
