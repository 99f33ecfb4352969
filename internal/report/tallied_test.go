package report_test

import (
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/model"
)

// followed is a server that follows the log, so that it keeps numbers in memory; counter counts the statements of its reports,
// and heads those of its log.
type followed struct {
	*report.Reports
	counter, heads *pgtest.Counter
}

func (made *rows) followed() *followed {
	made.t.Helper()
	f := &followed{counter: new(pgtest.Counter), heads: new(pgtest.Counter)}
	connect := func(counter *pgtest.Counter) *pg.DB {
		db, err := pg.Connect(made.t.Context(), pgtest.URL(made.t, made.pg), pg.Options{Tracer: counter})
		if err != nil {
			made.t.Fatal(err)
		}
		made.t.Cleanup(func() { _ = db.Close() })
		return db
	}
	log := event.New(connect(f.heads), slog.New(slog.DiscardHandler))
	made.t.Cleanup(log.Close)
	log.Follow()
	for end := time.Now().Add(patience); !log.Follows(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			made.t.Fatal("the server does not follow the log")
		}
	}
	f.Reports = report.New(connect(f.counter), log, nil, func() time.Time { return now })
	made.t.Cleanup(f.Close)
	return f
}

func TestTalliedSummary(t *testing.T) {
	t.Parallel()
	t.Run("is what the tables have, in the same order", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 200)
		kept, counted := made.followed(), report.New(made.pg, made.log, nil, func() time.Time { return now })
		zone, viewer := auckland, auth.Viewer{User: made.users[0]}
		filters := append([]string{`{"status": ["OPEN", "IN_PROGRESS"]}`, `{"mine": true, "status": ["OPEN"]}`, `{"assigned": false}`, `{"not": {"response": {}}}`,
			`{"response": {"score": {"lte": 4}}}`, `{"customer": {"segment": {"eq": "strasse"}}}`}, caseFilters...)
		for _, text := range filters {
			for _, asked := range []report.AskedCounts{report.AllCounts, {Figures: []string{"open", "overdue"}, Groups: []string{"label", "closed"}}, {Groups: []string{"overdue"}}} {
				got, err := kept.CaseSummary(t.Context(), viewer, made.cases(text), asked)
				if err != nil {
					t.Fatal(err)
				}
				want, err := counted.CaseSummary(t.Context(), viewer, made.cases(text), asked)
				if err != nil {
					t.Fatal(err)
				}
				if got.CaseCounts != want.CaseCounts {
					t.Errorf("%s: %+v, the tables have %+v", text, got.CaseCounts, want.CaseCounts)
				}
				for _, by := range caseGroupings {
					for _, first := range []int{1, 3, 1000} {
						a, err := got.Groups(t.Context(), by, &first, &zone)
						if err != nil {
							t.Fatal(err)
						}
						b, err := want.Groups(t.Context(), by, &first, &zone)
						if err != nil {
							t.Fatal(err)
						}
						if !reflect.DeepEqual(a, b) {
							t.Errorf("%s, the first %d by %s: %s, the tables have %s", text, first, by, shown(a), shown(b))
						}
					}
				}
			}
		}
		for _, sql := range kept.counter.Statements() {
			if strings.Contains(sql, "WITH stand") {
				return
			}
		}
		t.Error("nothing was kept in memory")
	})

	t.Run("costs one statement for the place in the log and one for the names", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 50)
		kept, viewer, ten := made.followed(), auth.Viewer{User: made.users[0]}, 10
		open := made.cases(`{"status": ["OPEN"]}`)
		ask := func() (all *report.CaseSummary, groups []*report.CaseGroup) {
			all, err := kept.CaseSummary(t.Context(), viewer, nil, report.AskedCounts{Figures: []string{"open", "inProgress", "closed"}})
			if err != nil {
				t.Fatal(err)
			}
			by, err := kept.CaseSummary(t.Context(), viewer, open, report.AskedCounts{Groups: []string{"label", "open"}})
			if err == nil {
				groups, err = by.Groups(t.Context(), "ASSIGNEE", &ten, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			return all, groups
		}
		ask() // counts
		for attempt := 1; ; attempt++ {
			kept.counter.Reset()
			kept.heads.Reset()
			ask()
			if got := kept.counter.Statements(); len(got) != 1 || got[0] != "SELECT revision FROM configuration" {
				t.Errorf("the reports' statements are %q", got)
			}
			// Two summaries, one after the other, ask for the head. The follower looks as well, once a second.
			got := kept.heads.Statements()
			if len(got) == 2 {
				break
			}
			if attempt == 20 {
				t.Fatalf("the log's statements are %q", got)
			}
		}
		// A new name counts at once.
		if err := made.db.Model(&model.User{}).Where("id = ?", made.users[0].ID).Updates(map[string]any{"name": "Anna"}).Error; err != nil {
			t.Fatal(err)
		}
		if _, groups := ask(); !strings.Contains(shown(groups), "Anna") {
			t.Errorf("after a user was renamed the groups are %s", shown(groups))
		}
	})

	t.Run("is never kept for a viewer with a scope", func(t *testing.T) {
		t.Parallel()
		made := newRows(t, 50)
		kept, partner := made.followed(), *made.users[0]
		partner.ScopeCustomer = []byte(`{"country": {"eq": "BR"}}`)
		viewer, err := auth.ViewerOf(&partner)
		if err != nil {
			t.Fatal(err)
		}
		want := made.recount(made.cases(`{"customer": {"country": {"eq": "BR"}}}`), partner.ID)
		for range 2 {
			got, err := kept.CaseSummary(t.Context(), viewer, nil, report.AllCounts)
			if err != nil || got.CaseCounts != want {
				t.Errorf("%+v, want %+v (%v)", got.CaseCounts, want, err)
			}
		}
	})
}

func shown(groups []*report.CaseGroup) string {
	var b strings.Builder
	for _, g := range groups {
		key := "none"
		if g.Key != nil {
			key = *g.Key
		}
		fmt.Fprintf(&b, "%s %q %+v; ", key, g.Label, g.CaseCounts)
	}
	return b.String()
}
