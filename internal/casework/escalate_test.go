package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// after returns a step that notifies the recipients.
func after(d time.Duration, recipients ...model.Recipient) model.Escalation {
	return model.Escalation{After: model.Duration(d), Notify: recipients}
}

// moves returns a step that reassigns the case.
func moves(d time.Duration, a model.Assignment) model.Escalation {
	return model.Escalation{After: model.Duration(d), Reassign: &a}
}

func tell(address string) model.Recipient {
	return model.Recipient{Kind: model.RecipientAddress, Address: &address}
}

// escalating creates a rule with escalation steps. The rule assigns its cases to the user; nil leaves them unassigned.
func (w *world) escalating(to *model.User, steps ...model.Escalation) *model.Rule {
	w.T.Helper()
	return w.Rule("escalates", func(r *model.Rule) {
		r.Escalations = steps
		if to != nil {
			r.Strategy, r.UserID = model.ToUser, &to.ID
		}
	})
}

// takes takes all steps that are due now, and checks their number.
func (w *world) takes(want int) {
	w.T.Helper()
	taken := 0
	for {
		found, err := w.Work.Escalate(w.T.Context())
		if err != nil {
			w.T.Fatal(err)
		}
		if !found {
			break
		}
		taken++
	}
	if taken != want {
		w.T.Fatalf("%d steps were taken, want %d", taken, want)
	}
}

// types returns the types of the case's events in order; an ESCALATED event has the number of its step.
func (w *world) types(id model.CaseID) (list []string) {
	w.T.Helper()
	for _, e := range w.Events(id) {
		name := string(e.Type)
		if e.Step != nil {
			name += fmt.Sprint(" ", *e.Step)
		}
		list = append(list, name)
	}
	return list
}

