package report_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// comment stores a response with a comment, the given number of minutes after now.
func (made *rows) comment(score, minute int, text string) *model.Response {
	made.t.Helper()
	at := now.Add(time.Duration(minute) * time.Minute)
	c := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: now}
	r := &model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: c.ID, Score: score, Comment: &text, Drivers: []string{},
		Attributes: map[string]string{}, RespondedAt: at, ReceivedAt: at}
	made.create(c)
	made.create(r)
	return r
}

func TestSuggestThemes(t *testing.T) {
	t.Parallel()
	made := newRows(t, 0)
	reports := report.New(made.pg, made.log, nil, func() time.Time { return now })
	var newest []*model.Response
	for i := range 5 {
		newest = append([]*model.Response{made.comment(3, i, fmt.Sprintf("The hot drinks were cold and the hot drinks came late. %d 1234", i))}, newest...)
	}
	for i := range 4 {
		made.comment(9, 10+i, "Die Sitze sind eng und die sitze brechen; o não é, the and")
	}
	made.comment(9, 20, "Legroom")
	made.comment(9, 21, "Legroom")
	made.create(&model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: "Late", NameFold: "late", Keywords: model.Strings{"late", "brech*"}, Effort: model.Easy, CreatedAt: now, UpdatedAt: now})
	made.create(&model.Theme{ID: model.ThemeID{UUID: model.NewUUID()}, Name: "Gone", NameFold: "gone", Keywords: model.Strings{"drinks"}, Effort: model.Easy, CreatedAt: now, UpdatedAt: now, DeletedAt: &now})

	suggest := func(f *filter.Response, limit int) []*report.ThemeSuggestion {
		t.Helper()
		list, err := reports.SuggestThemes(t.Context(), auth.Viewer{}, f, limit)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	words := func(list []*report.ThemeSuggestion) (words []string) {
		for _, s := range list {
			words = append(words, fmt.Sprint(s.Keyword, " ", s.Responses))
		}
		return words
	}
	all := suggest(nil, 10)
	// "hot", "drinks" and "cold" hardly ever occur outside of these phrases, themes cover "late" and "brechen", and only
	// two comments contain "legroom".
	if got := words(all); !slices.Equal(got, []string{"drinks were cold 5", "hot drinks came 5", "sitze sind eng 4"}) {
		t.Errorf("suggestions are %v", got)
	}
	if n := len(all[0].Sample); n != 3 || all[0].Sample[0].ID != newest[0].ID || all[0].Sample[2].ID != newest[2].ID || *all[0].Sample[0].Comment == "" || all[0].Responses != 5 {
		t.Errorf("the first of %v has the sample %+v, want the three newest responses", words(all), all[0].Sample)
	}
	if got := suggest(nil, 1); len(got) != 1 || got[0].Keyword != all[0].Keyword {
		t.Errorf("with limit 1 the suggestions are %v, want the first one", words(got))
	}
	f := new(filter.Response)
	if err := f.UnmarshalGQL(map[string]any{"category": "PROMOTER"}); err != nil {
		t.Fatal(err)
	}
	for _, s := range suggest(f, 10) {
		if s.Responses != 4 {
			t.Errorf("among promoters, a suggestion is %v, want 4 responses", words([]*report.ThemeSuggestion{s}))
		}
	}
	for _, limit := range []int{0, 51, -1} {
		var wrong *fault.Error
		if _, err := reports.SuggestThemes(t.Context(), auth.Viewer{}, nil, limit); !errors.As(err, &wrong) || wrong.Argument != "limit" {
			t.Errorf("limit %d: got %v, want BAD_USER_INPUT for limit", limit, err)
		}
	}
}
