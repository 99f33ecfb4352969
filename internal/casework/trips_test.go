package casework_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// Each wait for the database may cost a time slice of a busy machine, so each mutation has as few as it can.
func TestWaitsOfAMutation(t *testing.T) {
	t.Parallel()
	var counter pgtest.Counter
	w := newWorld(t, pgtest.WithTracer(&counter))
	w.Log.Close() // its NOTIFY would be counted
	other := w.User("olga@care.example", model.Agent)
	id := w.Open(nil).ID
	scoped := auth.Viewer{User: w.User("part@care.example", model.Agent, func(u *model.User) { u.ScopeCustomer = json.RawMessage(`{"company": {"isNull": true}}`) })}
	note := func(viewer auth.Viewer, key *string) func() error {
		return func() error {
			_, err := w.Work.AddNote(t.Context(), viewer, casework.AddNoteInput{CaseID: id, Body: "They moved.", IdempotencyKey: key})
			return err
		}
	}
	assign := func(to *model.UserID) func() error {
		return func() error {
			_, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: id, AssigneeID: to, Note: new("Yours.")})
			return err
		}
	}
	many := []model.CaseID{id}
	var versions []*casework.CaseVersionInput
	for range 30 {
		many = append(many, w.Open(nil).ID)
	}
	for _, id := range many {
		versions = append(versions, &casework.CaseVersionInput{CaseID: id})
	}
	if err := assign(&other.ID)(); err != nil { // so that there is something to take back
		t.Fatal(err)
	}
	for _, c := range []struct {
		name  string
		waits int
		call  func() error
	}{
		{"addNote", 2, note(w.Agent, nil)},
		{"addNote within a scope", 2, note(scoped, nil)},
		{"addNote with a key", 3, note(w.Agent, new("k-1"))},
		{"assignCase to nobody", 2, assign(nil)},
		{"assignCase with its mail", 2, assign(&other.ID)},
		{"recordOutreach", 3, func() error {
			_, err := w.Work.RecordOutreach(t.Context(), w.Agent, casework.RecordOutreachInput{CaseID: id, Outreach: worktest.Phone(model.Reached), Note: "Hello."})
			return err
		}},
		{"recordOutreaches on 31 cases", 6, func() error {
			_, err := w.Work.RecordOutreaches(t.Context(), w.Agent, campaign("A voucher.", many...))
			return err
		}},
		{"assignCases, 31 of them", 5, func() error {
			_, err := w.Work.AssignCases(t.Context(), w.Agent, casework.AssignCasesInput{Cases: versions, AssigneeID: &w.Agent.User.ID, Note: new("Yours.")})
			return err
		}},
		{"updateCaseStatus", 2, func() error {
			_, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, casework.UpdateCaseStatusInput{CaseID: id, Status: model.InProgress, Note: "Mine."})
			return err
		}},
	} {
		counter.Reset()
		if err := c.call(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if counter.Trips() > c.waits {
			t.Errorf("%s waits %d times for the database:\n%s", c.name, counter.Trips(), strings.Join(counter.Statements(), "\n"))
		}
	}
	w.CheckLog(id)
}

// A call that waits for a case's lock sees what the other call has done to the case and to the rows around it.
func TestLockedCaseIsReadAfterTheWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Open(nil).ID
	theme := w.Theme("Seats")
	ended := make(chan struct{})
	err := w.DB.Tx(t.Context(), func(tx *gorm.DB) error {
		c, err := casework.LockCase(tx, id, nil)
		if err != nil {
			return err
		}
		go func() {
			defer close(ended)
			if _, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: id, Body: "Called."}); err != nil {
				t.Error(err)
			}
		}()
		if !w.Waits(ended) {
			t.Error("the second call did not wait")
		}
		return errors.Join(
			tx.Exec("UPDATE cases SET version = 7 WHERE id = ?", id).Error,
			tx.Exec("UPDATE customers SET first_name = 'Renamed' WHERE id = ?", c.CustomerID).Error,
			tx.Exec("INSERT INTO response_themes (response_id, theme_id) VALUES (?, ?)", c.ResponseID, theme.ID).Error,
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	<-ended
	events := w.Events(id)
	s := worktest.Decoded(t, events[len(events)-1].Snapshot, nil)
	if s.Case.Version != 8 || s.Customer.FirstName == nil || *s.Customer.FirstName != "Renamed" || len(s.Themes) != 1 {
		t.Errorf("the second call wrote version %d, the customer %v and %d themes", s.Case.Version, s.Customer.FirstName, len(s.Themes))
	}
}
