package setup_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/setup"
	"github.com/closeloop/closeloop/model"
)

func TestWhoLeavesKeepsTheirCasesAndTheAnswerCountsThem(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana := w.user("ana@care.example", model.Agent)
	open, closed := w.open(ana), w.open(ana)
	w.open(ana)
	w.open(w.admin.User)
	w.close(closed.ID)
	out, err := w.setup.UpdateUser(t.Context(), w.admin, setup.UpdateUserInput{ID: ana.ID, Active: given(false)})
	if err != nil {
		t.Fatal(err)
	}
	if out.CasesLeft != 2 || out.User.Active {
		t.Errorf("%d cases are left: %+v", out.CasesLeft, out.User)
	}
	if c := read[model.Case](w, open.ID); *c.AssigneeID != ana.ID || c.Version != 2 {
		t.Errorf("%+v", c)
	}
}

func TestWhoLeavesHandsTheirCasesOnInTheSameStep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, in := range map[string]setup.UpdateUserInput{
		"inactive": {Active: given(false)}, "looks on": {Role: given(model.Stakeholder)},
	} {
		ana, bo := w.user(name+"-ana@care.example", model.Agent), w.user(name+"-bo@care.example", model.Manager)
		open, working, closed, others := w.open(ana), w.open(ana), w.open(ana), w.open(w.admin.User)
		w.close(closed.ID)
		w.now = w.now.Add(time.Hour)
		before := w.count("SELECT count(*) FROM case_events")
		in.ID, in.ReassignTo = ana.ID, &bo.ID
		out, err := w.setup.UpdateUser(t.Context(), w.admin, in)
		if err != nil {
			t.Fatal(err)
		}
		if out.CasesLeft != 0 {
			t.Errorf("%s: %d cases are left", name, out.CasesLeft)
		}
		for _, id := range []model.CaseID{open.ID, working.ID} {
			c := read[model.Case](w, id)
			if *c.AssigneeID != bo.ID || *c.AssignedByID != w.admin.User.ID || !c.AssignedAt.Equal(w.now) || c.Version != 3 {
				t.Errorf("%s: %+v", name, c)
			}
			var e model.Event
			if err := w.db.Gorm.Where("case_id = ? AND version = 3", id).Take(&e).Error; err != nil {
				t.Fatal(err)
			}
			if e.Type != model.EventAssigned || *e.ActorID != w.admin.User.ID || *e.PreviousAssigneeID != ana.ID || *e.AssigneeID != bo.ID || !e.At.Equal(w.now) {
				t.Errorf("%s: the event %+v", name, e)
			}
		}
		if c := read[model.Case](w, closed.ID); *c.AssigneeID != ana.ID {
			t.Errorf("%s: a closed case was handed on", name)
		}
		if c := read[model.Case](w, others.ID); *c.AssigneeID != w.admin.User.ID {
			t.Errorf("%s: another's case was handed on", name)
		}
		if n := w.count("SELECT count(*) FROM case_events"); n != before+2 {
			t.Errorf("%s: %d events", name, n-before)
		}
		if n := w.count(`SELECT count(*) FROM notifications n JOIN river_job j ON j.args->>'notificationId' = n.id::text WHERE n."to" = $1`, bo.Email); n != 2 {
			t.Errorf("%s: told %d times", name, n)
		}
	}
}

func TestWhoHasLeftLongAgoCanStillHandTheirCasesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, bo := w.user("ana@care.example", model.Agent), w.user("bo@care.example", model.Agent)
	c := w.open(ana)
	w.must("UPDATE users SET active = false WHERE id = $1", ana.ID.UUID)
	out, err := w.setup.UpdateUser(t.Context(), w.admin, setup.UpdateUserInput{ID: ana.ID, ReassignTo: &bo.ID})
	if err != nil || out.CasesLeft != 0 {
		t.Fatalf("%+v: %v", out, err)
	}
	if got := read[model.Case](w, c.ID); *got.AssigneeID != bo.ID {
		t.Errorf("%+v", got)
	}
}

func TestARefusedHandingOnLeavesTheUserActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ana, bo := w.user("ana@care.example", model.Agent), w.user("bo@care.example", model.Agent)
	c := w.open(ana)
	w.must("UPDATE users SET active = false WHERE id = $1", bo.ID.UUID)
	_, err := w.setup.UpdateUser(t.Context(), w.admin, setup.UpdateUserInput{ID: ana.ID, Active: given(false), ReassignTo: &bo.ID})
	refused(t, "to one who left", err, fault.CodeBadUserInput, "input.reassignTo")
	if u := read[model.User](w, ana.ID); !u.Active {
		t.Error("she left all the same")
	}
	if got := read[model.Case](w, c.ID); *got.AssigneeID != ana.ID || got.Version != 2 {
		t.Errorf("%+v", got)
	}
}

func (w *world) close(id model.CaseID) {
	w.t.Helper()
	in := casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Solved."}
	if _, err := w.work.UpdateCaseStatus(w.t.Context(), w.admin, in); err != nil {
		w.t.Fatal(err)
	}
}
