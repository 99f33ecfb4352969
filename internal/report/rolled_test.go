package report_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/model"
)

var responseGroupings = []report.ResponseGroupBy{"", "COUNTRY", "SEGMENT", "COMPANY", "SURVEY", "SCORE", "THEME", "DRIVER", "DAY", "WEEK", "MONTH", "QUARTER"}

// noted lets changes of responses be noted, and returns reports that may keep days, with the counter of their statements.
func (made *rows) noted() (*report.Reports, *pgtest.Counter) {
	made.t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	var watching sync.WaitGroup
	watching.Go(func() { rollup.Watch(ctx, made.pg, slog.New(slog.DiscardHandler)) })
	made.t.Cleanup(func() { stop(); watching.Wait() })
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		var lives int64
		if err := made.db.Raw("SELECT count(*) FROM changed_hours_horizon").Scan(&lives).Error; err != nil || time.Now().After(end) {
			made.t.Fatal("no changes are noted", err)
		}
		if lives == 1 {
			break
		}
	}
	counter := new(pgtest.Counter)
	db, err := pg.Connect(made.t.Context(), pgtest.URL(made.t, made.pg), pg.Options{Tracer: counter})
	if err != nil {
		made.t.Fatal(err)
	}
	made.t.Cleanup(func() { _ = db.Close() })
	reports := report.New(db, made.log, nil, func() time.Time { return now })
	made.t.Cleanup(reports.Close)
	return reports, counter
}

// counted are reports that have never been asked, so that they count the tables.
func (made *rows) counted() *report.Reports {
	return report.New(made.pg, made.log, nil, func() time.Time { return now })
}

// rolled reports whether the statements since the last Reset read days that are kept, and not the tables.
func rolled(counter *pgtest.Counter) bool {
	kept := false
	for _, sql := range counter.Statements() {
		kept = kept || strings.Contains(sql, "FROM changed_hours ")
		if strings.Contains(sql, "count(*) AS responses") {
			return false
		}
	}
	return kept
}

func npsOf(t *testing.T, r *report.Reports, viewer auth.Viewer, f *filter.Response, by report.ResponseGroupBy, first int, zone string) *report.NpsReport {
	t.Helper()
	g := report.Grouping[report.ResponseGroupBy]{First: &first, TimeZone: &zone}
	if by != "" {
		g.By = &by
	}
	got, err := r.Nps(t.Context(), viewer, f, g)
	if err != nil {
		t.Fatalf("the score by %q: %v", by, err)
	}
	return got
}

func themesOf(t *testing.T, r *report.Reports, viewer auth.Viewer, f *filter.Response, first int) (text string) {
	t.Helper()
	got, err := r.TopThemes(t.Context(), viewer, f, &first, true)
	if err != nil {
		t.Fatalf("the top themes: %v", err)
	}
	for _, theme := range got {
		text += fmt.Sprintf("%s %+v %d; ", theme.Theme.Name, theme.NpsCounts, len(theme.Sample()))
	}
	return text
}

func shownNps(r *report.NpsReport) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%+v: ", r.NpsCounts)
	for _, g := range r.Groups {
		key := "none"
		if g.Key != nil {
			key = *g.Key
		}
		fmt.Fprintf(&b, "%s %q %+v; ", key, g.Label, g.NpsCounts)
	}
	return b.String()
}

