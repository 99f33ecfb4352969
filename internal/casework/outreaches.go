package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// RecordOutreachesInput is one outreach for several cases. Each case gets a note of its own with the same text.
type RecordOutreachesInput struct {
	CaseIDs        []model.CaseID
	Outreach       *OutreachInput
	Note           string
	IdempotencyKey *string
}

// RecordOutreachesPayload is the cases, in the order of the input.
type RecordOutreachesPayload struct{ Cases []*model.Case }

// RecordOutreaches records the same outreach on several cases (a campaign, a voucher, a panel invitation), each with its
// own event and its own note: on all of them or on none.
func (w *Work) RecordOutreaches(ctx context.Context, viewer auth.Viewer, in RecordOutreachesInput) (*RecordOutreachesPayload, error) {
	call := idempotency.Call{Mutation: "recordOutreaches", Key: in.IdempotencyKey, Input: in}
	ofNote, ofKey := CheckNote("input.note", in.Note), call.Check(viewer)
	if n := len(in.CaseIDs); n < 1 || n > casesMax || ofKey != nil {
		return nil, fault.Join(checkCases("input.caseIds", in.CaseIDs), ofNote, ofKey)
	}
	out := new(RecordOutreachesPayload)
	err := idempotency.Run(ctx, w.Write, viewer, call, func(tx *gorm.DB, now time.Time) ([]model.EventID, error) {
		p := pg.NewPipeline(tx)
		locked := addLockWithCustomers(p, now, viewer, in.CaseIDs)
		if err := p.Send(); err != nil {
			return nil, err
		}
		cases, err := locked()
		if err != nil {
			return nil, err
		}
		out.Cases = make([]*model.Case, len(in.CaseIDs))
		events := make([]model.EventID, len(in.CaseIDs))
		changes := w.Changes()
		faults := []error{checkCases("input.caseIds", in.CaseIDs), ofNote}
		for i, id := range in.CaseIDs {
			c := cases[id]
			if c == nil {
				faults = append(faults, inCases(i, noSuchCase()))
				continue
			}
			logged := changes.outreach(c, viewer.User, *in.Outreach, changes.Note(c, viewer.User, in.Note))
			out.Cases[i], events[i] = &c.Case, logged.ID
		}
		if err := fault.Join(faults...); err != nil {
			return nil, err
		}
		return events, w.Save(tx, changes)
	}, func(tx *gorm.DB, events []model.EventID) (err error) {
		out.Cases = make([]*model.Case, len(events))
		for i, id := range events {
			if out.Cases[i], _, err = w.reloadNamed(tx, viewer, id); err != nil {
				return inCases(i, err)
			}
		}
		return nil
	})
	return payload(out, err)
}

// inCases names the case in a NOT_FOUND.
func inCases(i int, err error) error {
	if fault.Is(err, fault.CodeNotFound) {
		return fault.NotFound(fmt.Sprintf("input.caseIds[%d]", i), "there is no such case")
	}
	return err
}

// checkCases returns an error where a list of cases is empty or too long, or has a case twice.
func checkCases(argument string, ids []model.CaseID) error {
	if n := len(ids); n < 1 || n > casesMax {
		return fault.Input(argument, "give from 1 to %d cases, not %d", casesMax, n)
	}
	return checkTwice(argument+"[%d]", ids)
}

// checkTwice returns an error for each case that a list has already. argument is the path of a case, with %d for its index.
func checkTwice(argument string, ids []model.CaseID) error {
	seen := make(map[model.CaseID]bool, len(ids))
	var faults []error
	for i, id := range ids {
		if seen[id] {
			faults = append(faults, fault.Input(fmt.Sprintf(argument, i), fault.ListedTwice, "this case"))
		}
		seen[id] = true
	}
	return fault.Join(faults...)
}
