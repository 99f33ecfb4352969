package casework

import (
	"context"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// OpenCaseInput opens a case by hand.
type OpenCaseInput struct {
	Subject        CaseSubjectInput
	Note           string
	AssigneeID     *model.UserID
	DueAt          *time.Time
	FollowUpTarget *model.Duration // nil: no target
	IdempotencyKey *string
}

// CaseSubjectInput is what a new case is about: a customer or a response, but not both.
type CaseSubjectInput struct {
	CustomerID *model.CustomerID
	ResponseID *model.ResponseID
}

// OpenCasePayload is the new case and its event.
type OpenCasePayload struct {
	Case  *model.Case
	Event *model.CaseOpened
}

// OpenCase opens a case by hand, for a customer without a response or for one response.
func (w *Work) OpenCase(ctx context.Context, viewer auth.Viewer, in OpenCaseInput) (*OpenCasePayload, error) {
	call := idempotency.Call{Mutation: "openCase", Key: in.IdempotencyKey, Input: in}
	ofInput, ofKey := in.check(), call.Check(viewer)
	if (in.Subject.CustomerID == nil) == (in.Subject.ResponseID == nil) || ofKey != nil {
		return nil, fault.Join(ofInput, ofKey)
	}
	out := new(OpenCasePayload)
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = OpenCasePayload{Case: c, Event: &model.CaseOpened{LoggedEvent: e}}
	}
	err := idempotentEvent(ctx, w, viewer, call, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		response, customer, ofSubject := readSubject(tx, now, viewer, in.Subject)
		p := pg.NewPipeline(tx)
		assignee := addLockAssignee(p, in.AssigneeID)
		if err := p.Send(); err != nil {
			return nil, nil, fault.Join(ofSubject, err)
		}
		to, ofUser := assignee()
		if err := fault.Join(ofSubject, ofUser, ofInput); err != nil {
			return nil, nil, err
		}
		c := &LockedCase{Case: model.Case{
			Origin: model.OriginManual, OpenedByID: &viewer.User.ID, Customer: customer, Response: response,
			DueAt: in.DueAt,
		}}
		if c.DueAt == nil && in.FollowUpTarget != nil {
			due := now.Add(time.Duration(*in.FollowUpTarget))
			c.DueAt = &due
		}
		logged, err := c.Open(tx, now, event.Entry{Actor: &viewer.User.ID}, func() (*model.NoteID, error) {
			note := newNote(now, c.ID, viewer.User, in.Note)
			return &note.ID, pg.Later(tx, func(p *pg.Pipeline) { pg.AddInsert(p, "write a note", []*model.Note{note}) })
		})
		if err != nil {
			return nil, nil, err
		}
		if to != nil {
			changes := w.Changes()
			changes.Assign(c, to, event.Entry{Actor: &viewer.User.ID})
			if err := w.Save(tx, changes); err != nil {
				return nil, nil, err
			}
		}
		return &c.Case, logged, nil
	}, func(tx *gorm.DB, viewer auth.Viewer, id model.EventID) (*model.Case, *model.LoggedEvent, error) {
		return w.ReloadMoved(tx, viewer, "input.subject", id)
	})
	if pg.Violates(err, "cases_response_id_key") {
		err = w.conflictNaming(ctx, viewer, *in.Subject.ResponseID)
	}
	return payload(out, err)
}

// check returns the faults of the input that need no database.
func (in OpenCaseInput) check() error {
	var faults []error
	if (in.Subject.CustomerID == nil) == (in.Subject.ResponseID == nil) {
		faults = append(faults, fault.Input("input.subject", "give exactly one of customerId and responseId"))
	}
	if in.FollowUpTarget != nil && *in.FollowUpTarget <= 0 {
		faults = append(faults, fault.Input("input.followUpTarget", "followUpTarget must be greater than zero; null means no target"))
	}
	return fault.Join(append(faults, CheckNote("input.note", in.Note))...)
}

// readSubject reads the customer and, if there is one, the response of the new case. It locks the customer's row until the
// transaction ends, so that the customer cannot change between this read and the insert of the case's copy.
func readSubject(tx *gorm.DB, now time.Time, viewer auth.Viewer, in CaseSubjectInput) (*model.Response, *model.Customer, error) {
	var response *model.Response
	argument, id := "input.subject.customerId", in.CustomerID
	if in.ResponseID != nil {
		response = new(model.Response)
		err := tx.Where("id = ?", *in.ResponseID).Where(viewer.Scope().Responses(now)).Take(response).Error
		if err != nil {
			return nil, nil, RowErr(err, "input.subject.responseId", "response")
		}
		argument, id = "input.subject.responseId", &response.CustomerID
	}
	customer := new(model.Customer)
	err := tx.Clauses(clause.Locking{Strength: "SHARE"}).Where("id = ?", *id).Where(viewer.Scope().Customers(now)).Take(customer).Error
	if err != nil {
		return nil, nil, RowErr(err, argument, "customer")
	}
	if customer.ErasedAt != nil {
		return nil, nil, ErrErased(argument)
	}
	return response, customer, nil
}

// conflictNaming returns the CONFLICT of a second case for one response. The message names the first case where the viewer
// may see that case. Call it after the transaction has ended: it needs a connection of its own, and transactions that keep
// one connection while they wait for a second can use up the pool and wait for each other forever.
func (w *Work) conflictNaming(ctx context.Context, viewer auth.Viewer, id model.ResponseID) error {
	var numbers []int
	err := w.db.Gorm.WithContext(ctx).Model(&model.Case{}).Where("response_id = ?", id).Where(viewer.Scope().Cases(w.now())).Pluck("number", &numbers).Error
	if err != nil {
		return fmt.Errorf("look for a response's case: %w", err)
	}
	which := "another case"
	if len(numbers) > 0 {
		which = fmt.Sprintf("case %d", numbers[0])
	}
	return &fault.Error{Code: fault.CodeConflict, Argument: "input.subject.responseId", Message: which + " already follows up this response"}
}

// Begin sets the fields of a new case from its customer and response. The case has version 1, and the caller inserts it.
func (c *LockedCase) Begin(now time.Time) {
	c.ID = model.CaseID{UUID: model.NewUUID()}
	c.Status, c.OpenedAt, c.UpdatedAt, c.Version = model.Open, now, now, 1
	c.CustomerID = c.Customer.ID
	c.CopyCustomer(c.Customer)
	if c.Response != nil {
		c.ResponseID = &c.Response.ID
		c.CopyResponse(c.Response)
	}
}

// Open inserts a new case and its OPENED event. Where note is not nil, Open calls it between the two inserts: the row of a
// note refers to the case, and the event refers to the note.
func (c *LockedCase) Open(tx *gorm.DB, now time.Time, e event.Entry, note func() (*model.NoteID, error)) (*model.LoggedEvent, error) {
	c.Begin(now)
	if err := tx.Omit(clause.Associations).Create(&c.Case).Error; err != nil {
		return nil, fmt.Errorf("open a case: %w", err)
	}
	if c.Response != nil { // the response may have themes
		p := pg.NewPipeline(tx)
		fill := addRelations(p, []model.CaseID{c.ID})
		if err := p.Send(); err != nil {
			return nil, err
		}
		if err := fill([]*LockedCase{c}); err != nil {
			return nil, err
		}
	}
	if note != nil {
		id, err := note()
		if err != nil {
			return nil, err
		}
		e.Note = id
	}
	e.Type, e.After = model.EventOpened, c.Snapshot()
	return event.Append(tx, e)
}
