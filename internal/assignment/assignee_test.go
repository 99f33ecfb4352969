package assignment_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestAssignee(t *testing.T) {
	t.Parallel()
	t.Run("is the user whom the strategy finds", func(t *testing.T) {
		t.Parallel()
		// want is a key of the map of users; empty means that the case stays unassigned.
		for name, c := range map[string]struct {
			change func(*model.Rule, map[string]*model.User)
			want   string
		}{
			"UNASSIGNED": {func(*model.Rule, map[string]*model.User) {}, ""},
			"a user":     {func(r *model.Rule, by map[string]*model.User) { r.Strategy, r.UserID = model.ToUser, &by["bo"].ID }, "bo"},
			"an inactive user without a fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID = model.ToUser, &by["left"].ID
			}, ""},
			"an inactive user with a fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["left"].ID, &by["cy"].ID
			}, "cy"},
			"a stakeholder with a fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["looks"].ID, &by["cy"].ID
			}, "cy"},
			"an inactive user with an inactive fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["left"].ID, &by["left"].ID
			}, ""},
			"the account manager, without regard to case": {func(r *model.Rule, _ map[string]*model.User) { r.Strategy = model.ToAccountManager }, "bo"},
			"the account manager before the fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.FallbackUserID = model.ToAccountManager, &by["cy"].ID
			}, "bo"},
			"an inactive agent without a fallback": {func(r *model.Rule, _ map[string]*model.User) { r.Strategy = model.ToAgent }, ""},
			"an inactive agent with a fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.FallbackUserID = model.ToAgent, &by["cy"].ID
			}, "cy"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				by := map[string]*model.User{
					"bo": w.User("Bo@Care.example", model.Agent), "cy": w.User("cy@care.example", model.Manager),
					"left": w.User("left@care.example", model.Agent, worktest.Inactive), "looks": w.User("looks@care.example", model.Stakeholder),
				}
				rule := w.Rule("all", func(r *model.Rule) { c.change(r, by) })
				out := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{
					AccountManagerEmail: worktest.Given("bo@CARE.example"), AgentEmail: worktest.Given("left@care.example"),
				}})
				events, row := w.Events(out.Case.ID), worktest.Read[model.Case](w.T, w.DB, out.Case.ID)
				w.CheckLog(out.Case.ID)
				if c.want == "" {
					if row.AssigneeID != nil || row.AssignedAt != nil || len(events) != 1 || row.Version != 1 {
						t.Errorf("the case is assigned to %v and has %d events, want no assignee and 1 event", row.AssigneeID, len(events))
					}
					w.Counts(map[string]int{"notifications": 0})
					return
				}
				id := by[c.want].ID
				if !worktest.Same(row.AssigneeID, &id) || !row.AssignedAt.Equal(worktest.Start) || row.AssignedByID != nil || row.Version != 2 || *out.Case.AssigneeID != id || out.Case.Version != 2 {
					t.Fatalf("the case is assigned to %v: %+v", row.AssigneeID, row)
				}
				if e := events[0]; e.Type != model.EventOpened || e.Version != 1 || e.AssigneeID != nil || *e.RuleID != rule.ID {
					t.Errorf("the first event is %+v", e)
				}
				if e := events[1]; e.Type != model.EventAssigned || e.Version != 2 || e.ActorID != nil || *e.RuleID != rule.ID || e.PreviousAssigneeID != nil || *e.AssigneeID != id {
					t.Errorf("the second event is %+v", e)
				}
				if opened := worktest.Decoded(t, events[0].Snapshot, nil); opened.Case.AssigneeID != nil || opened.AssigneeName != nil {
					t.Errorf("the snapshot of OPENED has an assignee: %+v", opened)
				}
				w.Counts(map[string]int{"notifications": 1, "river_job": 1})
			})
		}
	})

	// One customer has no account manager; the account manager of the other is not a user.
	t.Run("is the fallback when the data name no user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		cy := w.User("cy@care.example", model.Agent)
		w.Rule("all", func(r *model.Rule) { r.Strategy, r.FallbackUserID = model.ToAccountManager, &cy.ID })
		for name, in := range map[string]*customer.CustomerInput{"missing": {}, "not a user": {AccountManagerEmail: worktest.Given("am@elsewhere.example")}} {
			if c := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: in}).Case; !worktest.Same(c.AssigneeID, &cy.ID) {
				t.Errorf("account manager is %s: the case is assigned to %v, want the fallback", name, c.AssigneeID)
			}
		}
	})
}
