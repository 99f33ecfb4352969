package user_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// leaving makes the user inactive in a goroutine, and closes ended afterwards.
func (w *world) leaving(in user.UpdateUserInput) (ended chan struct{}, left *user.UpdateUserPayload) {
	ended, left = make(chan struct{}), new(user.UpdateUserPayload)
	go func() {
		defer close(ended)
		in.Active = worktest.Given(false)
		out, err := w.users.Update(w.T.Context(), w.Admin, in)
		if err != nil {
			w.T.Errorf("make the user inactive: %v", err)
			return
		}
		*left = *out
	}()
	return ended, left
}

// assigning assigns a case to a user in a goroutine, which has locked both and waits at the bar before it writes.
func (w *world) assigning(c *model.Case, to *model.User) (bar *worktest.Bar, assigned chan error) {
	bar, assigned = w.Gate.Hold(`INSERT INTO "notes"`), make(chan error, 1)
	go func() {
		_, err := w.Work.AssignCase(w.T.Context(), w.Admin, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &to.ID, Note: new("Hers.")})
		assigned <- err
	}()
	<-bar.Reached
	return bar, assigned
}

func TestDeactivateAtOnce(t *testing.T) {
	t.Parallel()
	// The assignment has read an active user. The update that makes the user inactive waits for it, and then counts the case.
	t.Run("counts a case that is being assigned", func(t *testing.T) {
		t.Parallel()
		for name, handOn := range map[string]bool{"and keeps it": false, "and reassigns it": true} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
				c := w.Open(w.Admin.User)
				bar, assigned := w.assigning(c, ana)
				in := user.UpdateUserInput{UserID: ana.ID}
				if handOn {
					in.ReassignTo = &bo.ID
				}
				ended, left := w.leaving(in)
				if !w.Waits(ended) {
					t.Error("the user became inactive during the assignment of a case")
				}
				close(bar.Open)
				if err := <-assigned; err != nil {
					t.Errorf("assign: %v", err)
				}
				<-ended
				want, of := 1, ana
				if handOn {
					want, of = 0, bo
				}
				if got := worktest.Read[model.Case](w.T, w.DB, c.ID); left.CasesLeft != want || *got.AssigneeID != of.ID {
					t.Errorf("%d cases are left to the user, the assignee is %s", left.CasesLeft, got.AssigneeID)
				}
			})
		}
	})

	// A call has locked the user's case to give it to somebody else. Its event names the user, whose row the update has locked.
	t.Run("lets a case be taken away", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo, eve := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent), w.User("eve@care.example", model.Agent)
		c, kept := w.Open(ana), w.Open(ana)
		bar, assigned := w.assigning(c, eve)
		ended, left := w.leaving(user.UpdateUserInput{UserID: ana.ID, ReassignTo: &bo.ID})
		if !w.Waits(ended) {
			t.Error("the user left while somebody had the lock of a case")
		}
		close(bar.Open)
		if err := <-assigned; err != nil {
			t.Errorf("assign: %v", err)
		}
		<-ended
		if n := w.Deadlocks.Load(); n != 0 || left.CasesLeft != 0 {
			t.Errorf("got %d deadlocks, and %d cases are left to the user", n, left.CasesLeft)
		}
		for id, to := range map[model.CaseID]model.UserID{c.ID: eve.ID, kept.ID: bo.ID} {
			if got := worktest.Read[model.Case](w.T, w.DB, id); *got.AssigneeID != to {
				t.Errorf("the case is assigned to %s, want %s", got.AssigneeID, to)
			}
		}
	})

	// The user is becoming inactive. An assignment to the user waits for this, and then reads an inactive user.
	t.Run("makes an assignment to the user fail", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@care.example", model.Agent)
		c := w.Open(w.Admin.User)
		bar := w.Gate.Hold(`count(*) FROM "cases"`)
		ended, left := w.leaving(user.UpdateUserInput{UserID: ana.ID})
		<-bar.Reached
		assigned, done := make(chan error, 1), make(chan struct{})
		go func() {
			defer close(done)
			_, err := w.Work.AssignCase(t.Context(), w.Admin, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &ana.ID})
			assigned <- err
		}()
		if !w.Waits(done) {
			t.Error("the user got a case while becoming inactive")
		}
		close(bar.Open)
		<-ended
		worktest.Refused(t, "the assignment", <-assigned, fault.CodeBadUserInput, "input.assigneeId")
		if got := worktest.Read[model.Case](w.T, w.DB, c.ID); left.CasesLeft != 0 || *got.AssigneeID != w.Admin.User.ID {
			t.Errorf("%d cases are left to the user, the assignee is %s", left.CasesLeft, got.AssigneeID)
		}
	})

	t.Run("makes a rule choose its fallback", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
		w.rule(rule.CreateRuleInput{Name: "all", Enabled: true, OpensCase: true, Assignment: &rule.AssignmentInput{
			Strategy: model.ToUser, UserID: &ana.ID, FallbackUserID: &bo.ID,
		}})
		bar := w.Gate.Hold(`count(*) FROM "cases"`)
		ended, left := w.leaving(user.UpdateUserInput{UserID: ana.ID})
		<-bar.Reached
		var out *intake.SubmitResponsePayload
		done := make(chan struct{})
		go func() {
			defer close(done)
			var err error
			if out, err = intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 3}); err != nil {
				t.Errorf("submit: %v", err)
			}
		}()
		if !w.Waits(done) {
			t.Error("the rule did not wait for the update of the user")
		}
		close(bar.Open)
		<-ended
		<-done
		if left.CasesLeft != 0 || out == nil || *out.Case.AssigneeID != bo.ID {
			t.Errorf("%d cases are left to the user, the case is %+v", left.CasesLeft, out)
		}
	})

	// In whichever order the calls run, an inactive user has no case that the update did not count.
	t.Run("leaves no case uncounted among many writes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@care.example", model.Agent)
		bo := w.User("bo@care.example", model.Agent)
		w.rule(rule.CreateRuleInput{Name: "detractors", Enabled: true, OpensCase: true, Scores: []int{0}, Assignment: &rule.AssignmentInput{
			Strategy: model.ToUser, UserID: &ana.ID,
		}})
		for round := range 8 {
			cases := []*model.Case{w.Open(bo), w.Open(bo), w.Open(ana)}
			response, err := intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 9})
			if err != nil {
				t.Fatal(err)
			}
			var left *user.UpdateUserPayload
			worktest.AtOnce(len(cases)+3, func(i int) {
				var err error
				switch {
				case i < len(cases):
					_, err = w.Work.AssignCase(t.Context(), w.Admin, casework.AssignCaseInput{CaseID: cases[i].ID, AssigneeID: &ana.ID})
				case i == len(cases):
					_, err = w.Work.OpenCase(t.Context(), w.Admin, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{ResponseID: &response.Response.ID}, Note: "They called.", AssigneeID: &ana.ID})
				case i == len(cases)+1:
					if _, err = intake.New(w.Work).Submit(t.Context(), w.Admin, intake.SubmitResponseInput{Score: 0}); err != nil {
						t.Errorf("submit: %v", err)
					}
					return
				default:
					in := user.UpdateUserInput{UserID: ana.ID, Active: worktest.Given(false)}
					if round%2 == 0 {
						in.ReassignTo = &bo.ID
					}
					if left, err = w.users.Update(t.Context(), w.Admin, in); err != nil {
						t.Errorf("make the user inactive: %v", err)
					}
					return
				}
				if err != nil {
					worktest.Refused(t, "an assignment to an inactive user", err, fault.CodeBadUserInput, "input.assigneeId")
				}
			})
			if left == nil {
				return
			}
			if n := w.Count("SELECT count(*) FROM cases WHERE assignee_id = $1 AND status <> 'CLOSED'", ana.ID.UUID); n != left.CasesLeft || round%2 == 0 && n != 0 {
				t.Fatalf("round %d: the inactive user has %d cases, the update counted %d", round, n, left.CasesLeft)
			}
			if _, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: ana.ID, ReassignTo: &bo.ID}); err != nil {
				t.Fatal(err)
			}
			w.Must("UPDATE users SET active = true WHERE id = $1", ana.ID.UUID)
		}
	})
}
