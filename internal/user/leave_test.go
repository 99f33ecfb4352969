package user_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestDeactivate(t *testing.T) {
	t.Parallel()
	t.Run("keeps the cases and counts them", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana := w.User("ana@care.example", model.Agent)
		open, closed := w.Open(ana), w.Open(ana)
		w.Open(ana)
		w.Open(w.Admin.User)
		w.close(closed.ID)
		out, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: ana.ID, Active: worktest.Given(false)})
		if err != nil {
			t.Fatal(err)
		}
		if out.CasesLeft != 2 || out.User.Active {
			t.Errorf("%d cases are left: %+v", out.CasesLeft, out.User)
		}
		if c := worktest.Read[model.Case](w.T, w.DB, open.ID); *c.AssigneeID != ana.ID || c.Version != 2 {
			t.Errorf("%+v", c)
		}
	})

	t.Run("reassigns the cases in the same call", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, in := range map[string]user.UpdateUserInput{
			"inactive": {Active: worktest.Given(false)}, "stakeholder": {Role: worktest.Given(model.Stakeholder)},
		} {
			ana, bo := w.User(name+"-ana@care.example", model.Agent), w.User(name+"-bo@care.example", model.Manager)
			open, working, closed, others := w.Open(ana), w.Open(ana), w.Open(ana), w.Open(w.Admin.User)
			w.close(closed.ID)
			w.Time = w.Time.Add(time.Hour)
			before := w.Count("SELECT count(*) FROM case_events")
			in.UserID, in.ReassignTo = ana.ID, &bo.ID
			out, err := w.users.Update(t.Context(), w.Admin, in)
			if err != nil {
				t.Fatal(err)
			}
			if out.CasesLeft != 0 {
				t.Errorf("%s: %d cases are left", name, out.CasesLeft)
			}
			for _, id := range []model.CaseID{open.ID, working.ID} {
				c := worktest.Read[model.Case](w.T, w.DB, id)
				if *c.AssigneeID != bo.ID || *c.AssignedByID != w.Admin.User.ID || !c.AssignedAt.Equal(w.Time) || c.Version != 3 {
					t.Errorf("%s: %+v", name, c)
				}
				var e model.Event
				if err := w.DB.Gorm.Where("case_id = ? AND version = 3", id).Take(&e).Error; err != nil {
					t.Fatal(err)
				}
				if e.Type != model.EventAssigned || *e.ActorID != w.Admin.User.ID || *e.PreviousAssigneeID != ana.ID || *e.AssigneeID != bo.ID || !e.At.Equal(w.Time) {
					t.Errorf("%s: the event %+v", name, e)
				}
			}
			if c := worktest.Read[model.Case](w.T, w.DB, closed.ID); *c.AssigneeID != ana.ID {
				t.Errorf("%s: a closed case was reassigned", name)
			}
			if c := worktest.Read[model.Case](w.T, w.DB, others.ID); *c.AssigneeID != w.Admin.User.ID {
				t.Errorf("%s: the case of another user was reassigned", name)
			}
			if n := w.Count("SELECT count(*) FROM case_events"); n != before+2 {
				t.Errorf("%s: %d events, want 2", name, n-before)
			}
			if n := w.Count(`SELECT count(*) FROM notifications n JOIN river_job j ON j.args->>'notificationId' = n.id::text WHERE n."to" = $1`, bo.Email); n != 2 {
				t.Errorf("%s: %d mails, want 2", name, n)
			}
		}
	})

	t.Run("reassigns the cases later", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
		c := w.Open(ana)
		w.Must("UPDATE users SET active = false WHERE id = $1", ana.ID.UUID)
		out, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: ana.ID, ReassignTo: &bo.ID})
		if err != nil || out.CasesLeft != 0 {
			t.Fatalf("%+v: %v", out, err)
		}
		if got := worktest.Read[model.Case](w.T, w.DB, c.ID); *got.AssigneeID != bo.ID {
			t.Errorf("%+v", got)
		}
	})

	t.Run("leaves the user active when the reassignment is refused", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		ana, bo := w.User("ana@care.example", model.Agent), w.User("bo@care.example", model.Agent)
		c := w.Open(ana)
		w.Must("UPDATE users SET active = false WHERE id = $1", bo.ID.UUID)
		_, err := w.users.Update(t.Context(), w.Admin, user.UpdateUserInput{UserID: ana.ID, Active: worktest.Given(false), ReassignTo: &bo.ID})
		worktest.Refused(t, "reassignment to an inactive user", err, fault.CodeBadUserInput, "input.reassignTo")
		if u := worktest.Read[model.User](w.T, w.DB, ana.ID); !u.Active {
			t.Error("the user is inactive after a refused update")
		}
		if got := worktest.Read[model.Case](w.T, w.DB, c.ID); *got.AssigneeID != ana.ID || got.Version != 2 {
			t.Errorf("%+v", got)
		}
	})
}

func (w *world) close(id model.CaseID) {
	w.T.Helper()
	in := casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Solved."}
	if _, err := w.Work.UpdateCaseStatus(w.T.Context(), w.Admin, in); err != nil {
		w.T.Fatal(err)
	}
}
