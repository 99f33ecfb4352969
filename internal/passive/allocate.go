package passive

import (
	"context"
	"fmt"
	"math"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// allocationLock makes allocations run one at a time.
const allocationLock pg.AdvisoryLock = "closeloop allocation"

const allocateMax = 5000 // the most cases in one transaction, which writes two events for each case

// AllocatePassivesInput assigns a share of the passives' queue to users.
type AllocatePassivesInput struct {
	Percent        float64
	UserIDs        []model.UserID
	Filter         *filter.Response
	PrioritizeBy   []Priority
	Segments       []string
	Note           *string
	IdempotencyKey *string
}

// AllocatePassivesPayload is the cases that were assigned, in the order of the queue.
type AllocatePassivesPayload struct {
	Cases      []*model.Case
	Considered int
	Allocated  int
}

// Allocator assigns passives to users.
type Allocator struct{ work *casework.Work }

// NewAllocator makes the allocator.
func NewAllocator(work *casework.Work) *Allocator { return &Allocator{work} }

// Allocate assigns a share of the passives' queue to users in turn: the first response to the first user, and so on. An
// assigned response leaves the queue. One allocation runs at a time, so that no response is assigned twice. Allocate skips
// a customer whose row another transaction has locked.
func (p *Allocator) Allocate(ctx context.Context, viewer auth.Viewer, in AllocatePassivesInput) (*AllocatePassivesPayload, error) {
	call := idempotency.Call{Mutation: "allocatePassives", Key: in.IdempotencyKey, Input: in}
	order, err := in.check()
	if err := fault.Join(err, call.Check(viewer)); err != nil {
		return nil, err
	}
	out := new(AllocatePassivesPayload)
	type stored struct {
		Events     []model.EventID // of the assignments
		Considered int
	}
	err = idempotency.Run(ctx, p.work.Write, viewer, call, func(tx *gorm.DB, now time.Time) (s stored, err error) {
		*out = AllocatePassivesPayload{Cases: []*model.Case{}}
		if err := allocationLock.Lock(tx); err != nil {
			return s, fmt.Errorf("wait for another allocation: %w", err)
		}
		a := &allocation{work: p.work, tx: tx, now: now, viewer: viewer, in: in, order: order}
		if out.Considered, err = a.count(); err != nil {
			return s, err
		}
		s.Considered = out.Considered
		out.Cases, s.Events, err = a.assignShare(share(out.Considered, in.Percent))
		out.Allocated = len(out.Cases)
		return s, err
	}, func(tx *gorm.DB, s stored) (err error) {
		*out = AllocatePassivesPayload{Cases: make([]*model.Case, len(s.Events)), Considered: s.Considered, Allocated: len(s.Events)}
		for i, id := range s.Events {
			if out.Cases[i], _, err = p.work.ReloadMoved(tx, viewer, "input.idempotencyKey", id); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (in AllocatePassivesInput) check() (Order, error) {
	var faults []error
	if math.IsNaN(in.Percent) || in.Percent <= 0 || in.Percent > 100 {
		faults = append(faults, fault.Input("input.percent", "percent must be more than 0 and at most 100"))
	}
	if len(in.UserIDs) == 0 || len(in.UserIDs) > usersMax {
		faults = append(faults, fault.Input("input.userIds", "give from 1 to %d users, not %d", usersMax, len(in.UserIDs)))
	}
	for i, id := range in.UserIDs[:min(len(in.UserIDs), usersMax)] {
		if slices.Contains(in.UserIDs[:i], id) {
			faults = append(faults, fault.Input(fmt.Sprintf("input.userIds[%d]", i), fault.ListedTwice, "this user"))
		}
	}
	if in.Note != nil {
		faults = append(faults, casework.CheckNote("input.note", *in.Note))
	}
	order, err := NewOrder(in.PrioritizeBy, in.Segments)
	return order, fault.Join(append(faults, fault.WithPath("input", err))...)
}

const usersMax = 100

// share returns the percentage of the queue, rounded down but at least one row. It adds a millionth of a row before it
// rounds, because binary floating point may put a whole result a little below the integer: 7 % of 100 must be 7.
func share(considered int, percent float64) int {
	return min(considered, max(1, int(math.Floor(float64(considered)*percent/100+1e-6))))
}

// allocation is one transaction that assigns a share of the queue.
type allocation struct {
	work   *casework.Work
	tx     *gorm.DB
	now    time.Time
	viewer auth.Viewer
	in     AllocatePassivesInput
	order  Order
}

// queue selects the rows that may be assigned: the viewer sees the response, and its case if there is one.
func (a *allocation) queue() *gorm.DB {
	scope := a.viewer.Scope()
	rows := a.tx.Table("passives").Joins("JOIN responses ON responses.id = passives.response_id").
		Where("NOT passives.taken").Where(scope.Responses(a.now)).Where(a.in.Filter.Where(a.now))
	if scope.Restricted() {
		rows = rows.Where("NOT EXISTS (SELECT 1 FROM cases WHERE cases.response_id = responses.id AND (?) IS NOT TRUE)", scope.Cases(a.now))
	}
	return rows
}

// count returns how many rows may be assigned.
func (a *allocation) count() (int, error) {
	var n int64
	err := a.queue().Count(&n).Error
	return int(n), pg.WrapErr("count the passives' queue", err)
}

// assignShare assigns the first n rows of the queue to the users in turn.
func (a *allocation) assignShare(n int) ([]*model.Case, []model.EventID, error) {
	if n > allocateMax {
		return nil, nil, fault.Input("input.percent", "the share is %d cases, and one call assigns at most %d: use a smaller percent, or a filter", n, allocateMax)
	}
	users, err := a.users()
	if err != nil || n == 0 {
		return []*model.Case{}, nil, err
	}
	chosen, err := a.choose(n)
	if err != nil {
		return nil, nil, err
	}
	cases, err := a.lockCases(chosen)
	if err != nil {
		return nil, nil, err
	}
	assigned, events := make([]*model.Case, len(cases)), make([]model.EventID, len(cases))
	changes := a.work.Changes()
	for i, c := range cases {
		e := event.Entry{Actor: &a.viewer.User.ID}
		if a.in.Note != nil {
			e.Note = &changes.Note(c, a.viewer.User, *a.in.Note).ID
		}
		assigned[i], events[i] = &c.Case, changes.Assign(c, users[i%len(users)], e).ID
	}
	return assigned, events, a.work.Save(a.tx, changes)
}

// choose reads the first n rows of the queue and locks their customers, so that no other transaction can add a response,
// an outreach or a case of these customers meanwhile. It skips customers whose rows are locked already. It does not lock
// the rows of the queue, which come last in the order of locks.
func (a *allocation) choose(n int) ([]*model.Response, error) {
	var ids []model.ResponseID
	err := a.queue().Select("passives.response_id").Joins("JOIN customers ON customers.id = passives.customer_id").Clauses(a.order.By()).Limit(n).
		Clauses(clause.Locking{Strength: "UPDATE", Table: clause.Table{Name: "customers"}, Options: "SKIP LOCKED"}).Scan(&ids).Error
	if err != nil {
		return nil, fmt.Errorf("read the passives' queue: %w", err)
	}
	var rows []*model.Response
	err = a.tx.Joins("Customer").Where("responses.id = ANY(?)", pg.Array(model.UUIDs(ids))).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read passives: %w", err)
	}
	slices.SortFunc(rows, func(x, y *model.Response) int { return slices.Index(ids, x.ID) - slices.Index(ids, y.ID) })
	return rows, nil
}

// users locks the rows of the users in the order of their ids, and returns the users in the order of the input.
func (a *allocation) users() ([]*model.User, error) {
	users, faults := make([]*model.User, len(a.in.UserIDs)), make([]error, len(a.in.UserIDs))
	for _, id := range pg.LockOrder(a.in.UserIDs) {
		i := slices.Index(a.in.UserIDs, id)
		users[i], faults[i] = assignment.LockUser(a.tx, fmt.Sprintf("input.userIds[%d]", i), id)
	}
	return users, fault.Join(faults...)
}

// lockCases returns one locked case for each response: the response's own case or, where it has none, a new case. It
// leaves out responses that left the queue before all rows were locked, for example because their case was assigned.
func (a *allocation) lockCases(chosen []*model.Response) ([]*casework.LockedCase, error) {
	ids := make([]model.ResponseID, len(chosen))
	for i, r := range chosen {
		ids[i] = r.ID
	}
	var caseIDs []model.CaseID
	if err := a.tx.Raw("SELECT id FROM cases WHERE response_id = ANY(?) ORDER BY id", pg.Array(model.UUIDs(ids))).Scan(&caseIDs).Error; err != nil {
		return nil, fmt.Errorf("find the cases of responses: %w", err)
	}
	locked, err := casework.LockCases(a.tx, caseIDs)
	if err != nil {
		return nil, err
	}
	byResponse := map[model.ResponseID]*casework.LockedCase{}
	for _, c := range locked {
		byResponse[*c.ResponseID] = c
	}
	var stillQueued []model.ResponseID
	if err := a.tx.Raw("SELECT response_id FROM passives WHERE response_id = ANY(?) AND NOT taken", pg.Array(model.UUIDs(ids))).Scan(&stillQueued).Error; err != nil {
		return nil, fmt.Errorf("check the passives' queue: %w", err)
	}
	var cases []*casework.LockedCase
	for _, r := range chosen {
		if !slices.Contains(stillQueued, r.ID) {
			continue
		}
		c := byResponse[r.ID]
		if c == nil {
			c = &casework.LockedCase{Case: model.Case{Origin: model.OriginAllocation, OpenedByID: &a.viewer.User.ID, Customer: r.Customer, Response: r}}
			if _, err := c.Open(a.tx, a.now, event.Entry{Actor: &a.viewer.User.ID}, nil); err != nil {
				return nil, err
			}
		}
		cases = append(cases, c)
	}
	return cases, nil
}
