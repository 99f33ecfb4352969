package casework_test

import (
	"slices"
	"testing"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestFaultsOfACallComeTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	known, unknown := w.Open(nil).ID, model.CaseID{UUID: model.NewUUID()}
	stranger := model.CustomerID{UUID: model.NewUUID()}
	for name, c := range map[string]struct {
		call func() error
		want []string
	}{
		"addNote": {func() error {
			_, err := w.Work.AddNote(t.Context(), w.Agent, casework.AddNoteInput{CaseID: unknown, Body: " "})
			return err
		}, []string{"input.caseId", "input.body"}},
		"recordOutreach": {func() error {
			_, err := w.Work.RecordOutreach(t.Context(), w.Agent, casework.RecordOutreachInput{CaseID: known, Outreach: worktest.Phone(model.Reached), Note: " ", ExpectedVersion: new(99)})
			return err
		}, []string{"input.expectedVersion", "input.note"}},
		"recordOutreaches": {func() error {
			_, err := w.Work.RecordOutreaches(t.Context(), w.Agent, campaign(" ", known, unknown, known))
			return err
		}, []string{"input.caseIds[2]", "input.note", "input.caseIds[1]"}},
		"recordReply": {func() error {
			_, err := w.Work.RecordReply(t.Context(), w.Agent, casework.RecordReplyInput{CaseID: unknown, Note: new(" "), Improvement: new("")})
			return err
		}, []string{"input.caseId", "input.note", "input.improvement"}},
		"openCase": {func() error {
			_, err := w.Work.OpenCase(t.Context(), w.Agent, casework.OpenCaseInput{Subject: casework.CaseSubjectInput{CustomerID: &stranger}, Note: " "})
			return err
		}, []string{"input.subject.customerId", "input.note"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range fault.All(c.call()) {
				got = append(got, f.Argument)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("the faults are of %q, want %q", got, c.want)
			}
		})
	}
}
