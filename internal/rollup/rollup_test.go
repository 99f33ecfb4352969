package rollup_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/model"
)

var everything = asked{"all", "true", "UTC"}

// insert writes responses by hand, with these times.
func (w *world) insert(score int, at ...time.Time) {
	w.T.Helper()
	if w.Count("SELECT count(*) FROM customers") == 0 {
		customer := &model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: w.Now()}
		customer.Fold()
		w.Create(customer.Row())
	}
	for _, t := range at {
		w.Must(`INSERT INTO responses (id, customer_id, score, responded_at, received_at, country)
			SELECT gen_random_uuid(), id, $1, $2, now(), chr(65 + (random() * 3)::int) FROM customers LIMIT 1`, score, t)
	}
}

func TestRanges(t *testing.T) {
	t.Parallel()
	// In St. John's the clocks went back at one minute past midnight, so that a minute of the next day came before the last hour. Apia
	// left out a day. An hour of UTC lies in two days of Kolkata, and Lord Howe changes its clocks by half an hour.
	for zone, at := range map[string]string{"Europe/Amsterdam": "2025-10-26T01:00:00Z", "Europe/Berlin": "2026-03-29T01:00:00Z", "Asia/Kolkata": "2026-01-01T18:30:00Z",
		"Australia/Lord_Howe": "2026-04-04T15:00:00Z", "America/St_Johns": "2006-10-29T02:31:00Z", "Pacific/Apia": "2011-12-30T10:00:00Z", "America/Havana": "2025-11-02T05:00:00Z"} {
		t.Run(zone, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			s, a := w.server(), asked{"country", "true", zone}
			change, err := time.Parse(time.RFC3339, at)
			if err != nil {
				t.Fatal(err)
			}
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			r := rand.New(rand.NewPCG(seed, 0))
			near := func() time.Time {
				within := []time.Duration{2 * time.Minute, 2 * time.Hour, 60 * time.Hour}[r.IntN(3)]
				return change.Add(time.Duration(r.Int64N(int64(2*within))) - within).Truncate(time.Microsecond)
			}
			w.know(s, a)
			for n := range 80 {
				switch n % 4 {
				case 0, 1:
					w.insert(r.IntN(11), near(), near())
				case 2:
					w.Must("UPDATE responses SET responded_at = $1 WHERE id = (SELECT id FROM responses ORDER BY random() LIMIT 1)", near())
				default:
					w.tidy()
				}
				from, to := new(near()), new(near())
				if r.IntN(3) == 0 {
					from = nil
				}
				if r.IntN(3) == 0 {
					to = new(w.Time.AddDate(-r.IntN(25), 0, 0))
				}
				w.same(s, a, from, to, r.IntN(2) == 0)
			}
			if all, changed := s.counted(); all != 1 || changed < 40 {
				t.Errorf("all days were counted %d times, and the changed ones %d times", all, changed)
			}
		})
	}
}

