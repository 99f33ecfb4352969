package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// after makes a step that tells these.
func after(d time.Duration, tells ...model.Recipient) model.Escalation {
	return model.Escalation{After: model.Duration(d), Notify: tells}
}

// moves makes a step that reassigns.
func moves(d time.Duration, a model.Assignment) model.Escalation {
	return model.Escalation{After: model.Duration(d), Reassign: &a}
}

func tell(address string) model.Recipient {
	return model.Recipient{Kind: model.RecipientAddress, Address: &address}
}

// escalating makes a rule that gives its cases to a user, and takes steps.
func (w *world) escalating(to *model.User, steps ...model.Escalation) *model.Rule {
	w.t.Helper()
	return w.rule("escalates", func(r *model.Rule) {
		r.Escalations = steps
		if to != nil {
			r.Strategy, r.UserID = model.ToUser, &to.ID
		}
	})
}

// takes asserts how many steps are due now, and takes them.
func (w *world) takes(want int) {
	w.t.Helper()
	taken := 0
	for {
		found, err := w.work.Escalate(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if !found {
			break
		}
		taken++
	}
	if taken != want {
		w.t.Fatalf("%d steps taken, not %d", taken, want)
	}
}

// types are those of the case's events, in order; a step with its number.
func (w *world) types(id model.CaseID) (list []string) {
	w.t.Helper()
	for _, e := range w.events(id) {
		name := string(e.Type)
		if e.Step != nil {
			name += fmt.Sprint(" ", *e.Step)
		}
		list = append(list, name)
	}
	return list
}

func TestAStepTellsWhomItNamesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(`UPDATE settings SET central_addresses = '["central@care.example", "BOSS@care.example", "kim@x.example"]'`)
	ana, bo, left := w.user("ana@care.example", model.Agent), w.user("bo@care.example", model.Manager), w.user("left@care.example", model.Agent, inactive)
	r := w.escalating(ana, after(36*time.Hour,
		tell("boss@care.example"), model.Recipient{Kind: model.RecipientUser, UserID: &bo.ID}, model.Recipient{Kind: model.RecipientUser, UserID: &left.ID},
		model.Recipient{Kind: model.RecipientCentral}, model.Recipient{Kind: model.RecipientAssignee},
		model.Recipient{Kind: model.RecipientAccountManager}, model.Recipient{Kind: model.RecipientAgent}, tell("KIM@x.example")))
	c := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
		Email: text("kim@x.example"), AccountManagerEmail: text("am@care.example"), AgentEmail: text("Kim@X.example"),
	}}).Case
	w.later(36 * time.Hour) // at the time itself it is not past it
	w.takes(0)
	w.later(time.Second)
	w.takes(1)
	w.takes(0)
	w.later(1000 * time.Hour)
	w.takes(0)

	want := []string{"am@care.example", "ana@care.example", "bo@care.example", "boss@care.example", "central@care.example"}
	if to := w.told("CASE_ESCALATED"); !slices.Equal(to, want) {
		t.Errorf("told: %v", to)
	}
	events := w.events(c.ID)
	e := events[len(events)-1]
	if e.Type != model.EventEscalated || *e.Step != 1 || time.Duration(*e.After) != 36*time.Hour || *e.RuleID != r.ID || e.ActorID != nil || e.Version != 3 ||
		!e.At.Equal(start.Add(36*time.Hour+time.Second)) {
		t.Errorf("the last event: %+v", e)
	}
	if stored := read[model.Case](w, c.ID); stored.Version != 3 || !stored.UpdatedAt.Equal(e.At) || *stored.AssigneeID != ana.ID {
		t.Errorf("the case: %+v", stored)
	}
	if n := w.count("SELECT count(*) FROM notifications WHERE kind = 'CASE_ESCALATED' AND (event_id, case_id, response_id, rule_id) = ($1, $2, $3, $4)",
		e.ID.UUID, c.ID.UUID, c.ResponseID.UUID, r.ID.UUID); n != len(want) {
		t.Errorf("%d notifications say what they are about", n)
	}
	if err := w.exec(`INSERT INTO case_events (id, case_id, version, type, at, step, after, snapshot, before)
		SELECT gen_random_uuid(), $1, 9, 'ESCALATED', now(), 1, 5, '{}', '{}'`, c.ID.UUID); err == nil {
		t.Error("the database takes the same step twice")
	}
	w.jobsMatch()
}