// rolledFilters are answered from days that are kept, and countedFilters are not.
var (
	rolledFilters = []string{``, `{"category": ["PASSIVE", "PROMOTER"], "score": {"gte": 1}}`, `{"not": {"customer": {"country": {"eq": "DE"}}}}`, `{"customer": {"segment": {"isNull": true}}}`,
		`{"or": [{"customer": {"company": {"startsWith": "ac"}}}, {"survey": {"eq": "cabin"}}]}`, `{"contactRequested": false, "drivers": {"any": ["STRASSE"]}}`,
		`{"themes": {"none": ["{theme}"]}}`, `{"respondedAt": {"withinLast": "P30D"}}`, `{"respondedAt": {"gte": "2026-01-10T11:59:59Z"}}`,
		`{"and": [{"respondedAt": {"gte": "2025-12-31T23:00:00Z"}}, {"respondedAt": {"lt": "2026-02-28T22:59:59.999999Z"}, "category": ["DETRACTOR"]}], "respondedAt": {"lt": "2026-03-01T09:30:00.123456Z"}}`,
		`{"respondedAt": {"gte": "2026-02-27T09:30:00.123456Z", "lt": "2026-02-27T09:30:00.123457Z"}}`, `{"respondedAt": {"gte": "2026-03-01T00:00:00Z", "lt": "2026-02-01T00:00:00Z"}}`}
	countedFilters = []string{`{"comment": {"isNull": false}}`, `{"not": {"respondedAt": {"gte": "2026-01-10T12:00:00Z"}}}`, `{"hasCase": true}`, `{"contactStatus": ["NOT_CONTACTED"]}`,
		`{"receivedAt": {"withinLast": "P9000D"}}`, `{"themeEffort": ["EASY"]}`, `{"customer": {"lifetimeValue": {"gte": "300"}}}`, `{"customer": {"nextSurveyAt": {"isNull": true}}}`}
)