func TestCount(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

	t.Run("has what commits late, also after younger transactions were merged", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		w.insert(9, day)
		w.know(s, everything)
		w.same(s, everything, nil, nil, false)
		late, err := w.DB.Pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := late.Exec(t.Context(), "UPDATE responses SET score = 0"); err != nil {
			t.Fatal(err)
		}
		w.insert(9, day)
		w.same(s, everything, nil, nil, false)
		w.insert(9, day, day)
		w.same(s, everything, nil, nil, false)
		w.tidy()
		if err := late.Commit(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.tidy()
		if n := w.Count("SELECT count(*) FROM changed_hours"); n != 1 {
			t.Errorf("%d rows are left of one hour", n)
		}
		w.same(s, everything, nil, nil, false)
	})

	t.Run("counts only the days that changed, once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		for n := range 10 {
			w.insert(n, day.AddDate(0, 0, n))
		}
		w.know(s, everything)
		w.same(s, everything, nil, nil, true)
		w.Must("UPDATE responses SET contact_status = 'CONTACTED', testimonial_likelihood = 0.5, lifetime_value = 7") // figures read none of it
		before := w.Count("SELECT count(*) FROM changed_hours")
		w.insert(3, day.AddDate(0, 0, 4))
		if n := w.Count("SELECT count(*) FROM changed_hours") - before; n != 1 {
			t.Errorf("%d hours were noted", n)
		}
		w.same(s, everything, nil, nil, true)
		w.tidy() // an hour keeps its newest transaction, so nothing is to be counted again
		w.same(s, everything, nil, nil, true)
		if all, changed := s.counted(); all != 1 || changed != 2 {
			t.Errorf("all days were counted %d times, the changed ones asked for %d times", all, changed)
		}
	})

	t.Run("has each column that figures read", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		w.insert(3, day, day.AddDate(0, 0, 1))
		theme := w.Theme("late", "late")
		w.Must("INSERT INTO response_texts SELECT id, NULL, '{price}', '{}' FROM responses")
		w.Must("INSERT INTO response_themes SELECT id, $1 FROM responses", theme.ID)
		questions := []asked{everything, {"theme", "true", "UTC"}, {"driver", "true", "UTC"}, {"score", "contact_requested", "UTC"}, {"country", "survey_fold = 'x'", "UTC"},
			{"segment", "company_fold = 'x'", "UTC"}}
		for _, a := range questions {
			w.know(s, a)
		}
		const one = "id = (SELECT min(id::text)::uuid FROM responses)"
		for _, change := range []string{"UPDATE responses SET score = 9 WHERE " + one, "UPDATE responses SET contact_requested = true WHERE " + one,
			"UPDATE responses SET survey_fold = 'x', country = 'FR' WHERE " + one, "UPDATE responses SET company_fold = 'x' WHERE " + one, "UPDATE responses SET segment_fold = 's' WHERE " + one,
			"UPDATE responses SET responded_at = responded_at + interval '9 days' WHERE " + one, "UPDATE response_texts SET drivers_fold = '{price,staff}' WHERE response_" + one,
			"DELETE FROM response_texts WHERE response_" + one, "UPDATE themes SET deleted_at = now()", "UPDATE themes SET deleted_at = NULL",
			"DELETE FROM response_themes WHERE response_" + one, "DELETE FROM response_themes", "DELETE FROM responses WHERE " + one} {
			for _, a := range questions {
				w.same(s, a, nil, nil, true)
			}
			w.Must(change)
		}
		for _, a := range questions {
			w.same(s, a, nil, nil, true)
		}
	})

	t.Run("counts all days again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		w.insert(3, day)
		w.know(s, everything)
		want := 0
		again := func(when string) {
			t.Helper()
			want++
			w.same(s, everything, nil, nil, true)
			if all, _ := s.counted(); all != want {
				t.Errorf("%s all days were counted %d times, not %d", when, all, want)
			}
		}
		again("first")
		days := make([]time.Time, rollup.MostChanged+1)
		for n := range days {
			days[n] = day.AddDate(0, 0, n)
		}
		w.insert(5, days...)
		again("after many changed")
		w.Must("DELETE FROM changed_hours")
		w.Must("DELETE FROM changed_hours_horizon")
		w.tidy()
		again("after a crash")
		asked := w.Count("SELECT CAST(CAST(pg_current_xact_id() AS text) AS bigint)")
		for w.Count("SELECT CAST(CAST(complete_from AS text) AS bigint) FROM changed_hours_horizon") <= asked { // other tests have older transactions
			w.Must("UPDATE changed_hours_horizon SET next_at = now() - interval '2 days'")
			w.insert(5, day)
			w.tidy()
		}
		again("when nobody has asked for two days")
		if n := w.Count("SELECT count(*) FROM changed_hours WHERE xid < (SELECT complete_from FROM changed_hours_horizon)"); n != 0 {
			t.Errorf("%d hours are kept for too long", n)
		}
	})

	t.Run("believes nothing that was noted by another cluster", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.insert(3, day)
		w.Must("UPDATE changed_hours SET xid = '99999999999'") // as in a dump of a busier cluster
		w.Must("UPDATE changed_hours_horizon SET complete_from = '99999999999', next = '99999999999'")
		w.tidy()
		if n := w.Count("SELECT count(*) FROM changed_hours WHERE xid > '99999999'") + w.Count("SELECT count(*) FROM changed_hours_horizon WHERE next > '99999999'"); n != 0 {
			t.Errorf("%d rows are left of the other cluster", n)
		}
		s := w.server()
		w.know(s, everything)
		w.same(s, everything, nil, nil, true)
	})

	t.Run("does not answer while nobody notes the changes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.insert(3, day)
		s := w.server()
		w.know(s, everything)
		w.same(s, everything, nil, nil, true)
		w.Must("DELETE FROM changed_hours_horizon")
		if rows, ok, err := w.ask(s, everything, nil, nil, false); ok || err != nil {
			t.Errorf("%v, %t, %v", rows, ok, err)
		}
	})

	t.Run("shares what is asked at the same time", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.insert(3, day)
		s := w.server()
		w.know(s, everything)
		const askers = 100
		var all sync.WaitGroup
		for range askers {
			all.Go(func() { w.same(s, everything, nil, nil, false) })
		}
		all.Wait()
		if all, changed := s.counted(); all != 1 || changed > askers/2 {
			t.Errorf("%d askers counted all days %d times, and asked for the changed ones %d times", askers, all, changed)
		}
	})
}

