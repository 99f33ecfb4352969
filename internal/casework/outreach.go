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
	ofNote := CheckNote("input.note", in.Note)
	if err := call.Check(viewer); err != nil {
		return nil, fault.Join(ofNote, err)
	}
	out := new(RecordOutreachPayload)
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordOutreachPayload{Case: c, Event: &model.OutreachRecorded{LoggedEvent: e}}
	}
	err := idempotentEvent(ctx, w, viewer, call, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		p := pg.NewPipeline(tx)
		locked := addLockWithCustomer(p, now, viewer, in.CaseID, in.ExpectedVersion)
		if err := p.Send(); err != nil {
			return nil, nil, err
		}
		c, err := locked()
		if err := fault.Join(err, ofNote); err != nil {
			return nil, nil, err
		}
		changes := w.Changes()
		logged := changes.outreach(c, viewer.User, *in.Outreach, changes.Note(c, viewer.User, in.Note))
		return &c.Case, logged, w.Save(tx, changes)
	}, w.reloadNamed)
	return payload(out, err)
}

// outreach records an attempt to reach the customer. An attempt that reached the customer, or was sent, counts as contact
// and as follow-up. Where it changes the customer, each of the customer's other cases gets an event about the change, so
// the caller must have locked the case together with them (addLockWithCustomer).
func (ch *Changes) outreach(c *LockedCase, by *model.User, in OutreachInput, note *model.Note) *model.LoggedEvent {
	o := model.Outreach{Channel: in.Channel, Offer: in.Offer, Outcome: in.Outcome}
	was, customer := *c.Customer, *c.Customer
	if last := customer.LastContactedAt; o.Outcome.IsContact() && (last == nil || last.Before(ch.now)) {
		customer.LastContactedAt = &ch.now
	}
	if in.NextSurveyAt != nil {
		customer.NextSurveyAt = in.NextSurveyAt
	}
	e := event.Entry{Type: model.EventOutreachRecorded, Actor: &by.ID, Note: &note.ID, Outreach: &o, NextSurveyAt: in.NextSurveyAt}
	logged := ch.Change(c, e, func() {
		c.Customer = &customer
		if o.Outcome.IsContact() {
			ch.contact(c, model.Contacted)
			if c.FirstContactAt == nil {
				c.FirstContactAt = &ch.now
			}
			if c.FirstFollowUpAt == nil {
				c.FirstFollowUpAt = &ch.now
			}
		}
		c.addOutreach(o)
	})
	if changed := NewCustomerChange(&was, &customer); changed != nil {
		ch.customers = append(ch.customers, &customer)
		for _, other := range c.siblings {
			ch.add(other, changed.Apply(other, ch.now, &by.ID))
		}
	}
	return logged
}

// contact sets the contact status of the case's response. REPLIED is final: a later outreach does not change it back.
func (ch *Changes) contact(c *LockedCase, to model.ContactStatus) {
	if c.ResponseID == nil || c.Response.ContactStatus == model.Replied || c.Response.ContactStatus == to {
		return
	}
	response := *c.Response
	response.ContactStatus = to
	c.Response = &response
	ch.responses = append(ch.responses, &response)
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
