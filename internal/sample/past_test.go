package sample

import (
	"slices"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pgtest"
)

const digestResponses = `SELECT concat_ws('|', r.external_id, score, comment, drivers, responded_at AT TIME ZONE 'UTC',
	received_at AT TIME ZONE 'UTC', first_name, last_name, email, company, segment, c.lifetime_value, account_manager_email)
	FROM responses r JOIN customers c ON c.id = r.customer_id ORDER BY r.external_id`

const digestEvents = `SELECT concat_ws('|', c.number, e.version, e.type, e.status, e.at AT TIME ZONE 'UTC', u.email, n.body, e.changed)
	FROM case_events e JOIN cases c ON c.id = e.case_id LEFT JOIN users u ON u.id = e.actor_id LEFT JOIN notes n ON n.id = e.note_id
	ORDER BY e.seq`

func TestPast(t *testing.T) {
	t.Parallel()
	t.Run("takes few statements and looks like a year", func(t *testing.T) {
		t.Parallel()
		statements := &pgtest.Counter{}
		w := newWorld(t, pgtest.WithTracer(statements))
		w.Every = time.Hour
		began := time.Now()
		r := w.run()
		// The test fails only when the run sends no statement for a while, so that a slow machine does not matter.
		for before, ready := 0, false; !ready; {
			select {
			case <-r.made:
				ready = true
			case <-time.After(patience):
				count := statements.Count()
				if count == before {
					t.Fatalf("the creation of the past stopped after %d statements", count)
				}
				before = count
			}
		}
		took, sent := time.Since(began), statements.Count()
		r.stop()
		t.Logf("%s, %d statements: %d responses, %d cases, %d of them overdue", took, sent,
			w.number("SELECT count(*) FROM responses"), w.number("SELECT count(*) FROM cases"), w.number(overdue, now))
		// The test limits the number of statements, because the time depends on the machine, its load and the race detector.
		// At a fifth of a millisecond each, 30,000 statements take about six seconds.
		if sent > 30_000 {
			t.Errorf("the past took %d statements, want at most 30000; the time was %s", sent, took)
		}

		for name, c := range map[string]struct {
			query    string
			from, to int
		}{
			"customers":             {"SELECT count(*) FROM customers", 300, 300},
			"without e-mail":        {"SELECT count(*) FROM customers WHERE email IS NULL", 10, 60},
			"with a duplicate name": {"SELECT count(*) - count(DISTINCT (first_name, last_name)) FROM customers", 0, 0},
			"countries":             {"SELECT count(DISTINCT country) FROM customers", 20, 30},
			"themes":                {"SELECT count(DISTINCT theme_id) FROM response_themes", 4, 4},
			"tagged comments":       {"SELECT count(DISTINCT response_id) FROM response_themes", 150, 600},
			"segments":              {"SELECT count(DISTINCT segment) FROM customers", 4, 4},
			"users":                 {"SELECT count(*) FROM users", len(team), len(team)},
			"rules":                 {"SELECT count(*) FROM rules", 5, 5},
			"rules that matched":    {"SELECT count(DISTINCT rule_id) FROM response_rules", 5, 5},
			"rules with a case":     {"SELECT count(DISTINCT rule_id) FROM case_rules WHERE ordinal = 0", 4, 4},
			"responses":             {"SELECT count(*) FROM responses", 1000, 1500},
			"scores":                {"SELECT count(DISTINCT score) FROM responses", 11, 11},
			"NPS":                   {"SELECT round(100.0 * (count(*) FILTER (WHERE score > 8) - count(*) FILTER (WHERE score < 7)) / count(*)) FROM responses", 10, 40},
			"with a comment":        {"SELECT count(comment) FROM responses", 500, 1100},
			"outside the year":      {"SELECT count(*) FROM responses WHERE responded_at NOT BETWEEN ?::timestamptz - interval '370 days' AND ?::timestamptz", 0, 0},
			"of the last month":     {"SELECT count(*) FROM responses WHERE responded_at > ?::timestamptz - interval '30 days' AND responded_at <= ?::timestamptz", 80, 300},
			"received too early":    {"SELECT count(*) FROM responses WHERE received_at < responded_at", 0, 0},
			"cases":                 {"SELECT count(*) FROM cases", 200, 450},
			"open":                  {"SELECT count(*) FROM cases WHERE status = 'OPEN'", 10, 60},
			"open and assigned":     {"SELECT count(*) FROM cases WHERE status = 'OPEN' AND assignee_id IS NOT NULL", 8, 60},
			"unassigned":            {"SELECT count(*) FROM cases WHERE assignee_id IS NULL", 1, 30},
			"in progress":           {"SELECT count(*) FROM cases WHERE status = 'IN_PROGRESS'", 8, 60},
			"closed":                {"SELECT count(*) FROM cases WHERE status = 'CLOSED'", 150, 400},
			"reopened":              {"SELECT count(*) FROM cases WHERE reopen_count > 0", 5, 50},
			"reopened and closed":   {"SELECT count(*) FROM cases WHERE reopen_count > 0 AND status = 'CLOSED'", 3, 50},
			"followed up late":      {"SELECT count(*) FROM cases WHERE first_follow_up_at > due_at", 20, 150},
			"opened":                {"SELECT count(*) FROM case_events WHERE type = 'OPENED'", 200, 450},
			"assigned":              {"SELECT count(*) FROM case_events WHERE type = 'ASSIGNED'", 200, 500},
			"changes of status":     {"SELECT count(*) FROM case_events WHERE type = 'STATUS_CHANGED'", 300, 1000},
			"separate notes":        {"SELECT count(*) FROM case_events WHERE type = 'NOTE_ADDED'", 100, 600},
			"assigned by hand":      {"SELECT count(*) FROM case_events WHERE type = 'ASSIGNED' AND actor_id IS NOT NULL AND assignee_id IS NOT NULL", 10, 60},
			"fallen overdue":        {"SELECT count(*) FROM case_events WHERE type = 'OVERDUE'", 30, 150},
			"overdue, not marked":   {"SELECT count(*) FROM cases WHERE due_at < ?::timestamptz - interval '1 second' AND due_at > opened_at AND overdue_at IS NULL AND coalesce(first_follow_up_at, ?) > due_at + interval '1 second'", 0, 0},
			"changes of details":    {"SELECT count(*) FROM case_events WHERE type = 'DETAILS_CHANGED'", 10, 150},
			"events in the future":  {"SELECT count(*) FROM case_events WHERE at > ? OR at > ?", 0, 0},
			"out of order":          {"SELECT count(*) FROM (SELECT at < lag(at) OVER (ORDER BY seq) AS back FROM case_events) AS e WHERE back", 0, 0},
			"mails":                 {"SELECT count(*) FROM notifications", 0, 0},
			"jobs":                  {"SELECT count(*) FROM river_job", 0, 0},
		} {
			if n := w.number(c.query, times(c.query)...); n < c.from || n > c.to {
				t.Errorf("%s: got %d, want %d to %d", name, n, c.from, c.to)
			}
		}
		if n := w.number(overdue, now); n < 5 || n > 40 {
			t.Errorf("got %d overdue cases, want 5 to 40", n)
		}
	})

	t.Run("is the same for the same current time", func(t *testing.T) {
		t.Parallel()
		one, other := newWorld(t), newWorld(t)
		other.staff() // the state after a start that was interrupted before the first response
		for _, w := range []*world{one, other} {
			w.customers = 40
			if err := makePast(t.Context(), w.Options); err != nil {
				t.Fatal(err)
			}
		}
		for _, digest := range []string{digestResponses, digestEvents} {
			a, b := one.table(digest), other.table(digest)
			if len(a) < 100 || !slices.Equal(a, b) {
				t.Errorf("the tables have %d and %d rows, and differ: %s", len(a), len(b), firstDifference(a, b))
			}
		}
		for _, table := range []string{"users", "rules"} {
			if a, b := one.number("SELECT count(*) FROM "+table), other.number("SELECT count(*) FROM "+table); a != b {
				t.Errorf("got %d %s, and %d after an interrupted start", a, table, b)
			}
		}
	})
}