func TestBounds(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	unanswered := func(w *world, s *server, a asked) {
		w.T.Helper()
		if rows, ok, err := w.ask(s, a, nil, nil, false); ok || err != nil {
			w.T.Errorf("%v: %d rows, %t, %v", a, len(rows), ok, err)
		}
	}

	t.Run("of a question with too many groups, which is counted once", func(t *testing.T) {
		t.Parallel()
		const most = 200
		w := newWorld(t)
		w.insert(3, day)
		w.Must("INSERT INTO responses (id, customer_id, score, responded_at, received_at, segment_fold) SELECT gen_random_uuid(), customer_id, 3, responded_at, received_at, n::text FROM responses, generate_series(1, $1) n",
			most)
		s, a := w.server(), asked{"segment", "true", "UTC"}
		s.Rollup = rollup.NewBounded(s.db, 1<<20, 500_000, most)
		w.know(s, a)
		for range 3 {
			unanswered(w, s, a)
		}
		if all, changed := s.counted(); all != 1 || changed != 0 {
			t.Errorf("all days were counted %d times, and the changed ones asked for %d times", all, changed)
		}
	})

	t.Run("of a question with too many days, also when it grows", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		s.Rollup = rollup.NewBounded(s.db, 1<<20, 30, 100)
		for n := range 30 {
			w.insert(3, day.AddDate(0, 0, n))
		}
		w.know(s, everything)
		w.same(s, everything, nil, nil, true)
		w.insert(3, day.AddDate(0, 0, 30))
		for range 2 {
			unanswered(w, s, everything)
		}
	})

	t.Run("of all questions", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		s := w.server()
		const total = 200_000
		s.Rollup = rollup.NewBounded(s.db, total, 500_000, 100)
		for n := range 300 {
			w.insert(n%11, day.AddDate(0, 0, n))
		}
		r, kept := rand.New(rand.NewPCG(1, 1)), 0
		for n := range 100 {
			a := asked{[]string{"all", "country", "score"}[n%3], fmt.Sprintf("responses.score <> %d", r.IntN(40)), "UTC"}
			for range 3 {
				rows, ok, err := w.ask(s, a, nil, nil, false)
				if err != nil {
					t.Fatal(err)
				}
				if want := w.inTable(a, nil, nil, false); ok && !slices.Equal(rows, want) {
					t.Errorf("%v: %v, not %v", a, rows, want)
				}
				if ok {
					kept++
				}
			}
			if questions, bytes := s.Kept(); bytes > total || questions == 0 {
				t.Fatalf("%d questions take %d bytes", questions, bytes)
			}
		}
		if questions, bytes := s.Kept(); kept < 150 || bytes < total/2 {
			t.Errorf("%d answers were kept, at the end %d questions of %d bytes", kept, questions, bytes)
		}
	})
}
