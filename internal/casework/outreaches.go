package casework

import (
	"context"
	"fmt"
	"slices"
	"strings"
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
	if err := fault.Join(checkCases("input.caseIds", in.CaseIDs), CheckNote("input.note", in.Note), call.Check(viewer)); err != nil {
		return nil, err
	}
	out := new(RecordOutreachesPayload)
	err := idempotency.Run(ctx, w.Write, viewer, call, func(tx *gorm.DB, now time.Time) ([]model.EventID, error) {
		if err := lockCustomersOf(tx, in.CaseIDs); err != nil {
			return nil, err
		}
		out.Cases = make([]*model.Case, len(in.CaseIDs))
		events := make([]model.EventID, len(in.CaseIDs))
		var unknown []error
		// A case is read when its turn comes: the outreach before may have changed it, if both are of one customer.
		for _, i := range byID(in.CaseIDs) {
			c, err := LockCaseFor(tx, now, viewer, in.CaseIDs[i], nil)
			if fault.Is(err, fault.CodeNotFound) {
				unknown = append(unknown, fault.NotFound(fmt.Sprintf("input.caseIds[%d]", i), "there is no such case"))
			} else if err != nil {
				return nil, err
			}
			if len(unknown) > 0 {
				continue
			}
			note, err := WriteNote(tx, now, c.ID, viewer.User, "input.note", in.Note)
			if err != nil {
				return nil, err
			}
			logged, err := c.outreach(tx, now, viewer.User, *in.Outreach, note)
			if err != nil {
				return nil, err
			}
			out.Cases[i], events[i] = &c.Case, logged.ID
		}
		return events, fault.Join(unknown...)
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

// byID returns the indexes of a list in the order in which its cases are locked.
func byID(ids []model.CaseID) []int {
	order := make([]int, len(ids))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return strings.Compare(ids[a].String(), ids[b].String()) })
	return order
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

// lockCustomersOf locks the customers of these cases, and then all cases of those customers, both by id. All cases are
// needed because a change of a customer records an event on each of the customer's cases; without one order of locks, two
// calls that share a customer would deadlock.
func lockCustomersOf(tx *gorm.DB, ids []model.CaseID) error {
	const customers = "SELECT customer_id FROM cases WHERE id IN ?"
	var locked int64
	err := tx.Raw("SELECT count(*) FROM (SELECT id FROM customers WHERE id IN ("+customers+") ORDER BY id FOR UPDATE) x", ids).Scan(&locked).Error
	if err != nil {
		return fmt.Errorf("lock customers: %w", err)
	}
	err = tx.Raw("SELECT count(*) FROM (SELECT id FROM cases WHERE customer_id IN ("+customers+") ORDER BY id FOR UPDATE) x", ids).Scan(&locked).Error
	return pg.WrapErr("lock customers' cases", err)
}
