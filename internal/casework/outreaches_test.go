package casework_test

import (
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func campaign(note string, ids ...model.CaseID) casework.RecordOutreachesInput {
	return casework.RecordOutreachesInput{
		CaseIDs: ids, Note: note,
		Outreach: &casework.OutreachInput{Channel: "CAMPAIGN", Offer: new(model.OutreachOffer("VOUCHER")), Outcome: model.MessageSent},
	}
}

func TestRecordOutreaches(t *testing.T) {
	t.Parallel()
	t.Run("records an event and a note on each case", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		a, b := w.Open(nil), w.Open(nil)
		third, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &a.CustomerID}, Note: "Another of theirs."})
		if err != nil {
			t.Fatal(err)
		}
		elsewhere, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &b.CustomerID}, Note: "Not of the campaign."})
		if err != nil {
			t.Fatal(err)
		}
		ids := []model.CaseID{third.Case.ID, b.ID, a.ID}
		out, err := w.Work.RecordOutreaches(t.Context(), w.Agent, campaign("A voucher.", ids...))
		if err != nil {
			t.Fatal(err)
		}
		notes := map[model.NoteID]bool{}
		for i, id := range ids {
			if out.Cases[i].ID != id || out.Cases[i].FirstContactAt == nil || out.Cases[i].FirstFollowUpAt == nil {
				t.Errorf("case %d of the payload is %+v", i, out.Cases[i])
			}
			var outreaches []model.Event
			for _, e := range w.Events(id) {
				if e.Type == model.EventOutreachRecorded {
					outreaches = append(outreaches, e)
				}
			}
			if len(outreaches) != 1 || *outreaches[0].ActorID != w.Agent.User.ID || *outreaches[0].Outcome != model.MessageSent {
				t.Fatalf("the outreach events are %+v, want 1", outreaches)
			}
			note := worktest.Read[model.Note](w.T, w.DB, *outreaches[0].NoteID)
			if note.CaseID != id || note.Body != "A voucher." || notes[note.ID] {
				t.Errorf("the note is %+v", note)
			}
			notes[note.ID] = true
			w.CheckLog(id)
		}
		events := w.Events(elsewhere.Case.ID)
		if last := events[len(events)-1]; last.Type != model.EventDetailsChanged || !slices.Equal(last.Changed, []string{"customer.lastContactedAt"}) {
			t.Errorf("the last event of the customer's other case is %+v", last)
		}
		w.CheckLog(elsewhere.Case.ID)
	})

	t.Run("changes all cases or none", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		a, b := w.Open(nil).ID, w.Open(nil).ID
		before := w.Fingerprint()
		for argument, in := range map[string]casework.RecordOutreachesInput{
			"input.caseIds":    campaign("A voucher."),
			"input.caseIds[2]": campaign("A voucher.", a, b, a),
			"input.note":       campaign(" ", a, b),
		} {
			_, err := w.Work.RecordOutreaches(t.Context(), w.Agent, in)
			worktest.Refused(t, argument, err, fault.CodeBadUserInput, argument)
		}
		many := make([]model.CaseID, 501)
		for i := range many {
			many[i] = model.CaseID{UUID: model.NewUUID()}
		}
		_, err := w.Work.RecordOutreaches(t.Context(), w.Agent, campaign("A voucher.", many...))
		worktest.Refused(t, "501 cases", err, fault.CodeBadUserInput, "input.caseIds")
		_, err = w.Work.RecordOutreaches(t.Context(), w.Agent, campaign("A voucher.", a, many[0], b))
		worktest.Refused(t, "an unknown case", err, fault.CodeNotFound, "input.caseIds[1]")
		if after := w.Fingerprint(); after != before {
			t.Errorf("a refused call changed the database: the fingerprint was %s and is %s", before, after)
		}
	})

	t.Run("refuses cases outside of the scope", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		own := auth.Viewer{User: w.User("own@care.example", model.Agent, func(u *model.User) { u.OwnCasesOnly = true })}
		mine, other := w.Open(nil).ID, w.Open(nil).ID
		if _, err := w.Work.AssignCase(t.Context(), w.Agent, casework.AssignCaseInput{CaseID: mine, AssigneeID: &own.User.ID}); err != nil {
			t.Fatal(err)
		}
		before := w.Fingerprint()
		_, err := w.Work.RecordOutreaches(t.Context(), own, campaign("A voucher.", mine, other))
		worktest.Refused(t, "a case of another user", err, fault.CodeNotFound, "input.caseIds[1]")
		if after := w.Fingerprint(); after != before {
			t.Errorf("a refused call changed the database: the fingerprint was %s and is %s", before, after)
		}
		if _, err := w.Work.RecordOutreaches(t.Context(), own, campaign("A voucher.", mine)); err != nil {
			t.Error(err)
		}
	})

	t.Run("does not deadlock on shared cases and customers", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var ids []model.CaseID
		for range 4 {
			c := w.Open(nil)
			other, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &c.CustomerID}, Note: "Another."})
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, c.ID, other.Case.ID)
		}
		const calls = 6
		worktest.AtOnce(calls, func(i int) {
			list := slices.Clone(ids[i%2 : 5+i%3])
			if i%2 == 1 {
				slices.Reverse(list)
			}
			if _, err := w.Work.RecordOutreaches(t.Context(), w.Agent, campaign("A voucher.", list...)); err != nil {
				t.Error(err)
			}
		})
		if w.Deadlocks.Load() > 0 {
			t.Errorf("got %d deadlocks, want 0", w.Deadlocks.Load())
		}
		for _, id := range ids {
			w.CheckLog(id)
		}
	})
}