const overdue = "SELECT count(*) FROM cases WHERE status = 'OPEN' AND first_follow_up_at IS NULL AND due_at < ?"

// times returns the query's parameters: now for each placeholder.
func times(query string) (args []any) {
	for _, r := range query {
		if r == '?' {
			args = append(args, now)
		}
	}
	return args
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\nis not\n" + b[i]
		}
	}
	return "one table has more rows"
}

func TestToOfficeHours(t *testing.T) {
	t.Parallel()
	d := dice(diceWork, 0)
	for range 2000 {
		planned := now.Add(-span(d, 0, year))
		offset := d.IntN(20) - 9
		moved := toOfficeHours(d, planned, offset)
		local := moved.Add(time.Duration(offset) * time.Hour)
		if moved.Before(planned.Truncate(time.Second)) || moved.Sub(planned) > 4*day {
			t.Fatalf("work planned for %s was moved to %s, want at most four days later", planned, moved)
		}
		if w := local.Weekday(); w == time.Saturday || w == time.Sunday || local.Hour() < 8 || local.Hour() > 18 {
			t.Fatalf("work was moved to %s local time, outside office hours", local)
		}
	}
}

func TestPastReplies(t *testing.T) {
	t.Parallel()
	t.Run("are in order and far enough apart", func(t *testing.T) {
		t.Parallel()
		last := map[*person]reply{}
		var before time.Time
		for _, r := range pastReplies(now, 300) {
			if r.receivedAt.Before(before) || r.receivedAt.Before(r.answeredAt) || r.receivedAt.After(now) {
				t.Fatalf("a reply was answered at %s and received at %s; the reply before it was received at %s", r.answeredAt, r.receivedAt, before)
			}
			before = r.receivedAt
			was, known := last[r.person]
			if known && r.answeredAt.Sub(was.answeredAt) < gapMin-4*day {
				t.Errorf("a customer answered at %s and again at %s, which is too soon", was.answeredAt, r.answeredAt)
			}
			if !known && r.changed {
				t.Errorf("the first reply of a customer changes the details")
			}
			last[r.person] = r
		}
		if len(last) != 300 {
			t.Errorf("%d customers answered, want 300", len(last))
		}
	})
}
