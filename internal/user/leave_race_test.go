package user_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// leaving makes the user inactive, beside the test; ended is closed when that is done.
func (w *world) leaving(in user.UpdateUserInput) (ended chan struct{}, left *user.UpdateUserPayload) {
	ended, left = make(chan struct{}), new(user.UpdateUserPayload)
	go func() {
		defer close(ended)
		in.Active = worktest.Given(false)
		out, err := w.users.Update(w.T.Context(), w.Admin, in)
		if err != nil {
			w.T.Errorf("leave: %v", err)
			return
		}
		*left = *out
	}()
	return ended, left
}

// The assignment has seen an active user: whoever makes them leave waits, and then finds the case.
func TestWhoLeavesDuringAnAssignmentLeavesWithTheCaseCounted(t *testing.T) {
	t.Parallel()
	for name, handOn := range map[string]bool{"and keeps it": false, "and hands it on": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
			c := w.Open(w.Admin.User)
			bar := w.Gate.Hold(`INSERT INTO "notes"`)
			assigned := make(chan error, 1)
			go func() {
				_, err := w.Work.AssignCase(t.Context(), w.Admin, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &ana.ID, Note: new("Hers.")})
				assigned <- err
			}()
			<-bar.Reached
			in := user.UpdateUserInput{ID: ana.ID}
			if handOn {
				in.ReassignTo = &bo.ID
			}
			ended, left := w.leaving(in)
			if !w.Waits(ended) {
				t.Error("she left while a case was being given to her")
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
				t.Errorf("%d cases are left to her, the case is %s's", left.CasesLeft, got.AssigneeID)
			}
		})
	}
}

// The user is about to be inactive: whoever would give them a case waits, and then finds that they left.
func TestACaseThatIsAssignedToWhoIsLeavingIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.User("ana@care.example", model.Agent)
	c := w.Open(w.Admin.User)
	bar := w.Gate.Hold(`count(*) FROM "cases"`)
	ended, left := w.leaving(user.UpdateUserInput{ID: ana.ID})
	<-bar.Reached
	assigned, done := make(chan error, 1), make(chan struct{})
	go func() {
		defer close(done)
		_, err := w.Work.AssignCase(t.Context(), w.Admin, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &ana.ID})
		assigned <- err
	}()
	if !w.Waits(done) {
		t.Error("she got a case while she left")
	}
	close(bar.Open)
	<-ended
	worktest.Refused(t, "the assignment", <-assigned, fault.CodeBadUserInput, "input.assigneeId")
	if got := worktest.Read[model.Case](w.T, w.DB, c.ID); left.CasesLeft != 0 || *got.AssigneeID != w.Admin.User.ID {
		t.Errorf("%d cases are left to her, the case is %s's", left.CasesLeft, got.AssigneeID)
	}
}

func TestARuleDoesNotGiveACaseToWhoIsLeaving(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
	w.rule(rule.CreateRuleInput{Name: "all", Enabled: true, OpensCase: true, Assignment: &rule.AssignmentInput{
		Strategy: model.ToUser, UserID: &ana.ID, FallbackUserID: &bo.ID,
	}})
	bar := w.Gate.Hold(`count(*) FROM "cases"`)
	ended, left := w.leaving(user.UpdateUserInput{ID: ana.ID})
	<-bar.Reached
	var out *casework.SubmitResponsePayload
	done := make(chan struct{})
	go func() {
		defer close(done)
		var err error
		if out, err = w.Work.SubmitResponse(t.Context(), w.Admin, casework.SubmitResponseInput{Score: 3}); err != nil {
			t.Errorf("submit: %v", err)
		}
	}()
	if !w.Waits(done) {
		t.Error("the rule did not wait to see whether she stays")
	}
	close(bar.Open)
	<-ended
	<-done
	if left.CasesLeft != 0 || out == nil || *out.Case.AssigneeID != bo.ID {
		t.Errorf("%d cases are left to her, the case is %+v", left.CasesLeft, out)
	}
}

// Whatever comes first: who is inactive in the end has no case that the answer did not count.
func TestNobodyLeavesWithACaseThatWasNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.User("ana@care.example", model.Agent)
	bo := w.User("bo@care.example", model.Agent)
	w.rule(rule.CreateRuleInput{Name: "detractors", Enabled: true, OpensCase: true, Scores: []int{0}, Assignment: &rule.AssignmentInput{
		Strategy: model.ToUser, UserID: &ana.ID,
	}})
	for round := range 8 {
		cases := []*model.Case{w.Open(bo), w.Open(bo), w.Open(ana)}
		response, err := w.Work.SubmitResponse(t.Context(), w.Admin, casework.SubmitResponseInput{Score: 9})
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
				_, err = w.Work.OpenCase(t.Context(), w.Admin, casework.OpenCaseInput{ResponseID: &response.Response.ID, Note: "They called.", AssigneeID: &ana.ID})
			case i == len(cases)+1:
				if _, err = w.Work.SubmitResponse(t.Context(), w.Admin, casework.SubmitResponseInput{Score: 0}); err != nil {
					t.Errorf("submit: %v", err)
				}
				return
			default:
				in := user.UpdateUserInput{ID: ana.ID, Active: worktest.Given(false)}
				if round%2 == 0 {
					in.ReassignTo = &bo.ID
				}
				if left, err = w.users.Update(t.Context(), w.Admin, in); err != nil {
					t.Errorf("leave: %v", err)
				}
				return
			}
			if err != nil {
				worktest.Refused(t, "to who left", err, fault.CodeBadUserInput, "input.assigneeId")
			}
		})
		if left == nil {
			return
		}
		if n := w.Count("SELECT count(*) FROM cases WHERE assignee_id = $1 AND status <> 'CLOSED'", ana.ID.UUID); n != left.CasesLeft || round%2 == 0 && n != 0 {
			t.Fatalf("round %d: she left with %d cases, the answer says %d", round, n, left.CasesLeft)
		}
		if _, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{ID: ana.ID, ReassignTo: &bo.ID}); err != nil {
			t.Fatal(err)
		}
		w.Must("UPDATE users SET active = true WHERE id = $1", ana.ID.UUID)
	}
}