func TestAStepReassignsByAnyStrategy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, bo, cy := w.user("ana@care.example", model.Agent), w.user("bo@care.example", model.Manager), w.user("cy@care.example", model.Agent)
	left := w.user("left@care.example", model.Agent, inactive)
	w.open() // busies nobody
	for name, one := range map[string]struct {
		by   model.Assignment
		want *model.User // nil: nobody; ana: she keeps it
	}{
		"a user":                    {model.Assignment{Strategy: model.ToUser, UserID: &bo.ID}, bo},
		"the user who has it":       {model.Assignment{Strategy: model.ToUser, UserID: &ana.ID}, ana},
		"a user who left":           {model.Assignment{Strategy: model.ToUser, UserID: &left.ID}, ana},
		"with a fallback":           {model.Assignment{Strategy: model.ToUser, UserID: &left.ID, FallbackUserID: &cy.ID}, cy},
		"the account manager":       {model.Assignment{Strategy: model.ToAccountManager}, bo},
		"an agent who is no user":   {model.Assignment{Strategy: model.ToAgent}, ana},
		"nobody":                    {model.Assignment{Strategy: model.Unassigned}, nil},
		"the least busy of others":  {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID, cy.ID}}, cy},
		"the only one has it":       {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID}}, ana},
		"in turn, but not who has":  {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{ana.ID, cy.ID}}, cy},
		"in turn, with a fallback":  {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{left.ID}, FallbackUserID: &bo.ID}, bo},
		"in turn, where all left":   {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{left.ID}}, ana},
		"whoever is busy or not":    {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo.ID, left.ID}}, bo},
		"a user who works no cases": {model.Assignment{Strategy: model.ToUser, UserID: &w.user("looker@care.example", model.Stakeholder).ID}, ana},
	} {
		step := moves(time.Hour, one.by)
		step.Notify = []model.Recipient{{Kind: model.RecipientAssignee}}
		r := w.escalating(ana, step)
		c := w.submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{AccountManagerEmail: text("Bo@care.example"), AgentEmail: text("who@x.example")}}).Case
		w.later(time.Hour + time.Second)
		w.takes(1)
		got := read[model.Case](w, c.ID)
		if one.want == nil && got.AssigneeID != nil || one.want != nil && !same(got.AssigneeID, &one.want.ID) {
			t.Errorf("%s: it went to %v", name, got.AssigneeID)
		}
		types := []string{"OPENED", "ASSIGNED", "ESCALATED 1"}
		if one.want != ana {
			types = append(types, "ASSIGNED")
		}
		if have := w.types(c.ID); !slices.Equal(have, types) {
			t.Errorf("%s: %v", name, have)
		}
		if one.want != ana {
			events := w.events(c.ID)
			if e := events[3]; e.ActorID != nil || !same(e.RuleID, &r.ID) || !same(e.PreviousAssigneeID, &ana.ID) || got.AssignedByID != nil {
				t.Errorf("%s: %+v", name, e)
			}
		}
		// Whoever had it is told that it was escalated, and whoever has it now that it is theirs.
		w.toldOf(name, c.ID, "CASE_ESCALATED", ana)
		if one.want != nil && one.want != ana {
			w.toldOf(name, c.ID, "CASE_ASSIGNED", ana, one.want)
		}
		w.move(c.ID, model.Closed)
		w.must("UPDATE rules SET enabled = false")
	}
}

// toldOf asserts to whom mails of a kind about a case are queued.
func (w *world) toldOf(what string, id model.CaseID, kind string, want ...*model.User) {
	w.t.Helper()
	var to, users []string
	if err := w.db.Gorm.Raw(`SELECT "to" FROM notifications WHERE case_id = ? AND kind = ? ORDER BY "to"`, id, kind).Scan(&to).Error; err != nil {
		w.t.Fatal(err)
	}
	for _, u := range want {
		users = append(users, u.Email)
	}
	if slices.Sort(users); !slices.Equal(to, users) {
		w.t.Errorf("%s: %s goes to %v, not to %v", what, kind, to, users)
	}
}

