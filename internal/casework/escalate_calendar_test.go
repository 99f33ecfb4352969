package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestEscalationCalendar(t *testing.T) {
	t.Parallel()
	t.Run("keeps the steps and the calendar that the case was opened with", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := w.Rule("all", func(r *model.Rule) {
			r.Calendar, r.FollowUpTarget = worktest.Office("UTC"), new(model.Duration(16*time.Hour))
			r.Escalations = []model.Escalation{after(8*time.Hour, tell("before@care.example"))}
		})
		c := w.Submit(worktest.From("c-1", 3)).Case // on Monday at half past nine
		w.Must(`UPDATE rules SET calendar = NULL, escalations = '[{"after": "PT1H", "notify": [{"kind": "ADDRESS", "address": "after@care.example"}]}]'`)
		w.Later(2 * time.Hour)
		w.takes(0)
		other := w.Submit(worktest.From("c-2", 3)).Case
		w.Must("UPDATE rules SET deleted_at = now() WHERE id = $1", r.ID.UUID)
		w.Later(24 * time.Hour)
		w.takes(2)
		if to := w.MailsOf("CASE_ESCALATED"); !slices.Equal(to, []string{"after@care.example", "before@care.example"}) {
			t.Errorf("mails went to %v", to)
		}
		if kept := worktest.Read[model.Case](w.T, w.DB, c.ID); *kept.CalendarID != worktest.Office("UTC").ID() {
			t.Errorf("the calendar of the earlier case is %v", kept.CalendarID)
		}
		if worktest.Read[model.Case](w.T, w.DB, other.ID).CalendarID != nil {
			t.Error("the case that was opened after the change has the old calendar")
		}
	})

	t.Run("stores one calendar once for all its cases", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for _, zone := range []string{"UTC", "America/New_York"} {
			w.Must("UPDATE rules SET deleted_at = now()")
			w.Rule(zone, func(r *model.Rule) { r.Calendar = worktest.Office(zone) })
			worktest.AtOnce(8, func(i int) { w.Submit(worktest.From(fmt.Sprint(zone, i), 3)) })
		}
		if n := w.Count("SELECT count(*) FROM calendars"); n != 2 {
			t.Errorf("got %d calendars, want 2", n)
		}
		if n := w.Count("SELECT count(*) FROM cases WHERE calendar_id IS NOT NULL"); n != 16 {
			t.Errorf("got %d cases with a calendar, want 16", n)
		}
	})

	// The target and the step are 16 business hours, which are two working days, after the response. Both must fall on the
	// expected minute of the local clock, although a weekend, a clock change or a holiday lies in between, and not earlier.
	t.Run("counts business hours over weekends, holidays and clock changes", func(t *testing.T) {
		t.Parallel()
		for name, one := range map[string]struct {
			in             *model.Calendar
			response, want string
		}{
			"New York in spring":      {worktest.Office("America/New_York"), "2026-03-06 15:00 -0500", "2026-03-10 15:00 -0400"},
			"New York in autumn":      {worktest.Office("America/New_York"), "2026-10-30 15:00 -0400", "2026-11-03 15:00 -0500"},
			"São Paulo into summer":   {worktest.Office("America/Sao_Paulo"), "2018-11-02 15:00 -0300", "2018-11-06 15:00 -0200"},
			"São Paulo out of summer": {worktest.Office("America/Sao_Paulo"), "2019-02-15 15:00 -0200", "2019-02-19 15:00 -0300"},
			"over a holiday":          {worktest.Office("America/New_York", "2026-12-25"), "2026-12-24 15:00 -0500", "2026-12-29 15:00 -0500"},
			"a Saturday's response":   {worktest.Office("America/Sao_Paulo"), "2018-11-03 23:30 -0300", "2018-11-06 17:00 -0200"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				response, want := moment(t, one.response), moment(t, one.want)
				ana := w.User("ana@care.example", model.Agent)
				w.Rule("all", func(r *model.Rule) {
					r.Strategy, r.UserID = model.ToUser, &ana.ID
					r.Calendar, r.FollowUpTarget = one.in, new(model.Duration(16*time.Hour))
					r.Escalations = []model.Escalation{after(16*time.Hour, model.Recipient{Kind: model.RecipientAssignee})}
				})
				w.At(response)
				c := w.Submit(worktest.From("c-1", 3)).Case
				if !c.DueAt.Equal(want) {
					t.Fatalf("the case is due at %s, want %s", c.DueAt, want)
				}
				w.At(want)
				w.marks(0)
				w.takes(0)
				w.Later(time.Microsecond)
				w.marks(1)
				w.takes(1)
				if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ASSIGNED", "OVERDUE", "ESCALATED 1"}) {
					t.Errorf("the events are %v", have)
				}
				for _, kind := range []string{"CASE_OVERDUE", "CASE_ESCALATED"} {
					if to := w.MailsOf(kind); !slices.Equal(to, []string{"ana@care.example"}) {
						t.Errorf("%s mails went to %v, want ana@care.example", kind, to)
					}
				}
			})
		}
	})

	t.Run("does not apply to a case opened by hand", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("others", func(r *model.Rule) {
			r.Scores, r.Calendar, r.Escalations = []int{10}, worktest.Office("UTC"), []model.Escalation{after(time.Hour, tell("boss@care.example"))}
		})
		response := w.Submit(worktest.From("c-1", 3)).Response
		out, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.ID}, Note: "Why.", FollowUpTarget: new(model.Duration(16 * time.Hour))})
		if err != nil || !out.Case.DueAt.Equal(worktest.Start.Add(16*time.Hour)) || out.Case.CalendarID != nil {
			t.Errorf("the case is %+v, the error %v", out.Case, err)
		}
		w.Counts(map[string]int{"case_escalations": 0, "calendars": 0})
	})
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestEscalationRun(t *testing.T) {
	t.Parallel()
	t.Run("takes each step once and in order on several servers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var team []model.UserID
		for i := range 3 {
			team = append(team, w.User(fmt.Sprintf("u%d@care.example", i), model.Agent).ID)
		}
		w.escalating(nil, after(time.Hour, tell("first@care.example")), moves(2*time.Hour, model.Assignment{Strategy: model.RoundRobin, UserIDs: team}), after(3*time.Hour, tell("third@care.example")))
		const cases = 60
		var batch []intake.Submission
		for range cases {
			batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
		}
		w.SubmitAll(intake.SubmitOptions{}, batch...)
		w.Later(4 * time.Hour)
		worktest.AtOnce(4, func(int) {
			for w.Count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL") > 0 {
				if _, err := w.Work.Escalate(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
		var ids []model.CaseID
		if err := w.DB.Gorm.Raw("SELECT id FROM cases").Scan(&ids).Error; err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if have := w.types(id); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ESCALATED 2", "ASSIGNED", "ESCALATED 3"}) {
				t.Errorf("the events are %v", have)
			}
		}
		for _, u := range team {
			if n := w.Count("SELECT count(*) FROM cases WHERE assignee_id = $1", u.UUID); n != cases/3 {
				t.Errorf("a user of the team got %d cases, want %d", n, cases/3)
			}
		}
		if n := len(w.MailsOf("CASE_ESCALATED")); n != 2*cases || w.Deadlocks.Load() != 0 {
			t.Errorf("got %d mails, want %d; got %d deadlocks, want 0", n, 2*cases, w.Deadlocks.Load())
		}
		if n := w.Count("SELECT turn FROM rules"); n != 0 {
			t.Errorf("the escalation steps used %d turns of new cases, want 0", n)
		}
	})

	// A user is made inactive while escalation steps assign cases to that user and to others. The transactions must not
	// deadlock, and no case may stay with the inactive user.
	t.Run("leaves no case with a user who is made inactive meanwhile", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo, admin := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent), w.User("root@care.example", model.Admin)
		w.escalating(ana, moves(time.Hour, model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID, bo.ID}}),
			moves(2*time.Hour, model.Assignment{Strategy: model.ToUser, UserID: &ana.ID, FallbackUserID: &admin.ID}))
		for range 30 {
			w.Submit(intake.SubmitResponseInput{Score: 1})
		}
		w.Later(3 * time.Hour)
		worktest.AtOnce(3, func(i int) {
			if i == 0 {
				if err := w.leave(ana, admin); err != nil {
					t.Error(err)
				}
				return
			}
			for w.Count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL") > 0 {
				if _, err := w.Work.Escalate(t.Context()); err != nil {
					t.Error(err)
					return
				}
			}
		})
		if n := w.CasesOf(ana); n != 0 || w.Deadlocks.Load() != 0 {
			t.Errorf("the inactive user still has %d cases, want 0; got %d deadlocks, want 0", n, w.Deadlocks.Load())
		}
		if n := w.Count("SELECT count(*) FROM case_events WHERE type = 'ESCALATED'"); n != 60 {
			t.Errorf("got %d escalation events, want 60", n)
		}
	})

	t.Run("rolls back a step that fails and repeats it later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@care.example", model.Agent)
		step := moves(time.Hour, model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{ana.ID}})
		step.Notify = []model.Recipient{tell("boss@care.example")}
		w.escalating(nil, step)
		c := w.Submit(worktest.From("c-1", 3)).Case
		w.Later(2 * time.Hour)
		w.Must("ALTER TABLE notifications ADD CONSTRAINT refuse CHECK (kind <> 'CASE_ESCALATED')")
		if found, err := w.Work.Escalate(t.Context()); found || err == nil {
			t.Errorf("found is %t and the error %v, want false and an error", found, err)
		}
		w.Counts(map[string]int{"case_events": 1, "notifications": 0, "escalation_turns": 0})
		w.Must("ALTER TABLE notifications DROP CONSTRAINT refuse")
		w.takes(1)
		if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ASSIGNED"}) {
			t.Errorf("the events are %v", have)
		}
		w.CheckLog(c.ID)
	})

	// Every server looks for due work once a second. While nothing is due, each look must cost one statement, which reads a
	// partial index of the rows that may still become due.
	t.Run("finds due work by one index lookup", func(t *testing.T) {
		t.Parallel()
		var sent statements
		w := newWorld(t, pgtest.WithTracer(&sent))
		r := w.escalating(nil, after(time.Hour, tell("boss@care.example")))
		w.Must(`INSERT INTO customers (id, created_at) SELECT gen_random_uuid(), now() FROM generate_series(1, 5000)`)
		w.Must(`INSERT INTO cases (id, status, origin, customer_id, opened_at, updated_at, due_at, overdue_at, version)
		SELECT gen_random_uuid(), 'OPEN', 'RULE', id, timestamptz '2026-01-01', now(), timestamptz '2026-01-02', CASE WHEN random() < 0.9 THEN now() END, 1 FROM customers`)
		w.Must("UPDATE cases SET due_at = '2027-01-01' WHERE overdue_at IS NULL")
		w.Must(`INSERT INTO case_escalations (case_id, step, rule_id, after, due_at, settled_at) SELECT id, n, $1, 1, coalesce(overdue_at, due_at), overdue_at
		FROM cases, generate_series(1, 3) n`, r.ID.UUID)
		w.Must("ANALYZE cases")
		w.Must("ANALYZE case_escalations")
		for index, lookUp := range map[string]func(){"cases_falling_due": func() { w.marks(0) }, "case_escalations_due": func() { w.takes(0) }} {
			sent.take()
			lookUp()
			all := sent.take()
			if len(all) != 1 {
				t.Errorf("got %d statements, want 1: %v", len(all), all)
				continue
			}
			plan := w.plan(all[0])
			if !strings.Contains(plan, "using "+index+" on") || strings.Contains(plan, "Seq Scan") {
				t.Errorf("the plan does not use index %s alone:\n%s", index, plan)
			}
		}
	})
}

// leave makes a user inactive and reassigns the cases of the user, as package user does.
func (w *world) leave(u, to *model.User) error {
	return w.DB.Tx(w.T.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM users WHERE id = ? FOR UPDATE", u.ID).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE users SET active = false WHERE id = ?", u.ID).Error; err != nil {
			return err
		}
		return w.Work.Reassign(tx, w.Agent, u.ID, to)
	})
}
