package rollup_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// world is casework on a database whose changes of responses are noted.
type world struct{ *worktest.World }

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{worktest.New(t)}
	w.tidy()
	return w
}

func (w *world) tidy() {
	w.T.Helper()
	if err := rollup.Tidy(w.T.Context(), w.DB, 0); err != nil {
		w.T.Fatal(err)
	}
}

// server is a pool of its own, with the counter of its statements, and a rollup.
type server struct {
	db      *pg.DB
	counter *pgtest.Counter
	*rollup.Rollup
}

func (w *world) server() *server {
	w.T.Helper()
	s := &server{counter: new(pgtest.Counter)}
	var err error
	if s.db, err = pg.Connect(context.Background(), pgtest.URL(w.T, w.DB), pg.Options{Tracer: s.counter, MaxConns: 8}); err != nil {
		w.T.Fatal(err)
	}
	w.T.Cleanup(func() { _ = s.db.Close() })
	s.Rollup = rollup.New(s.db)
	return s
}

// counted is how often all days, and how often the changed ones, were asked for.
func (s *server) counted() (all, changed int) {
	for _, sql := range s.counter.Statements() {
		switch {
		case strings.Contains(sql, "counted AS"):
			all++
		case strings.Contains(sql, "changed AS"):
			changed++
		}
	}
	return all, changed
}

// asked is what the tests count: by what, of which responses, by the days of which time zone.
type asked struct{ by, where, zone string }

func (a asked) String() string { return fmt.Sprintf("%s %q in %s", a.by, a.where, a.zone) }

// keys are the SQL of groups, and the joins that they need.
var keys = map[string][2]string{
	"all":     {"CAST('' AS text)", ""},
	"country": {"responses.country", ""},
	"segment": {"responses.segment_fold", ""},
	"score":   {"responses.score::text", ""},
	"theme": {"of.theme_id::text", `LEFT JOIN (response_themes of JOIN themes ON themes.id = of.theme_id AND themes.deleted_at IS NULL)
		ON of.response_id = responses.id`},
	"driver": {"of.driver", `LEFT JOIN response_texts t ON t.response_id = responses.id
		LEFT JOIN LATERAL (SELECT DISTINCT d.driver FROM unnest(t.drivers_fold) AS d(driver)) of ON true`},
}

func (w *world) rows(db *pg.DB, a asked) *gorm.DB {
	rows := db.Gorm.WithContext(w.T.Context()).Model(&model.Response{}).Where(a.where)
	if join := keys[a.by][1]; join != "" {
		rows = rows.Joins(join)
	}
	return rows.Session(&gorm.Session{})
}

func (w *world) ask(s *server, a asked, from, to *time.Time, daily bool) ([]rollup.Row, bool, error) {
	rows, ok, err := s.Count(w.T.Context(), rollup.Question{Name: a.String(), Rows: w.rows(s.db, a), Key: keys[a.by][0], Themes: a.by == "theme",
		Zone: a.zone, From: from, To: to, Daily: daily})
	return sorted(rows), ok, err
}

// inTable counts the same in the table.
func (w *world) inTable(a asked, from, to *time.Time, daily bool) []rollup.Row {
	w.T.Helper()
	day := "DATE '1970-01-01'"
	if daily {
		day = "CAST(responses.responded_at AT TIME ZONE '" + a.zone + "' AS date)"
	}
	rows := w.rows(w.DB, a)
	if from != nil {
		rows = rows.Where("responses.responded_at >= ?", from)
	}
	if to != nil {
		rows = rows.Where("responses.responded_at < ?", to)
	}
	var found []struct {
		Day                             time.Time
		GroupKey                        *string
		Promoters, Passives, Detractors int
	}
	err := rows.Select(keys[a.by][0] + " AS group_key, " + day + ` AS day, count(*) FILTER (WHERE score > 8) AS promoters,
		count(*) FILTER (WHERE score IN (7, 8)) AS passives, count(*) FILTER (WHERE score < 7) AS detractors`).Group("group_key, 2").Scan(&found).Error
	if err != nil {
		w.T.Fatal(err)
	}
	out := make([]rollup.Row, len(found))
	for i, f := range found {
		out[i] = rollup.Row{Key: rollup.Key{None: f.GroupKey == nil}, Counts: rollup.Counts{Promoters: f.Promoters, Passives: f.Passives, Detractors: f.Detractors}}
		if f.GroupKey != nil {
			out[i].Text = *f.GroupKey
		}
		if daily {
			out[i].Day = f.Day.UTC()
		}
	}
	return sorted(out)
}

func sorted(rows []rollup.Row) []rollup.Row {
	slices.SortFunc(rows, func(a, b rollup.Row) int {
		return cmp.Or(a.Day.Compare(b.Day), cmp.Compare(fmt.Sprint(a.None), fmt.Sprint(b.None)), cmp.Compare(a.Text, b.Text))
	})
	return rows
}

// same asks, and compares the answer with the table, while nobody writes.
func (w *world) same(s *server, a asked, from, to *time.Time, daily bool) {
	w.T.Helper()
	got, ok, err := w.ask(s, a, from, to, daily)
	if err != nil || !ok {
		w.T.Fatalf("%v from %v to %v: %t, %v", a, from, to, ok, err)
	}
	if want := w.inTable(a, from, to, daily); !slices.Equal(got, want) {
		w.T.Errorf("%v from %v to %v, by days: %t: a server has\n%v, the table\n%v", a, from, to, daily, got, want)
	}
}

// know asks a question for the first time, so that it is kept from now on.
func (w *world) know(s *server, a asked) {
	w.T.Helper()
	if rows, ok, err := w.ask(s, a, nil, nil, false); ok || err != nil {
		w.T.Fatalf("the first answer to %v: %v, %t, %v", a, rows, ok, err)
	}
}