func TestACaseThatNobodyHasIsGivenToSomebody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	bo := w.user("bo@care.example", model.Manager)
	w.escalating(nil, after(time.Hour, model.Recipient{Kind: model.RecipientAssignee}), moves(2*time.Hour, model.Assignment{Strategy: model.Unassigned}),
		moves(3*time.Hour, model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo.ID}}))
	c := w.submit(from("c-1", 3)).Case
	w.later(4 * time.Hour)
	w.takes(3)
	if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ESCALATED 2", "ESCALATED 3", "ASSIGNED"}) {
		t.Errorf("%v", have)
	}
	if to := w.told("CASE_ESCALATED"); len(to) > 0 {
		t.Errorf("nobody had it, and yet %v are told", to)
	}
}

func TestStepsThatNobodyNeedsTellNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.escalating(nil, after(time.Hour, tell("first@care.example")), after(3*time.Hour, tell("second@care.example")))
	called := w.submit(from("called", 3)).Case
	w.outreach(called.ID, phone(model.Reached))
	missed := w.submit(from("missed", 3)).Case
	w.outreach(missed.ID, phone(model.NoAnswer)) // counts for nothing
	reopened := w.submit(from("reopened", 3)).Case
	w.move(reopened.ID, model.Closed)
	w.move(reopened.ID, model.Open)
	closed := w.submit(from("closed", 3)).Case
	w.move(closed.ID, model.Closed)
	half := from("half", 3) // its first step had come before we knew of it
	half.RespondedAt = new(start.Add(-2 * time.Hour))
	halfOld := w.submit(half).Case
	old := from("old", 3)
	old.RespondedAt = new(start.Add(-72 * time.Hour))
	w.submit(old)
	if n := w.count("SELECT count(*) FROM case_escalations"); n != 4*2+1 {
		t.Errorf("%d steps are planned", n)
	}
	w.later(2 * time.Hour)
	w.takes(3 + 1 + 1)
	if to := w.told("CASE_ESCALATED"); !slices.Equal(to, []string{"first@care.example", "second@care.example"}) {
		t.Errorf("told: %v", to)
	}
	later := w.submit(from("later", 3)).Case
	w.later(2 * time.Hour)
	w.takes(3 + 1 + 1)
	for id, want := range map[model.CaseID][]string{
		missed.ID: {"ESCALATED 1", "ESCALATED 2"}, halfOld.ID: {"ESCALATED 2"}, later.ID: {"ESCALATED 1"}, called.ID: nil, reopened.ID: nil, closed.ID: nil,
	} {
		have := slices.DeleteFunc(w.types(id), func(s string) bool { return !strings.HasPrefix(s, "ESCALATED") })
		if !slices.Equal(have, want) {
			t.Errorf("%v, not %v", have, want)
		}
	}
	if n := w.count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL"); n != 1 {
		t.Errorf("%d steps are still to come", n)
	}
	if n := w.count("SELECT count(*) FROM case_escalations s JOIN case_events e ON e.id = s.event_id AND e.case_id = s.case_id AND e.step = s.step"); n != 4 {
		t.Errorf("%d steps name their event", n)
	}
}

// What follows up between the look and the lock is seen.
func TestACaseThatIsFollowedUpAtTheLastMomentIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@care.example", model.Agent)
	w.escalating(nil, moves(time.Hour, model.Assignment{Strategy: model.ToUser, UserID: &ana.ID}))
	var cases []*model.Case
	for range 40 {
		cases = append(cases, w.submit(intake.SubmitResponseInput{Score: 1}).Case)
	}
	w.later(2 * time.Hour)
	atOnce(2, func(i int) {
		for _, c := range cases {
			if i == 0 {
				if _, err := w.work.Escalate(t.Context()); err != nil {
					t.Error(err)
				}
				continue
			}
			_, err := w.work.UpdateCaseStatus(t.Context(), w.agent, casework.UpdateCaseStatusInput{CaseID: c.ID, Status: model.InProgress, Note: "Called them."})
			if err != nil {
				t.Error(err)
			}
		}
	})
	w.takes(w.count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL"))
	escalated := 0
	for _, c := range cases {
		have := w.types(c.ID)
		switch {
		case slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ASSIGNED", "STATUS_CHANGED"}):
			escalated++
		case !slices.Equal(have, []string{"OPENED", "STATUS_CHANGED"}):
			t.Errorf("%v", have)
		}
	}
	t.Logf("%d of %d were escalated first", escalated, len(cases))
	if n := w.count("SELECT count(*) FROM case_escalations WHERE event_id IS NOT NULL"); n != escalated {
		t.Errorf("%d steps name an event", n)
	}
}

