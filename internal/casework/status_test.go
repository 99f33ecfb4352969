package casework_test

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestUpdateCaseStatus(t *testing.T) {
	t.Parallel()
	t.Run("changes the status with a note", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		w.Later(time.Hour)
		out, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, casework.UpdateCaseStatusInput{
			CaseID: id, Status: model.InProgress, Note: "Called them.", ExpectedVersion: new(1),
		})
		if err != nil {
			t.Fatal(err)
		}
		for where, c := range map[string]*model.Case{"payload": out.Case, "database": worktest.Read[model.Case](w.T, w.DB, id)} {
			if c.Status != model.InProgress || c.Version != 2 || !c.UpdatedAt.Equal(w.Now()) || !c.FirstFollowUpAt.Equal(w.Now()) || c.ClosedAt != nil {
				t.Errorf("the case in the %s is %+v", where, c)
			}
		}
		e := w.Events(id)[1]
		if e.Type != model.EventStatusChanged || *e.PreviousStatus != model.Open || *e.Status != model.InProgress || *e.ActorID != w.Agent.User.ID ||
			!e.At.Equal(w.Now()) || e.ID != out.Event.ID {
			t.Errorf("the event is %+v", e)
		}
		if note := worktest.Read[model.Note](w.T, w.DB, *e.NoteID); note.Body != "Called them." || note.CaseID != id || note.AuthorID != w.Agent.User.ID || !note.CreatedAt.Equal(w.Now()) {
			t.Errorf("the note is %+v", note)
		}
		w.CheckLog(id)
	})

	t.Run("keeps the first follow-up through reopening", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		hour := func(n int) time.Time { return worktest.Start.Add(time.Duration(n) * time.Hour) }
		for n, step := range []struct {
			to       model.CaseStatus
			closed   bool
			reopened int
		}{
			{model.Closed, true, 0}, {model.InProgress, false, 1}, {model.Closed, true, 1}, {model.Open, false, 2}, {model.InProgress, false, 2}, {model.Open, false, 2},
		} {
			w.Later(time.Hour)
			w.Move(id, step.to)
			c := worktest.Read[model.Case](w.T, w.DB, id)
			if c.Status != step.to || c.ReopenCount != step.reopened || !c.FirstFollowUpAt.Equal(hour(1)) || c.Version != n+2 {
				t.Errorf("after move %d the case is %+v", n+1, c)
			}
			if (c.ClosedAt != nil) != step.closed || step.closed && !c.ClosedAt.Equal(w.Now()) {
				t.Errorf("after move %d the case is closed at %v", n+1, c.ClosedAt)
			}
		}
		w.CheckLog(id)
	})

	t.Run("refuses bad input and changes nothing", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		to := func(status model.CaseStatus, note string) casework.UpdateCaseStatusInput {
			return casework.UpdateCaseStatusInput{CaseID: id, Status: status, Note: note}
		}
		expecting := to(model.Closed, "Called them.")
		expecting.ExpectedVersion = new(2)
		elsewhere := to(model.Closed, "Called them.")
		elsewhere.CaseID = model.CaseID{UUID: model.NewUUID()}
		for name, c := range map[string]struct {
			code     fault.Code
			argument string
			in       casework.UpdateCaseStatusInput
		}{
			"no note":                 {fault.CodeBadUserInput, "input.note", to(model.Closed, "")},
			"a blank note":            {fault.CodeBadUserInput, "input.note", to(model.Closed, "   ")},
			"a note of white space":   {fault.CodeBadUserInput, "input.note", to(model.Closed, "\r\n\t\u00a0\u2003\u3000")},
			"a note that is too long": {fault.CodeBadUserInput, "input.note", to(model.Closed, strings.Repeat("ß", 20_001))},
			"the same status":         {fault.CodeConflict, "input.status", to(model.Open, "Called them.")},
			"another version":         {fault.CodeConflict, "input.expectedVersion", expecting},
			"no such case":            {fault.CodeNotFound, "input.caseId", elsewhere},
		} {
			out, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, c.in)
			worktest.Refused(t, name, err, c.code, c.argument)
			if out != nil {
				t.Errorf("%s: the payload is %+v, want none", name, out)
			}
		}
		w.Counts(map[string]int{"case_events": 1, "notes": 1})
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Status != model.Open || c.Version != 1 || c.FirstFollowUpAt != nil {
			t.Errorf("the case is %+v", c)
		}
		if _, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, to(model.Closed, strings.Repeat("ß", 20_000))); err != nil {
			t.Errorf("a note of the maximum length was refused: %v", err)
		}
	})

	t.Run("allows no skipped status when the order is forced", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		w.Must("UPDATE settings SET forced_status_order = true")
		closing := casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Called them."}
		_, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, closing)
		worktest.Refused(t, "from open to closed", err, fault.CodeBadUserInput, "input.status")
		w.Counts(map[string]int{"case_events": 1, "notes": 1})

		w.Move(id, model.InProgress)
		w.Move(id, model.Closed)
		w.Move(id, model.Open)
		_, err = w.Work.UpdateCaseStatus(t.Context(), w.Agent, closing)
		worktest.Refused(t, "from reopened to closed", err, fault.CodeBadUserInput, "input.status")
		w.Move(id, model.InProgress)
		w.Move(id, model.Open)

		w.Must("UPDATE settings SET forced_status_order = false")
		w.Move(id, model.Closed)
	})

	t.Run("lets one of many callers at once succeed", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		for name, c := range map[string]struct {
			version  *int
			argument string
		}{"with its version": {new(1), "input.expectedVersion"}, "without": {nil, "input.status"}} {
			id := w.Open(nil).ID
			moved := make(chan int, 12)
			worktest.AtOnce(cap(moved), func(i int) {
				in := casework.UpdateCaseStatusInput{CaseID: id, Status: model.Closed, Note: "Called them.", ExpectedVersion: c.version}
				out, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, in)
				if err == nil {
					moved <- out.Case.Version
					return
				}
				worktest.Refused(t, name, err, fault.CodeConflict, c.argument)
			})
			if len(moved) != 1 {
				t.Errorf("%s: %d calls changed the status, want 1", name, len(moved))
			}
			if row := worktest.Read[model.Case](w.T, w.DB, id); row.Status != model.Closed || row.Version != 2 || row.ReopenCount != 0 {
				t.Errorf("%s: the case is %+v", name, row)
			}
			if n := w.Count("SELECT count(*) FROM notes WHERE case_id = $1", id.UUID); n != 2 {
				t.Errorf("%s: got %d notes, want 2", name, n)
			}
			w.CheckLog(id)
		}
	})

	t.Run("logs all of many changes at once", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		id := w.Open(nil).ID
		moved := make(chan model.CaseStatus, 18)
		worktest.AtOnce(cap(moved), func(i int) {
			to := []model.CaseStatus{model.Open, model.InProgress, model.Closed}[i%3]
			_, err := w.Work.UpdateCaseStatus(t.Context(), w.Agent, casework.UpdateCaseStatusInput{CaseID: id, Status: to, Note: "Called them."})
			if err == nil {
				moved <- to
				return
			}
			worktest.Refused(t, "the same status", err, fault.CodeConflict, "input.status")
		})
		events, last, reopened := w.Events(id), model.Open, 0
		if len(events) != len(moved)+1 {
			t.Errorf("got %d events after %d changes, want one for each and OPENED", len(events), len(moved))
		}
		for _, e := range events[1:] {
			if *e.PreviousStatus != last {
				t.Errorf("the previous status of event %d is %s, want %s", e.Version, *e.PreviousStatus, last)
			}
			if last == model.Closed {
				reopened++
			}
			last = *e.Status
		}
		if c := worktest.Read[model.Case](w.T, w.DB, id); c.Status != last || c.ReopenCount != reopened || c.Version != len(events) {
			t.Errorf("the case is %+v", c)
		}
		w.CheckLog(id)
	})
}
