package casework

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// RecordOutreach keeps that somebody tried to reach the customer, and what came of it.
func (w *Work) RecordOutreach(ctx context.Context, viewer auth.Viewer, in RecordOutreachInput) (*RecordOutreachPayload, error) {
	if err := checkNote("input.note", in.Note); err != nil {
		return nil, err
	}
	out := new(RecordOutreachPayload)
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordOutreachPayload{Case: c, Event: &model.OutreachRecorded{LoggedEvent: e}}
	}
	err := onceTold(ctx, w, viewer, call{"recordOutreach", in.IdempotencyKey, in}, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		h, err := holdWithCustomer(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err != nil {
			return nil, nil, err
		}
		note, err := writeNote(tx, now, h.ID, viewer.User, "input.note", in.Note)
		if err != nil {
			return nil, nil, err
		}
		logged, err := h.outreach(tx, now, viewer.User, *in.Outreach, note)
		return &h.Case, logged, err
	})
	return payload(out, err)
}

// RecordReply keeps that the customer answered.
func (w *Work) RecordReply(ctx context.Context, viewer auth.Viewer, in RecordReplyInput) (*RecordReplyPayload, error) {
	out := new(RecordReplyPayload)
	improvement := in.Improvement
	if improvement != nil {
		if err := checkNote("input.improvement", *improvement); err != nil {
			return nil, err
		}
	}
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordReplyPayload{Case: c, Event: &model.CustomerReplied{LoggedEvent: e}}
	}
	err := onceTold(ctx, w, viewer, call{"recordReply", in.IdempotencyKey, in}, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		h, err := holdFor(tx, now, viewer, in.CaseID, nil)
		if err != nil {
			return nil, nil, err
		}
		e := event.Entry{Type: model.EventCustomerReplied, Actor: &viewer.User.ID, Improvement: improvement}
		if in.Note != nil {
			note, err := writeNote(tx, now, h.ID, viewer.User, "input.note", *in.Note)
			if err != nil {
				return nil, nil, err
			}
			e.Note = &note.ID
		}
		logged, err := h.change(tx, now, e, func() { h.contact(model.Replied) })
		if err != nil {
			return nil, nil, err
		}
		return &h.Case, logged, h.writeContact(tx)
	})
	return payload(out, err)
}

// SetRootCause keeps the '5 whys', the first the symptom and the last the root cause.
func (w *Work) SetRootCause(ctx context.Context, viewer auth.Viewer, in SetRootCauseInput) (*SetRootCausePayload, error) {
	if n := len(in.Whys); n < 1 || n > whysMax {
		return nil, fault.Input("input.whys", "from 1 to %d whys, not %d", whysMax, n)
	}
	whys := make([]string, len(in.Whys))
	for i, why := range in.Whys {
		if err := checkNote(fmt.Sprintf("input.whys[%d]", i), why); err != nil {
			return nil, err
		}
		whys[i] = strings.TrimSpace(why)
	}
	out := new(SetRootCausePayload)
	err := w.write(ctx, func(tx *gorm.DB, now time.Time) error {
		h, err := holdFor(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err != nil {
			return err
		}
		e := event.Entry{Type: model.EventRootCauseSet, Actor: &viewer.User.ID, Whys: whys}
		logged, err := h.change(tx, now, e, func() { h.RootCause = whys })
		*out = SetRootCausePayload{Case: &h.Case, Event: &model.RootCauseSet{LoggedEvent: logged}}
		return err
	})
	return payload(out, err)
}

const whysMax = 5

// holdWithCustomer locks the customer's row before the case's: what follows changes both, and the customer comes
// first in the order of locks.
func holdWithCustomer(tx *gorm.DB, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (*held, error) {
	var c model.Case
	err := tx.Select("customer_id").Where("id = ?", id).Take(&c).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, noSuchCase()
	}
	if err != nil {
		return nil, fmt.Errorf("read a case: %w", err)
	}
	err = tx.Clauses(clause.Locking{Strength: "UPDATE"}).Select("id").Where("id = ?", c.CustomerID).Take(&model.Customer{}).Error
	if err != nil {
		return nil, fmt.Errorf("lock a customer: %w", err)
	}
	return holdFor(tx, now, viewer, id, expectedVersion)
}

// outreach keeps an attempt on a case that is held with its customer. One that reached the customer, or was sent,
// counts as contact and as follow-up; the customer's other cases are told of what changed about the customer.
func (h *held) outreach(tx *gorm.DB, now time.Time, by *model.User, in OutreachInput, note *model.Note) (*model.LoggedEvent, error) {
	o := model.Outreach{Channel: in.Channel, Offer: in.Offer, Outcome: in.Outcome}
	was, customer := *h.Customer, *h.Customer
	if o.Outcome.IsContact() {
		customer.LastContactedAt = &now
	}
	if in.NextSurveyAt != nil {
		customer.NextSurveyAt = in.NextSurveyAt
	}
	e := event.Entry{Type: model.EventOutreachRecorded, Actor: &by.ID, Note: &note.ID, Outreach: &o, NextSurveyAt: in.NextSurveyAt}
	logged, err := h.change(tx, now, e, func() {
		h.Customer = &customer
		if o.Outcome.IsContact() {
			h.contact(model.Contacted)
			if h.FirstContactAt == nil {
				h.FirstContactAt = &now
			}
			if h.FirstFollowUpAt == nil {
				h.FirstFollowUpAt = &now
			}
		}
		h.addOutreach(o)
	})
	if err != nil {
		return nil, err
	}
	if err := h.writeContact(tx); err != nil {
		return nil, err
	}
	fields := differences(&was, &customer)
	if len(fields) == 0 {
		return logged, nil
	}
	err = tx.Model(&model.Customer{}).Where("id = ?", customer.ID).
		Updates(map[string]any{"last_contacted_at": customer.LastContactedAt, "next_survey_at": customer.NextSurveyAt}).Error
	if err != nil {
		return nil, fmt.Errorf("write a customer: %w", err)
	}
	return logged, (&change{was: &was, now: &customer, fields: fields}).spread(tx, now, &by.ID, &h.Case)
}

// contact moves the response's contact status forward; an answer is not undone by a later call.
func (h *held) contact(to model.ContactStatus) {
	if h.ResponseID == nil || h.Response.ContactStatus == model.Replied {
		return
	}
	response := *h.Response
	response.ContactStatus = to
	h.Response = &response
}

func (h *held) writeContact(tx *gorm.DB) error {
	if h.ResponseID == nil {
		return nil
	}
	err := tx.Exec("UPDATE responses SET contact_status = ? WHERE id = ? AND contact_status <> ?",
		h.Response.ContactStatus, *h.ResponseID, h.Response.ContactStatus).Error
	if err != nil {
		return fmt.Errorf("write a response's contact: %w", err)
	}
	return nil
}

// addOutreach keeps each kind of outreach once: what a filter looks for is whether there is one like it.
func (h *held) addOutreach(o model.Outreach) {
	same := func(x model.Outreach) bool {
		return x.Channel == o.Channel && x.Outcome == o.Outcome && (x.Offer == nil) == (o.Offer == nil) && (x.Offer == nil || *x.Offer == *o.Offer)
	}
	if !slices.ContainsFunc(h.outreaches, same) {
		h.outreaches = append(slices.Clone(h.outreaches), o)
	}
}