func TestACaseKeepsTheStepsAndTheCalendarItWasOpenedWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r := w.rule("all", func(r *model.Rule) {
		r.Calendar, r.FollowUpTarget = office("UTC"), new(model.Duration(16*time.Hour))
		r.Escalations = []model.Escalation{after(8*time.Hour, tell("before@care.example"))}
	})
	c := w.submit(from("c-1", 3)).Case // on Monday at half past nine
	w.must(`UPDATE rules SET calendar = NULL, escalations = '[{"after": "PT1H", "notify": [{"kind": "ADDRESS", "address": "after@care.example"}]}]'`)
	w.later(2 * time.Hour)
	w.takes(0)
	other := w.submit(from("c-2", 3)).Case
	w.must("UPDATE rules SET deleted_at = now() WHERE id = $1", r.ID.UUID)
	w.later(24 * time.Hour)
	w.takes(2)
	if to := w.told("CASE_ESCALATED"); !slices.Equal(to, []string{"after@care.example", "before@care.example"}) {
		t.Errorf("told: %v", to)
	}
	if kept := read[model.Case](w, c.ID); *kept.CalendarID != office("UTC").ID() {
		t.Errorf("its calendar is %v", kept.CalendarID)
	}
	if read[model.Case](w, other.ID).CalendarID != nil {
		t.Error("the later case has the calendar that the rule had before")
	}
}

func TestOneCalendarIsKeptOnceForAllItsCases(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, zone := range []string{"UTC", "America/New_York"} {
		w.must("UPDATE rules SET deleted_at = now()")
		w.rule(zone, func(r *model.Rule) { r.Calendar = office(zone) })
		atOnce(8, func(i int) { w.submit(from(fmt.Sprint(zone, i), 3)) })
	}
	if n := w.count("SELECT count(*) FROM calendars"); n != 2 {
		t.Errorf("%d calendars", n)
	}
	if n := w.count("SELECT count(*) FROM cases WHERE calendar_id IS NOT NULL"); n != 16 {
		t.Errorf("%d cases with a calendar", n)
	}
}

// office is from 9 to 5 on workdays.
func office(zone string, holidays ...model.Date) *model.Calendar {
	c := &model.Calendar{TimeZone: zone, Holidays: holidays}
	for _, d := range model.Weekdays[1:6] {
		c.Hours = append(c.Hours, model.CalendarHours{Weekday: d, From: 9 * 60, To: 17 * 60})
	}
	return c
}

// Two working days after a Friday afternoon: the target and the step fall on the same minute of the wall clock, with
// the weekend, the change of the clocks and the holiday left out, and nothing happens a moment before.
func TestTargetsAndStepsCountBusinessHoursOverWeekendsHolidaysAndChangesOfTheClocks(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		in             *model.Calendar
		response, want string
	}{
		"New York in spring":      {office("America/New_York"), "2026-03-06 15:00 -0500", "2026-03-10 15:00 -0400"},
		"New York in autumn":      {office("America/New_York"), "2026-10-30 15:00 -0400", "2026-11-03 15:00 -0500"},
		"São Paulo into summer":   {office("America/Sao_Paulo"), "2018-11-02 15:00 -0300", "2018-11-06 15:00 -0200"},
		"São Paulo out of summer": {office("America/Sao_Paulo"), "2019-02-15 15:00 -0200", "2019-02-19 15:00 -0300"},
		"over a holiday":          {office("America/New_York", "2026-12-25"), "2026-12-24 15:00 -0500", "2026-12-29 15:00 -0500"},
		"a Saturday's response":   {office("America/Sao_Paulo"), "2018-11-03 23:30 -0300", "2018-11-06 17:00 -0200"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			response, want := moment(t, one.response), moment(t, one.want)
			ana := w.user("ana@care.example", model.Agent)
			w.rule("all", func(r *model.Rule) {
				r.Strategy, r.UserID = model.ToUser, &ana.ID
				r.Calendar, r.FollowUpTarget = one.in, new(model.Duration(16*time.Hour))
				r.Escalations = []model.Escalation{after(16*time.Hour, model.Recipient{Kind: model.RecipientAssignee})}
			})
			w.at(response)
			c := w.submit(from("c-1", 3)).Case
			if !c.DueAt.Equal(want) {
				t.Fatalf("due at %s", c.DueAt)
			}
			w.at(want)
			w.marks(0)
			w.takes(0)
			w.later(time.Microsecond)
			w.marks(1)
			w.takes(1)
			if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ASSIGNED", "OVERDUE", "ESCALATED 1"}) {
				t.Errorf("%v", have)
			}
			for _, kind := range []string{"CASE_OVERDUE", "CASE_ESCALATED"} {
				if to := w.told(kind); !slices.Equal(to, []string{"ana@care.example"}) {
					t.Errorf("%s: %v", kind, to)
				}
			}
		})
	}
}

