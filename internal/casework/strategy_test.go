package casework_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/model"
)

// choosing makes a rule that chooses among users.
func (w *world) choosing(strategy model.AssignmentStrategy, users ...*model.User) *model.Rule {
	w.t.Helper()
	r := w.rule(string(strategy), func(r *model.Rule) { r.Strategy = strategy })
	for i, u := range users {
		w.create(&model.Assignee{RuleID: r.ID, Ordinal: i, UserID: u.ID})
	}
	return r
}

func (w *world) casesOf(u *model.User) int {
	w.t.Helper()
	return w.count("SELECT count(*) FROM cases WHERE assignee_id = $1", u.ID.UUID)
}

func TestRoundRobinTakesTurnsAlsoWhenManyComeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b, c := w.user("a@example.com", model.Agent), w.user("b@example.com", model.Agent), w.user("c@example.com", model.Manager)
	w.choosing(model.RoundRobin, a, b, c)
	for _, want := range []*model.User{a, b, c, a} {
		if got := w.submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != want.ID {
			t.Fatalf("it went to %v, not to %s", got.AssigneeID, want.Email)
		}
	}
	atOnce(32, func(int) { w.submit(intake.SubmitResponseInput{Score: 1}) })
	if a, b, c := w.casesOf(a), w.casesOf(b), w.casesOf(c); a != 12 || b != 12 || c != 12 {
		t.Errorf("%d, %d and %d cases", a, b, c)
	}
}

func TestRoundRobinPassesOverWhoIsNotActive(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, gone, c := w.user("a@example.com", model.Agent), w.user("gone@example.com", model.Agent, inactive), w.user("c@example.com", model.Agent)
	w.choosing(model.RoundRobin, a, gone, c)
	for range 6 {
		w.submit(intake.SubmitResponseInput{Score: 1})
	}
	if a, none, c := w.casesOf(a), w.casesOf(gone), w.casesOf(c); a != 3 || none != 0 || c != 3 {
		t.Errorf("%d, %d and %d cases", a, none, c)
	}
}

func TestATurnThatWasRolledBackIsNotLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.user("a@example.com", model.Agent), w.user("b@example.com", model.Agent)
	r := w.choosing(model.RoundRobin, a, b)
	w.must("ALTER TABLE notifications ADD CONSTRAINT refuse CHECK (false)")
	if _, err := intake.New(w.work).Submit(t.Context(), w.agent, intake.SubmitResponseInput{Score: 1}); err == nil {
		t.Fatal("the response went in")
	}
	w.must("ALTER TABLE notifications DROP CONSTRAINT refuse")
	if turn := w.count("SELECT turn FROM rules WHERE id = $1", r.ID.UUID); turn != 0 {
		t.Errorf("%d turns are taken", turn)
	}
	if got := w.submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != a.ID {
		t.Error("the first turn was lost")
	}
}

func TestLeastBusyEvensOutAlsoWhenManyComeAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	busy, idle, third := w.user("busy@example.com", model.Agent), w.user("idle@example.com", model.Agent), w.user("third@example.com", model.Agent)
	for range 6 {
		c := w.open()
		if _, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: c.ID, AssigneeID: &busy.ID}); err != nil {
			t.Fatal(err)
		}
	}
	done := w.open()
	if _, err := w.work.AssignCase(t.Context(), w.agent, casework.AssignCaseInput{CaseID: done.ID, AssigneeID: &idle.ID}); err != nil {
		t.Fatal(err)
	}
	w.move(done.ID, model.Closed) // a closed case is no load

	w.choosing(model.LeastBusy, busy, idle, third)
	if got := w.submit(intake.SubmitResponseInput{Score: 1}).Case; *got.AssigneeID != idle.ID {
		t.Errorf("the first of those who have none is passed over")
	}
	atOnce(23, func(int) { w.submit(intake.SubmitResponseInput{Score: 1}) })
	if a, b, c := w.casesOf(busy), w.casesOf(idle)-1, w.casesOf(third); a != 10 || b != 10 || c != 10 {
		t.Errorf("%d, %d and %d cases", a, b, c)
	}
}

func TestWhereNobodyCanBeChosenTheFallbackGetsTheCase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gone, fallback := w.user("gone@example.com", model.Agent, inactive), w.user("fallback@example.com", model.Agent)
	r := w.choosing(model.LeastBusy, gone)
	w.must("UPDATE rules SET fallback_user_id = $1 WHERE id = $2", fallback.ID.UUID, r.ID.UUID)
	if got := w.submit(intake.SubmitResponseInput{Score: 1}).Case; got.AssigneeID == nil || *got.AssigneeID != fallback.ID {
		t.Errorf("it went to %v", got.AssigneeID)
	}
}
