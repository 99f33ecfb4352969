package casework_test

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

// A call may have waited long for a case, and servers' clocks differ. The times of a case go on nevertheless.
func TestTimesOfACaseDoNotGoBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.Open(nil).ID
	reach := func() *model.Case {
		out, err := w.Work.RecordOutreach(t.Context(), w.Agent, casework.RecordOutreachInput{CaseID: id, Outreach: worktest.Phone(model.Reached), Note: "Hello."})
		if err != nil {
			t.Fatal(err)
		}
		return out.Case
	}
	w.Later(time.Hour)
	first := w.Now()
	reach()
	w.Later(-time.Minute)
	last := reach()
	if _, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: id, Body: "They moved."}); err != nil {
		t.Fatal(err)
	}
	events := w.Events(id)
	for i := 1; i < len(events); i++ {
		if events[i].At.Before(events[i-1].At) {
			t.Errorf("event %d is of %s, the one before it of %s", i, events[i].At, events[i-1].At)
		}
	}
	customer := worktest.Read[model.Customer](w.T, w.DB, last.CustomerID)
	if !last.FirstContactAt.Equal(first) || !customer.LastContactedAt.Equal(first) || last.UpdatedAt.Before(first) {
		t.Errorf("first contact %s, last contact %s, last change %s; want %s", last.FirstContactAt, customer.LastContactedAt, last.UpdatedAt, first)
	}
	w.CheckLog(id)
}