func moment(t *testing.T, s string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04 -0700", s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestACaseOpenedByHandRunsByTheClock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("others", func(r *model.Rule) {
		r.Scores, r.Calendar, r.Escalations = []int{10}, office("UTC"), []model.Escalation{after(time.Hour, tell("boss@care.example"))}
	})
	response := w.submit(from("c-1", 3)).Response
	out, err := w.work.OpenCase(t.Context(), w.agent, casework.OpenCaseInput{ResponseID: &response.ID, Note: "Why.", FollowUpTarget: new(model.Duration(16 * time.Hour))})
	if err != nil || !out.Case.DueAt.Equal(start.Add(16*time.Hour)) || out.Case.CalendarID != nil {
		t.Errorf("%+v, %v", out.Case, err)
	}
	w.counts(map[string]int{"case_escalations": 0, "calendars": 0})
}

func TestSeveralServersTakeEachStepOnceAndInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var team []model.UserID
	for i := range 3 {
		team = append(team, w.user(fmt.Sprintf("u%d@care.example", i), model.Agent).ID)
	}
	w.escalating(nil, after(time.Hour, tell("first@care.example")), moves(2*time.Hour, model.Assignment{Strategy: model.RoundRobin, UserIDs: team}), after(3*time.Hour, tell("third@care.example")))
	const cases = 60
	var batch []intake.Submission
	for range cases {
		batch = append(batch, intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 1}})
	}
	w.submitAll(intake.SubmitOptions{}, batch...)
	w.later(4 * time.Hour)
	atOnce(4, func(int) {
		for w.count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL") > 0 {
			if _, err := w.work.Escalate(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	var ids []model.CaseID
	if err := w.db.Gorm.Raw("SELECT id FROM cases").Scan(&ids).Error; err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if have := w.types(id); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ESCALATED 2", "ASSIGNED", "ESCALATED 3"}) {
			t.Errorf("%v", have)
		}
	}
	for _, u := range team {
		if n := w.count("SELECT count(*) FROM cases WHERE assignee_id = $1", u.UUID); n != cases/3 {
			t.Errorf("one of three got %d cases", n)
		}
	}
	if n := len(w.told("CASE_ESCALATED")); n != 2*cases || w.deadlocks.Load() != 0 {
		t.Errorf("%d mails, %d deadlocks", n, w.deadlocks.Load())
	}
	if n := w.count("SELECT turn FROM rules"); n != 0 {
		t.Errorf("the steps took %d turns of the cases that the rule opens", n)
	}
}