func TestEscalationStep(t *testing.T) {
	t.Parallel()
	t.Run("notifies each recipient once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Must(`UPDATE settings SET central_addresses = '["central@care.example", "BOSS@care.example", "kim@x.example"]'`)
		ana, bo, left := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Manager), w.User("left@care.example", model.Agent, worktest.Inactive)
		r := w.escalating(ana, after(36*time.Hour,
			tell("boss@care.example"), model.Recipient{Kind: model.RecipientUser, UserID: &bo.ID}, model.Recipient{Kind: model.RecipientUser, UserID: &left.ID},
			model.Recipient{Kind: model.RecipientCentral}, model.Recipient{Kind: model.RecipientAssignee},
			model.Recipient{Kind: model.RecipientAccountManager}, model.Recipient{Kind: model.RecipientAgent}, tell("KIM@x.example")))
		c := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
			Email: worktest.Given("kim@x.example"), AccountManagerEmail: worktest.Given("am@care.example"), AgentEmail: worktest.Given("Kim@X.example"),
		}}).Case
		w.Later(36 * time.Hour) // the target is not past at the target itself
		w.takes(0)
		w.Later(time.Second)
		w.takes(1)
		w.takes(0)
		w.Later(1000 * time.Hour)
		w.takes(0)

		want := []string{"am@care.example", "ana@care.example", "bo@care.example", "boss@care.example", "central@care.example"}
		if to := w.MailsOf("CASE_ESCALATED"); !slices.Equal(to, want) {
			t.Errorf("mails went to %v", to)
		}
		events := w.Events(c.ID)
		e := events[len(events)-1]
		if e.Type != model.EventEscalated || *e.Step != 1 || time.Duration(*e.After) != 36*time.Hour || *e.RuleID != r.ID || e.ActorID != nil || e.Version != 3 ||
			!e.At.Equal(worktest.Start.Add(36*time.Hour+time.Second)) {
			t.Errorf("the last event is %+v", e)
		}
		if stored := worktest.Read[model.Case](w.T, w.DB, c.ID); stored.Version != 3 || !stored.UpdatedAt.Equal(e.At) || *stored.AssigneeID != ana.ID {
			t.Errorf("the case is %+v", stored)
		}
		if n := w.Count("SELECT count(*) FROM notifications WHERE kind = 'CASE_ESCALATED' AND (event_id, case_id, response_id, rule_id) = ($1, $2, $3, $4)",
			e.ID.UUID, c.ID.UUID, c.ResponseID.UUID, r.ID.UUID); n != len(want) {
			t.Errorf("%d notifications have the ids of the event, case, response and rule, want %d", n, len(want))
		}
		if err := w.Exec(`INSERT INTO case_events (id, case_id, version, type, at, step, after, snapshot, before)
		SELECT gen_random_uuid(), $1, 9, 'ESCALATED', now(), 1, 5, '{}', '{}'`, c.ID.UUID); err == nil {
			t.Error("the database accepted a second event for the same step")
		}
		w.CheckJobs()
	})

	t.Run("reassigns by any strategy", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo, cy := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Manager), w.User("cy@care.example", model.Agent)
		left := w.User("left@care.example", model.Agent, worktest.Inactive)
		w.Open(nil) // an unassigned case counts for no user
		for name, one := range map[string]struct {
			by   model.Assignment
			want *model.User // nil: unassigned; ana: the assignee does not change
		}{
			"a user":                            {model.Assignment{Strategy: model.ToUser, UserID: &bo.ID}, bo},
			"the current assignee":              {model.Assignment{Strategy: model.ToUser, UserID: &ana.ID}, ana},
			"an inactive user":                  {model.Assignment{Strategy: model.ToUser, UserID: &left.ID}, ana},
			"an inactive user, with a fallback": {model.Assignment{Strategy: model.ToUser, UserID: &left.ID, FallbackUserID: &cy.ID}, cy},
			"the account manager":               {model.Assignment{Strategy: model.ToAccountManager}, bo},
			"an agent address without a user":   {model.Assignment{Strategy: model.ToAgent}, ana},
			"unassigned":                        {model.Assignment{Strategy: model.Unassigned}, nil},
			"the least busy of the other users": {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID, cy.ID}}, cy},
			"the only user is the assignee":     {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{ana.ID}}, ana},
			"in turn, without the assignee":     {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{ana.ID, cy.ID}}, cy},
			"in turn, with a fallback":          {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{left.ID}, FallbackUserID: &bo.ID}, bo},
			"in turn, all inactive":             {model.Assignment{Strategy: model.RoundRobin, UserIDs: []model.UserID{left.ID}}, ana},
			"the least busy of active users":    {model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo.ID, left.ID}}, bo},
			"a user who cannot be assigned":     {model.Assignment{Strategy: model.ToUser, UserID: &w.User("looker@care.example", model.Stakeholder).ID}, ana},
		} {
			step := moves(time.Hour, one.by)
			step.Notify = []model.Recipient{{Kind: model.RecipientAssignee}}
			r := w.escalating(ana, step)
			c := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{AccountManagerEmail: worktest.Given("Bo@care.example"), AgentEmail: worktest.Given("who@x.example")}}).Case
			w.Later(time.Hour + time.Second)
			w.takes(1)
			got := worktest.Read[model.Case](w.T, w.DB, c.ID)
			if one.want == nil && got.AssigneeID != nil || one.want != nil && !worktest.Same(got.AssigneeID, &one.want.ID) {
				t.Errorf("%s: the assignee is %v", name, got.AssigneeID)
			}
			types := []string{"OPENED", "ASSIGNED", "ESCALATED 1"}
			if one.want != ana {
				types = append(types, "ASSIGNED")
			}
			if have := w.types(c.ID); !slices.Equal(have, types) {
				t.Errorf("%s: the events are %v, want %v", name, have, types)
			}
			if one.want != ana {
				events := w.Events(c.ID)
				if e := events[3]; e.ActorID != nil || !worktest.Same(e.RuleID, &r.ID) || !worktest.Same(e.PreviousAssigneeID, &ana.ID) || got.AssignedByID != nil {
					t.Errorf("%s: the event is %+v", name, e)
				}
			}
			// The previous assignee gets a mail about the escalation, the new assignee one about the assignment.
			w.checkMails(name, c.ID, "CASE_ESCALATED", ana)
			if one.want != nil && one.want != ana {
				w.checkMails(name, c.ID, "CASE_ASSIGNED", ana, one.want)
			}
			w.Move(c.ID, model.Closed)
			w.Must("UPDATE rules SET enabled = false")
		}
	})

	t.Run("assigns an unassigned case", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		bo := w.User("bo@care.example", model.Manager)
		w.escalating(nil, after(time.Hour, model.Recipient{Kind: model.RecipientAssignee}), moves(2*time.Hour, model.Assignment{Strategy: model.Unassigned}),
			moves(3*time.Hour, model.Assignment{Strategy: model.LeastBusy, UserIDs: []model.UserID{bo.ID}}))
		c := w.Submit(worktest.From("c-1", 3)).Case
		w.Later(4 * time.Hour)
		w.takes(3)
		if have := w.types(c.ID); !slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ESCALATED 2", "ESCALATED 3", "ASSIGNED"}) {
			t.Errorf("the events are %v", have)
		}
		if to := w.MailsOf("CASE_ESCALATED"); len(to) > 0 {
			t.Errorf("mails to the assignee of an unassigned case went to %v, want none", to)
		}
	})

	t.Run("notifies nobody when the case needs no step", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.escalating(nil, after(time.Hour, tell("first@care.example")), after(3*time.Hour, tell("second@care.example")))
		called := w.Submit(worktest.From("called", 3)).Case
		w.Outreach(called.ID, worktest.Phone(model.Reached))
		missed := w.Submit(worktest.From("missed", 3)).Case
		w.Outreach(missed.ID, worktest.Phone(model.NoAnswer)) // an unanswered call is no follow-up
		reopened := w.Submit(worktest.From("reopened", 3)).Case
		w.Move(reopened.ID, model.Closed)
		w.Move(reopened.ID, model.Open)
		closed := w.Submit(worktest.From("closed", 3)).Case
		w.Move(closed.ID, model.Closed)
		half := worktest.From("half", 3) // the first step was due before the response was submitted
		half.RespondedAt = new(worktest.Start.Add(-2 * time.Hour))
		halfOld := w.Submit(half).Case
		old := worktest.From("old", 3)
		old.RespondedAt = new(worktest.Start.Add(-72 * time.Hour))
		w.Submit(old)
		if n := w.Count("SELECT count(*) FROM case_escalations"); n != 4*2+1 {
			t.Errorf("%d steps are planned, want 9", n)
		}
		w.Later(2 * time.Hour)
		w.takes(3 + 1 + 1)
		if to := w.MailsOf("CASE_ESCALATED"); !slices.Equal(to, []string{"first@care.example", "second@care.example"}) {
			t.Errorf("mails went to %v", to)
		}
		later := w.Submit(worktest.From("later", 3)).Case
		w.Later(2 * time.Hour)
		w.takes(3 + 1 + 1)
		for id, want := range map[model.CaseID][]string{
			missed.ID: {"ESCALATED 1", "ESCALATED 2"}, halfOld.ID: {"ESCALATED 2"}, later.ID: {"ESCALATED 1"}, called.ID: nil, reopened.ID: nil, closed.ID: nil,
		} {
			have := slices.DeleteFunc(w.types(id), func(s string) bool { return !strings.HasPrefix(s, "ESCALATED") })
			if !slices.Equal(have, want) {
				t.Errorf("the escalation events are %v, want %v", have, want)
			}
		}
		if n := w.Count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL"); n != 1 {
			t.Errorf("%d steps are not settled, want 1", n)
		}
		if n := w.Count("SELECT count(*) FROM case_escalations s JOIN case_events e ON e.id = s.event_id AND e.case_id = s.case_id AND e.step = s.step"); n != 4 {
			t.Errorf("%d steps have the id of their event, want 4", n)
		}
	})

	// A follow-up that is committed between the look without a lock and the lock of the case must prevent the step.
	t.Run("skips a case that is followed up at the last moment", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@care.example", model.Agent)
		w.escalating(nil, moves(time.Hour, model.Assignment{Strategy: model.ToUser, UserID: &ana.ID}))
		var cases []*model.Case
		for range 40 {
			cases = append(cases, w.Submit(intake.SubmitResponseInput{Score: 1}).Case)
		}
		w.Later(2 * time.Hour)
		worktest.AtOnce(2, func(i int) {
			for _, c := range cases {
				if i == 0 {
					if _, err := w.Work.Escalate(t.Context()); err != nil {
						t.Error(err)
					}
					continue
				}
				_, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, casework.UpdateCaseStatusInput{CaseID: c.ID, Status: model.InProgress, Note: "Called them."})
				if err != nil {
					t.Error(err)
				}
			}
		})
		w.takes(w.Count("SELECT count(*) FROM case_escalations WHERE settled_at IS NULL"))
		escalated := 0
		for _, c := range cases {
			have := w.types(c.ID)
			switch {
			case slices.Equal(have, []string{"OPENED", "ESCALATED 1", "ASSIGNED", "STATUS_CHANGED"}):
				escalated++
			case !slices.Equal(have, []string{"OPENED", "STATUS_CHANGED"}):
				t.Errorf("the events are %v", have)
			}
		}
		t.Logf("%d of %d cases were escalated before their follow-up", escalated, len(cases))
		if n := w.Count("SELECT count(*) FROM case_escalations WHERE event_id IS NOT NULL"); n != escalated {
			t.Errorf("%d steps have the id of an event, want %d", n, escalated)
		}
	})
}

// checkMails checks the recipients of the queued mails of a kind about a case.
func (w *world) checkMails(what string, id model.CaseID, kind string, want ...*model.User) {
	w.T.Helper()
	var to, users []string
	if err := w.DB.Gorm.Raw(`SELECT "to" FROM notifications WHERE case_id = ? AND kind = ? ORDER BY "to"`, id, kind).Scan(&to).Error; err != nil {
		w.T.Fatal(err)
	}
	for _, u := range want {
		users = append(users, u.Email)
	}
	if slices.Sort(users); !slices.Equal(to, users) {
		w.T.Errorf("%s: %s mails go to %v, want %v", what, kind, to, users)
	}
}