func TestRolledScores(t *testing.T) {
	t.Parallel()
	t.Run("are what the tables have, in the same order, after each change", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 200)
		kept, counter := made.noted()
		viewer, theme := auth.Viewer{User: made.users[0]}, strings.NewReplacer("{theme}", made.themes[1].ID.String())
		zones := []string{"UTC", auckland, "Asia/Kolkata", "Australia/Lord_Howe"}
		ask := func(text string, groupings int) {
			f := made.responses(theme.Replace(text))
			for _, n := range made.r.Perm(len(responseGroupings))[:groupings] {
				by := responseGroupings[n]
				first, zone := []int{1000, 2}[made.r.IntN(2)], zones[n%len(zones)]
				got, want := npsOf(t, kept, viewer, f, by, first, zone), npsOf(t, made.counted(), viewer, f, by, first, zone)
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s, the first %d by %q in %s: %s\nthe tables have %s", text, first, by, zone, shownNps(got), shownNps(want))
				}
			}
			if got, want := themesOf(t, kept, viewer, f, 2), themesOf(t, made.counted(), viewer, f, 2); got != want {
				t.Errorf("%s: the top themes are %s, the tables have %s", text, got, want)
			}
		}
		for _, text := range append(rolledFilters, countedFilters...) {
			ask(text, len(responseGroupings))
		}
		for _, change := range []func(){
			func() {},
			func() { made.addCase(); made.addResponse(made.customers[0]) },
			func() {
				made.exec("UPDATE responses SET country = 'FR', segment_fold = NULL WHERE customer_id = ?", made.customers[1].ID)
			},
			func() {
				made.exec("UPDATE responses SET score = 10 - score WHERE id = ?", made.responded[0].Response.ID)
			},
			func() {
				made.exec("UPDATE responses SET responded_at = responded_at - interval '40 days' WHERE id = ?", made.responded[1].Response.ID)
			},
			func() { made.exec("DELETE FROM response_themes WHERE theme_id = ?", made.themes[0].ID) },
			func() {
				made.exec("INSERT INTO response_themes (response_id, theme_id) SELECT id, ? FROM responses WHERE score = 3", made.themes[0].ID)
			},
			func() { made.exec("UPDATE themes SET deleted_at = now() WHERE id = ?", made.themes[1].ID) },
			func() { made.exec("UPDATE themes SET deleted_at = NULL WHERE id = ?", made.themes[3].ID) },
			func() {
				made.exec("UPDATE response_texts SET drivers_fold = '{price,weather}' WHERE drivers_fold = '{price}'")
			},
			func() { made.exec("DELETE FROM response_texts WHERE drivers_fold @> '{staff}'") },
		} {
			change()
			for _, text := range rolledFilters {
				counter.Reset()
				ask(text, 4)
				if !rolled(counter) {
					t.Errorf("%s is not kept: %q", text, counter.Statements())
				}
			}
			counter.Reset()
			text := countedFilters[made.r.IntN(len(countedFilters))]
			if ask(text, 4); rolled(counter) {
				t.Errorf("%s is kept", text)
			}
		}
	})

	t.Run("cost one statement while nothing changes", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 50)
		kept, counter := made.noted()
		viewer := auth.Viewer{User: made.users[0]}
		for range 2 {
			npsOf(t, kept, viewer, nil, "SCORE", 10, "UTC")
		}
		counter.Reset()
		npsOf(t, kept, viewer, nil, "SCORE", 10, "UTC")
		if got := counter.Statements(); len(got) != 1 || !rolled(counter) {
			t.Errorf("the statements are %q", got)
		}
	})

	t.Run("never share a viewer's scope with another", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 100)
		kept, counter := made.noted()
		viewers := []auth.Viewer{{User: made.users[0]}}
		for _, scope := range []model.User{{ScopeCustomer: []byte(`{"country": {"eq": "BR"}}`)}, {ScopeCustomer: []byte(`{"country": {"eq": "DE"}}`)},
			{ScopeResponse: []byte(`{"score": {"lte": 6}}`)}, {ScopeCustomer: []byte(`{"country": {"eq": "DE"}}`), ScopeResponse: []byte(`{"score": {"lte": 6}}`)}} {
			partner := *made.users[0]
			partner.ScopeCustomer, partner.ScopeResponse = scope.ScopeCustomer, scope.ScopeResponse
			viewer, err := auth.ViewerOf(&partner)
			if err != nil {
				t.Fatal(err)
			}
			viewers = append(viewers, viewer)
		}
		for range 3 {
			counter.Reset()
			for _, viewer := range viewers {
				for _, text := range []string{``, `{"score": {"lte": 6}}`, `{"customer": {"country": {"eq": "DE"}}}`} {
					f := made.responses(text)
					got, want := npsOf(t, kept, viewer, f, "COUNTRY", 10, "UTC"), npsOf(t, made.counted(), viewer, f, "COUNTRY", 10, "UTC")
					if !reflect.DeepEqual(got, want) {
						t.Errorf("the scope %s %s: %s gives %s\nthe tables have %s", viewer.User.ScopeCustomer, viewer.User.ScopeResponse, text, shownNps(got), shownNps(want))
					}
				}
			}
		}
		if !rolled(counter) {
			t.Errorf("nothing is kept: %q", counter.Statements())
		}
		// A scope that depends on the time, and one that cannot be read, are never answered from days that are kept.
		for _, scope := range []string{`{"respondedAt": {"withinLast": "P30D"}}`, `{"nonsense": true}`} {
			partner := *made.users[0]
			partner.ScopeResponse = []byte(scope)
			counter.Reset()
			for range 3 {
				got := npsOf(t, kept, auth.Viewer{User: &partner}, nil, "", 10, "UTC")
				if want := npsOf(t, made.counted(), auth.Viewer{User: &partner}, nil, "", 10, "UTC"); !reflect.DeepEqual(got, want) {
					t.Errorf("the scope %s gives %s, not %s", scope, shownNps(got), shownNps(want))
				}
			}
			if rolled(counter) {
				t.Errorf("the scope %s is kept: %q", scope, counter.Statements())
			}
		}
	})
}

func (made *rows) exec(sql string, args ...any) {
	made.t.Helper()
	if done := made.db.Exec(sql, args...); done.Error != nil || done.RowsAffected == 0 {
		made.t.Fatalf("%s: %d rows, %v", sql, done.RowsAffected, done.Error)
	}
}