// A user leaves while their cases are escalated to them and away from them: nobody waits in a circle, and no case is
// left with somebody who is gone.
func TestAUserWhoLeavesWhileStepsAreTakenKeepsNoCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, bo, admin := w.user("ana@care.example", model.Agent), w.user("bo@care.example", model.Agent), w.user("root@care.example", model.Admin)
	w.escalating(ana, moves(time.Hour, model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID, bo.ID}}),
		moves(2*time.Hour, model.Assignment{Strategy: model.ToUser, UserID: &ana.ID, FallbackUserID: &admin.ID}))
	for range 30 {
		w.submit(intake.SubmitResponseInput{Score: 1})
	}
	w.later(3 * time.Hour)
	atOnce(3, func(i int) {
		if i == 0 {
			if err := w.leave(ana, admin); err != nil {
				t.Error(err)
			}
			return
		}
		for w.count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL") > 0 {
			if _, err := w.work.Escalate(t.Context()); err != nil {
				t.Error(err)
				return
			}
		}
	})
	if n := w.casesOf(ana); n != 0 || w.deadlocks.Load() != 0 {
		t.Errorf("%d cases are left with her, %d deadlocks", n, w.deadlocks.Load())
	}
	if n := w.count("SELECT count(*) FROM case_events WHERE type = 'ESCALATED'"); n != 60 {
		t.Errorf("%d steps", n)
	}
}

// leave makes a user inactive and hands their cases on, as setup does it.
func (w *world) leave(u, to *model.User) error {
	return w.db.Tx(w.t.Context(), func(tx *gorm.DB) error {
		if err := tx.Exec("SELECT 1 FROM users WHERE id = ? FOR UPDATE", u.ID).Error; err != nil {
			return err
		}
		if err := tx.Exec("UPDATE users SET active = false WHERE id = ?", u.ID).Error; err != nil {
			return err
		}
		return w.work.Reassign(w.t.Context(), tx, w.agent, u.ID, to.ID)
	})
}

func TestAStepThatFailsLeavesNothingAndIsTakenLater(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@care.example", model.Agent)
	step := moves(time.Hour, model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{ana.ID}})
	step.Notify = []model.Recipient{tell("boss@care.example")}
	w.escalating(nil, step)
	c := w.submit(from("c-1", 3)).Case
	w.later(2 * time.Hour)
	w.must("ALTER TABLE notifications ADD CONSTRAINT doom CHECK (kind <> 'CASE_ESCALATED')")
	if found, err := w.work.Escalate(t.Context()); found || err == nil {
		t.Errorf("found: %t, %v", found, err)
	}
	w.counts(map[string]int{"case_events": 1, "notifications": 0, "escalation_turns": 0})
	w.must("ALTER TABLE notifications DROP CONSTRAINT doom")
	w.takes(1)
	if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ASSIGNED"}) {
		t.Errorf("%v", have)
	}
	w.logTells(c.ID)
}

// Once a second, on every server, for as long as nothing is due: one statement for each kind, and of an index that
// holds what is still to come.
func TestLookingForWhatIsDueCostsOneLookIntoAnIndex(t *testing.T) {
	t.Parallel()
	var sent statements
	w := newWorld(t, pgtest.WithTracer(&sent))
	r := w.escalating(nil, after(time.Hour, tell("boss@care.example")))
	w.must(`INSERT INTO customers (id, created_at) SELECT gen_random_uuid(), now() FROM generate_series(1, 5000)`)
	w.must(`INSERT INTO cases (id, status, origin, customer_id, opened_at, updated_at, due_at, overdue_at, version)
		SELECT gen_random_uuid(), 'OPEN', 'RULE', id, timestamptz '2026-01-01', now(), timestamptz '2026-01-02', CASE WHEN random() < 0.9 THEN now() END, 1 FROM customers`)
	w.must("UPDATE cases SET due_at = '2027-01-01' WHERE overdue_at IS NULL")
	w.must(`INSERT INTO case_escalations (case_id, step, rule_id, after, due_at, settled_at) SELECT id, n, $1, 1, coalesce(overdue_at, due_at), overdue_at
		FROM cases, generate_series(1, 3) n`, r.ID.UUID)
	w.must("ANALYZE cases")
	w.must("ANALYZE case_escalations")
	for index, look := range map[string]func(){"cases_falling_due": func() { w.marks(0) }, "case_escalations_due": func() { w.takes(0) }} {
		sent.take()
		look()
		all := sent.take()
		if len(all) != 1 {
			t.Errorf("%d statements: %v", len(all), all)
			continue
		}
		plan := w.plan(all[0])
		if !strings.Contains(plan, "using "+index+" on") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("no look into %s:\n%s", index, plan)
		}
	}
}
