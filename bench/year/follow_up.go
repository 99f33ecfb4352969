package year

import (
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// open opens a case and plans the work on it.
func (s *story) open(i int, at time.Time, d rule.Decision, response *model.Response, themes []model.Theme) {
	r := s.r
	h := &caseState{rules: d.CaseRules(), themes: themes}
	h.Case = model.Case{
		ID: model.CaseID{UUID: idAt(r, at)}, Number: int(s.w.caseNumber[i]), Status: model.Open, Origin: model.OriginRule, CustomerID: s.customer.ID, ResponseID: &response.ID,
		OpenedAt: at, UpdatedAt: at, Version: 1, DueAt: d.DueAt(response), Customer: s.customer, Response: response,
	}
	h.CopyCustomer(s.customer)
	h.CopyResponse(response)
	s.cases = append(s.cases, h)
	for ordinal, id := range h.rules {
		s.write(s.out.rules, at, &caseRule{h.ID, id, ordinal})
	}
	entry := event.Entry{Type: model.EventOpened, Rule: &d.Opens.ID, After: h.snapshot()}
	s.log(entry)
	agent := zipf(r, s.team.agents)
	if r.IntN(12) > 0 {
		s.assign(h, at, agent, nil, &d.Opens.ID)
	} else {
		s.plan(at.Add(s.wait(12*time.Hour)), func(at time.Time) { s.assign(h, at, agent, &agent.ID, nil) })
	}
	if due := *h.DueAt; due.After(at) {
		s.plan(due.Add(time.Duration(r.IntN(1000))*time.Millisecond), func(at time.Time) {
			if h.FirstFollowUpAt == nil && h.Status != model.Closed {
				logged := s.change(h, at, event.Entry{Type: model.EventOverdue}, func() { h.OverdueAt = &at })
				if h.Assignee != nil {
					s.mail(at, &model.Notification{Kind: model.NotifyCaseOverdue, To: h.Assignee.Email, CaseID: &h.ID, ResponseID: h.ResponseID, EventID: &logged.ID})
				}
			}
		})
	}
	if r.IntN(50) == 0 {
		return // no one ever works on this case
	}
	by := func() *model.User {
		if h.Assignee != nil {
			return h.Assignee
		}
		return agent
	}
	next := at.Add(s.wait(14 * time.Hour))
	for n := 1 + r.IntN(3); n > 0; n-- {
		if r.IntN(4) > 0 {
			s.plan(next, func(at time.Time) { s.outreach(h, at, by()) })
			next = next.Add(s.wait(20 * time.Hour))
		}
	}
	if r.IntN(4) > 0 {
		s.plan(next, func(at time.Time) { s.move(h, at, by(), model.InProgress) })
		next = next.Add(s.wait(10 * time.Hour))
	}
	for n := r.IntN(3); n > 0; n-- {
		s.plan(next, func(at time.Time) {
			note := s.note(h, at, by())
			s.change(h, at, event.Entry{Type: model.EventNoteAdded, Actor: &note.AuthorID, Note: &note.ID}, func() {})
		})
		next = next.Add(s.wait(15 * time.Hour))
	}
	if other := pick(r, s.team.agents); r.IntN(12) == 0 {
		s.plan(next, func(at time.Time) { s.assign(h, at, other, &agent.ID, nil) })
		next = next.Add(s.wait(5 * time.Hour))
	}
	if r.IntN(10) == 0 {
		s.plan(next, func(at time.Time) {
			s.change(h, at, event.Entry{Type: model.EventCustomerReplied, Actor: &by().ID, Improvement: new("We changed the schedule.")}, func() { s.markResponse(h, model.Replied) })
		})
		next = next.Add(time.Hour)
	}
	if r.IntN(20) == 0 {
		whys := []string{"It came late.", "The truck was full.", "Nobody had planned for the holiday."}
		s.plan(next, func(at time.Time) {
			s.change(h, at, event.Entry{Type: model.EventRootCauseSet, Actor: &by().ID, Whys: whys}, func() { h.RootCause = whys })
		})
		next = next.Add(time.Hour)
	}
	if r.IntN(20) > 0 {
		s.plan(next.Add(s.wait(30*time.Hour)), func(at time.Time) { s.move(h, at, by(), model.Closed) })
	}
}

// log writes an event.
func (s *story) log(e event.Entry) model.Event {
	row, err := event.Row(e)
	check(err)
	row.ID = model.EventID{UUID: idAt(s.r, row.At)}
	s.write(s.out.events, row.At, &row)
	return row
}

// change changes a case and writes the event.
func (s *story) change(h *caseState, at time.Time, e event.Entry, do func()) model.Event {
	e.Before = h.snapshot()
	do()
	h.Version++
	h.UpdatedAt = at
	e.After = h.snapshot()
	return s.log(e)
}

func (s *story) note(h *caseState, at time.Time, by *model.User) *model.Note {
	body := fillIn(s.r, pick(s.r, noteWords))
	for s.r.IntN(3) == 0 {
		body += " " + fillIn(s.r, pick(s.r, noteWords))
	}
	n := &model.Note{ID: model.NoteID{UUID: idAt(s.r, at)}, CaseID: h.ID, AuthorID: by.ID, CreatedAt: at}
	n.Write(body)
	s.write(s.out.notes, at, n)
	return n
}

func (s *story) assign(h *caseState, at time.Time, to *model.User, by *model.UserID, of *model.RuleID) {
	if h.AssigneeID != nil && *h.AssigneeID == to.ID {
		return
	}
	logged := s.change(h, at, event.Entry{Type: model.EventAssigned, Actor: by, Rule: of, PreviousAssignee: h.AssigneeID, Assignee: &to.ID}, func() { h.AssignTo(to, by, at) })
	s.mail(at, &model.Notification{Kind: model.NotifyCaseAssigned, To: to.Email, CaseID: &h.ID, ResponseID: h.ResponseID, RuleID: of, EventID: &logged.ID})
}

func (s *story) move(h *caseState, at time.Time, by *model.User, to model.CaseStatus) {
	note, previous := s.note(h, at, by), h.Status
	s.change(h, at, event.Entry{Type: model.EventStatusChanged, Actor: &by.ID, Note: &note.ID, PreviousStatus: &previous, Status: &to}, func() { h.MoveTo(to, at) })
}

func (s *story) markResponse(h *caseState, to model.ContactStatus) {
	if h.Response.ContactStatus != model.Replied {
		changed := *h.Response
		changed.ContactStatus = to
		h.Response = &changed
		for i, r := range s.responses {
			if r.ID == changed.ID {
				s.responses[i] = &changed
			}
		}
	}
}

// outreach is an attempt to reach the customer. A contact is also recorded on the customer's other cases.
func (s *story) outreach(h *caseState, at time.Time, by *model.User) {
	r := s.r
	o := model.Outreach{Channel: pick(r, []model.OutreachChannel{"PHONE", "PHONE", "EMAIL"}), Outcome: model.Reached}
	switch {
	case o.Channel == "EMAIL":
		o.Outcome = model.MessageSent
	case r.IntN(3) == 0:
		o.Outcome = model.NoAnswer
	}
	if r.IntN(6) == 0 {
		o.Offer = new(pick(r, []model.OutreachOffer{"VOUCHER", "COMPENSATION", "THANK_YOU"}))
	}
	note, was, is := s.note(h, at, by), s.customer, s.customer
	if o.Outcome.IsContact() {
		contacted := *was
		contacted.LastContactedAt = &at
		is = &contacted
	}
	s.change(h, at, event.Entry{Type: model.EventOutreachRecorded, Actor: &by.ID, Note: &note.ID, Outreach: &o}, func() {
		h.Customer = is
		if o.Outcome.IsContact() {
			s.markResponse(h, model.Contacted)
			if h.FirstContactAt == nil {
				h.FirstContactAt = &at
			}
			if h.FirstFollowUpAt == nil {
				h.FirstFollowUpAt = &at
			}
		}
		if !slices.ContainsFunc(h.outreaches, func(x model.Outreach) bool {
			return x.Channel == o.Channel && x.Outcome == o.Outcome && (x.Offer == nil) == (o.Offer == nil) && (x.Offer == nil || *x.Offer == *o.Offer)
		}) {
			h.outreaches = append(h.outreaches, o)
		}
	})
	if is == was {
		return
	}
	s.customer = is
	for _, other := range s.cases {
		if other != h {
			s.change(other, at, event.Entry{Type: model.EventDetailsChanged, Actor: &by.ID, Changed: []string{"customer.lastContactedAt"}}, func() { other.Customer = is })
		}
	}
}
