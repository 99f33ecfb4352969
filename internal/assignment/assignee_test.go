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
		// Each case is given by the rule's change and the customer; nobody: the empty address.
		for name, c := range map[string]struct {
			change func(*model.Rule, map[string]*model.User)
			want   string
		}{
			"nobody": {func(*model.Rule, map[string]*model.User) {}, ""},
			"a user": {func(r *model.Rule, by map[string]*model.User) { r.Strategy, r.UserID = model.ToUser, &by["bo"].ID }, "bo"},
			"a user who left, nobody falls back": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID = model.ToUser, &by["left"].ID
			}, ""},
			"a user who left, the fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["left"].ID, &by["cy"].ID
			}, "cy"},
			"a user who only looks on, the fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["looks"].ID, &by["cy"].ID
			}, "cy"},
			"a user who left, and the fallback too": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.UserID, r.FallbackUserID = model.ToUser, &by["left"].ID, &by["left"].ID
			}, ""},
			"the account manager, in any case": {func(r *model.Rule, _ map[string]*model.User) { r.Strategy = model.ToAccountManager }, "bo"},
			"the account manager before the fallback": {func(r *model.Rule, by map[string]*model.User) {
				r.Strategy, r.FallbackUserID = model.ToAccountManager, &by["cy"].ID
			}, "bo"},
			"an agent who left, nobody falls back": {func(r *model.Rule, _ map[string]*model.User) { r.Strategy = model.ToAgent }, ""},
			"an agent who left, the fallback": {func(r *model.Rule, by map[string]*model.User) {
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
						t.Errorf("given to %v by %d events", row.AssigneeID, len(events))
					}
					w.Counts(map[string]int{"notifications": 0})
					return
				}
				id := by[c.want].ID
				if !worktest.Same(row.AssigneeID, &id) || !row.AssignedAt.Equal(worktest.Start) || row.AssignedByID != nil || row.Version != 2 || *out.Case.AssigneeID != id || out.Case.Version != 2 {
					t.Fatalf("given to %v: %+v", row.AssigneeID, row)
				}
				if e := events[0]; e.Type != model.EventOpened || e.Version != 1 || e.AssigneeID != nil || *e.RuleID != rule.ID {
					t.Errorf("the first event: %+v", e)
				}
				if e := events[1]; e.Type != model.EventAssigned || e.Version != 2 || e.ActorID != nil || *e.RuleID != rule.ID || e.PreviousAssigneeID != nil || *e.AssigneeID != id {
					t.Errorf("the second event: %+v", e)
				}
				if opened := worktest.Decoded(t, events[0].Snapshot, nil); opened.Case.AssigneeID != nil || opened.AssigneeName != nil {
					t.Errorf("it was assigned when it was opened: %+v", opened)
				}
				w.Counts(map[string]int{"notifications": 1, "river_job": 1})
			})
		}
	})

	// A customer whose data names nobody, and one whose data name somebody who is no user.
	t.Run("is the fallback when the data name no user", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		cy := w.User("cy@care.example", model.Agent)
		w.Rule("all", func(r *model.Rule) { r.Strategy, r.FallbackUserID = model.ToAccountManager, &cy.ID })
		for name, in := range map[string]*customer.CustomerInput{"nobody": {}, "no user": {AccountManagerEmail: worktest.Given("am@elsewhere.example")}} {
			if c := w.Submit(intake.SubmitResponseInput{Score: 3, Customer: in}).Case; !worktest.Same(c.AssigneeID, &cy.ID) {
				t.Errorf("%s: given to %v", name, c.AssigneeID)
			}
		}
	})
}
