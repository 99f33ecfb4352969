package casework

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// OutreachInput is one attempt to reach the customer.
type OutreachInput struct {
	Channel      model.OutreachChannel
	Offer        *model.OutreachOffer
	Outcome      model.OutreachOutcome
	NextSurveyAt *time.Time
}

// RecordOutreachInput is an attempt, with a note that describes it.
type RecordOutreachInput struct {
	CaseID          model.CaseID
	Outreach        *OutreachInput
	Note            string
	ExpectedVersion *int
	IdempotencyKey  *string
}

// RecordOutreachPayload is the case and its event.
type RecordOutreachPayload struct {
	Case  *model.Case
	Event *model.OutreachRecorded
}

// RecordOutreach records an attempt to reach the customer, with its outcome.
func (w *Work) RecordOutreach(ctx context.Context, viewer auth.Viewer, in RecordOutreachInput) (*RecordOutreachPayload, error) {
	call := idempotency.Call{Mutation: "recordOutreach", Key: in.IdempotencyKey, Input: in}
	if err := fault.Join(CheckNote("input.note", in.Note), call.Check(viewer)); err != nil {
		return nil, err
	}
	out := new(RecordOutreachPayload)
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordOutreachPayload{Case: c, Event: &model.OutreachRecorded{LoggedEvent: e}}
	}
	err := idempotentEvent(ctx, w, viewer, call, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		p := pg.NewPipeline(tx)
		addCustomerLock(p, in.CaseID)
		locked := addLockFor(p, now, viewer, in.CaseID, in.ExpectedVersion)
		if err := p.Send(); err != nil {
			return nil, nil, err
		}
		c, err := locked()
		if err != nil {
			return nil, nil, err
		}
		note, err := WriteNote(tx, now, c.ID, viewer.User, "input.note", in.Note)
		if err != nil {
			return nil, nil, err
		}
		logged, err := c.outreach(tx, now, viewer.User, *in.Outreach, note)
		return &c.Case, logged, err
	}, w.reloadNamed)
	return payload(out, err)
}

// outreach records an attempt to reach the customer. The caller must have locked the customer and then the case. An attempt
// that reached the customer, or was sent, counts as contact and as follow-up. Where it changes the customer, each of the
// customer's other cases gets an event about the change.
func (c *LockedCase) outreach(tx *gorm.DB, now time.Time, by *model.User, in OutreachInput, note *model.Note) (*model.LoggedEvent, error) {
	o := model.Outreach{Channel: in.Channel, Offer: in.Offer, Outcome: in.Outcome}
	was, customer := *c.Customer, *c.Customer
	if o.Outcome.IsContact() {
		customer.LastContactedAt = &now
	}
	if in.NextSurveyAt != nil {
		customer.NextSurveyAt = in.NextSurveyAt
	}
	e := event.Entry{Type: model.EventOutreachRecorded, Actor: &by.ID, Note: &note.ID, Outreach: &o, NextSurveyAt: in.NextSurveyAt}
	logged, err := c.Change(tx, now, e, func() {
		c.Customer = &customer
		if o.Outcome.IsContact() {
			c.contact(model.Contacted)
			if c.FirstContactAt == nil {
				c.FirstContactAt = &now
			}
			if c.FirstFollowUpAt == nil {
				c.FirstFollowUpAt = &now
			}
		}
		c.addOutreach(o)
	})
	if err != nil {
		return nil, err
	}
	if err := c.writeContact(tx); err != nil {
		return nil, err
	}
	changed := NewCustomerChange(&was, &customer)
	if changed == nil {
		return logged, nil
	}
	err = pg.Later(tx, func(p *pg.Pipeline) {
		p.Exec("write a customer", "UPDATE customers SET last_contacted_at = $1, next_survey_at = $2 WHERE id = $3",
			customer.LastContactedAt, customer.NextSurveyAt, customer.ID)
	})
	if err != nil {
		return nil, err
	}
	return logged, changed.Propagate(tx, now, &by.ID, &c.Case)
}

// contact sets the response's contact status. REPLIED is final: a later outreach does not change it back.
func (c *LockedCase) contact(to model.ContactStatus) {
	if c.ResponseID == nil || c.Response.ContactStatus == model.Replied {
		return
	}
	response := *c.Response
	response.ContactStatus = to
	c.Response = &response
}

// writeContact stores the contact status that contact has set.
func (c *LockedCase) writeContact(tx *gorm.DB) error {
	if c.ResponseID == nil {
		return nil
	}
	return pg.Later(tx, func(p *pg.Pipeline) {
		p.Exec("write a response's contact", "UPDATE responses SET contact_status = $1 WHERE id = $2 AND contact_status <> $1",
			c.Response.ContactStatus, *c.ResponseID)
	})
}

// addOutreach adds the outreach to the snapshot's list. The list has each kind once, because filters ask only whether an
// outreach of a kind exists.
func (c *LockedCase) addOutreach(o model.Outreach) {
	same := func(x model.Outreach) bool {
		return x.Channel == o.Channel && x.Outcome == o.Outcome && (x.Offer == nil) == (o.Offer == nil) && (x.Offer == nil || *x.Offer == *o.Offer)
	}
	if !slices.ContainsFunc(c.Outreaches, same) {
		c.Outreaches = append(slices.Clone(c.Outreaches), o)
	}
}
