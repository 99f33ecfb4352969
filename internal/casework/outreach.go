package casework

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/idempotency"
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
	if err := CheckNote("input.note", in.Note); err != nil {
		return nil, err
	}
	out := new(RecordOutreachPayload)
	answer := func(c *model.Case, e *model.LoggedEvent) {
		*out = RecordOutreachPayload{Case: c, Event: &model.OutreachRecorded{LoggedEvent: e}}
	}
	err := idempotentEvent(ctx, w, viewer, idempotency.Call{Mutation: "recordOutreach", Key: in.IdempotencyKey, Input: in}, answer, func(tx *gorm.DB, now time.Time) (*model.Case, *model.LoggedEvent, error) {
		h, err := lockCaseWithCustomer(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err != nil {
			return nil, nil, err
		}
		note, err := WriteNote(tx, now, h.ID, viewer.User, "input.note", in.Note)
		if err != nil {
			return nil, nil, err
		}
		logged, err := h.outreach(tx, now, viewer.User, *in.Outreach, note)
		return &h.Case, logged, err
	})
	return payload(out, err)
}

// outreach records an attempt on a case that is locked with its customer. An attempt that reached the customer, or was
// sent, counts as contact and as follow-up; the customer's other cases get an event of the customer's change.
func (h *LockedCase) outreach(tx *gorm.DB, now time.Time, by *model.User, in OutreachInput, note *model.Note) (*model.LoggedEvent, error) {
	o := model.Outreach{Channel: in.Channel, Offer: in.Offer, Outcome: in.Outcome}
	was, customer := *h.Customer, *h.Customer
	if o.Outcome.IsContact() {
		customer.LastContactedAt = &now
	}
	if in.NextSurveyAt != nil {
		customer.NextSurveyAt = in.NextSurveyAt
	}
	e := event.Entry{Type: model.EventOutreachRecorded, Actor: &by.ID, Note: &note.ID, Outreach: &o, NextSurveyAt: in.NextSurveyAt}
	logged, err := h.Change(tx, now, e, func() {
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
	changed := NewCustomerChange(&was, &customer)
	if changed == nil {
		return logged, nil
	}
	err = tx.Model(&model.Customer{}).Where("id = ?", customer.ID).
		Updates(map[string]any{"last_contacted_at": customer.LastContactedAt, "next_survey_at": customer.NextSurveyAt}).Error
	if err != nil {
		return nil, fmt.Errorf("write a customer: %w", err)
	}
	return logged, changed.Propagate(tx, now, &by.ID, &h.Case)
}

// contact advances the response's contact status; a later call does not undo a reply.
func (h *LockedCase) contact(to model.ContactStatus) {
	if h.ResponseID == nil || h.Response.ContactStatus == model.Replied {
		return
	}
	response := *h.Response
	response.ContactStatus = to
	h.Response = &response
}

func (h *LockedCase) writeContact(tx *gorm.DB) error {
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

// addOutreach adds the outreach unless there is one of the same kind: a filter asks whether one exists.
func (h *LockedCase) addOutreach(o model.Outreach) {
	same := func(x model.Outreach) bool {
		return x.Channel == o.Channel && x.Outcome == o.Outcome && (x.Offer == nil) == (o.Offer == nil) && (x.Offer == nil || *x.Offer == *o.Offer)
	}
	if !slices.ContainsFunc(h.Outreaches, same) {
		h.Outreaches = append(slices.Clone(h.Outreaches), o)
	}
}
