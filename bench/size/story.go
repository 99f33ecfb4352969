package main

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/keyword"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// desk is who works there, and by which rules and themes: read from the database, where the API made them.
type desk struct {
	agents []*model.User
	rules  []rule.Rule
	themes []*model.Theme
	words  *keyword.Set
}

func newDesk(db *gorm.DB) *desk {
	d := new(desk)
	check(db.Where("role = 'AGENT'").Order("email_fold").Find(&d.agents).Error)
	var rules []model.Rule
	check(db.Where("deleted_at IS NULL AND enabled").Order("position").Find(&rules).Error)
	var err error
	d.rules, err = rule.Compile(rules)
	check(err)
	check(db.Order("name_fold").Find(&d.themes).Error)
	d.words, err = keyword.Compile(d.themes)
	check(err)
	return d
}

// spools are the tables that the generator fills.
type spools struct {
	customers, responses, texts, tags, matches, cases, rules, notes, events, mails *spool
}

type (
	match struct { // a row of response_rules
		ResponseID model.ResponseID
		RuleID     model.RuleID
	}
	caseRule struct {
		CaseID  model.CaseID
		RuleID  model.RuleID
		Ordinal int
	}
)

func (match) TableName() string    { return "response_rules" }
func (caseRule) TableName() string { return "case_rules" }

func newSpools(folder string, now time.Time) *spools {
	make := func(row any, extra ...string) *spool {
		return newSpool(folder, tableOf(row, extra...), now.Add(-year), now)
	}
	return &spools{
		customers: make(&model.CustomerRow{}, "number"), responses: make(&model.ResponseRow{}), texts: make(&model.ResponseTexts{}), tags: make(&model.Tag{}),
		matches: make(&match{}), cases: make(&model.Case{}, "number"), rules: make(&caseRule{}), notes: make(&model.Note{}),
		events: make(&model.Event{}, "position"), mails: make(&model.Notification{}),
	}
}

// story is all that happens to one customer, in its order, as casework would have written it.
type story struct {
	w    *world
	d    *desk
	out  *spools
	r    *rand.Rand
	line []byte

	customer  *model.Customer
	responses []*model.Response
	cases     []*held
	agenda    []act
}

// act is something that is done at a time.
type act struct {
	at time.Time
	do func(at time.Time)
}

// held is a case with all that its snapshots are made of.
type held struct {
	model.Case
	rules      []model.RuleID
	themes     []model.Theme
	outreaches []model.Outreach
}

func (h *held) snapshot() *model.Snapshot {
	s := &model.Snapshot{Case: h.Case, Customer: *h.Customer, Response: h.Response, RuleIDs: h.rules, Themes: h.themes, Outreaches: slices.Clone(h.outreaches)}
	if h.Assignee != nil {
		s.AssigneeName = &h.Assignee.Name
	}
	return s
}

func (s *story) write(to *spool, at time.Time, row any, extra ...[]byte) {
	s.line = s.line[:0]
	for _, e := range extra {
		s.line = append(s.line, e...)
	}
	s.line = to.t.line(s.line, row)
	to.add(at, s.line)
}

// tell has the customer answer, and the desk work, up to now.
func (s *story) tell(nth int) {
	s.r = rand.New(rand.NewPCG(uint64(nth), 5))
	s.customer = s.w.person(nth)
	s.customer.Fold()
	s.responses, s.cases, s.agenda = s.responses[:0], s.cases[:0], s.agenda[:0]
	first := time.UnixMicro(s.w.came[s.w.of[nth][0]]).UTC()
	s.customer.ID, s.customer.CreatedAt = model.CustomerID{UUID: idAt(s.r, first)}, first
	for _, i := range s.w.of[nth] {
		s.plan(time.UnixMicro(s.w.came[i]).UTC(), func(at time.Time) { s.answer(int(i), at) })
	}
	for len(s.agenda) > 0 {
		next := s.agenda[0]
		s.agenda = slices.Delete(s.agenda, 0, 1)
		next.do(next.at)
	}
	for _, r := range s.responses {
		row := r.Row()
		s.write(s.out.responses, r.ReceivedAt, row)
		if texts := r.Texts(); texts != nil {
			s.write(s.out.texts, r.ReceivedAt, texts)
		}
	}
	for _, h := range s.cases {
		s.write(s.out.cases, h.OpenedAt, &h.Case, number(h.Number))
	}
	s.write(s.out.customers, first, s.customer.Row(), number(nth+1))
}

// plan puts something on the agenda, where it happens before now.
func (s *story) plan(at time.Time, do func(time.Time)) {
	if at.After(s.w.now) {
		return
	}
	i, _ := slices.BinarySearchFunc(s.agenda, at, func(a act, t time.Time) int {
		if a.at.After(t) {
			return 1
		}
		return -1
	})
	s.agenda = slices.Insert(s.agenda, i, act{at.Truncate(time.Microsecond), do})
}

func (s *story) answer(i int, at time.Time) {
	c, r := *s.customer, s.r
	responded := at.Add(-time.Duration(1+r.IntN(20)) * time.Second)
	if r.IntN(20) == 0 { // by a file
		responded = at.Add(-time.Duration(r.IntN(40)) * time.Hour)
	}
	score := int(s.w.score[i])
	said := &model.Response{
		ID: model.ResponseID{UUID: idAt(r, at)}, CustomerID: c.ID, Score: score, Category: model.CategoryOf(score), Drivers: []string{}, ContactRequested: s.w.call[i],
		Attributes: map[string]string{"channel": pick(r, []string{"E-mail", "E-mail", "App", "Text message"})}, RespondedAt: responded, ReceivedAt: at,
		ContactStatus: model.NotContacted, Survey: new(pick(r, surveys)),
	}
	if r.IntN(2) == 0 {
		said.ExternalID = new("r-" + said.ID.UUID.String()[24:])
	}
	if r.IntN(10) < 7 {
		said.Comment = new(comment(r, score))
	}
	for n := r.IntN(3); n > 0; n-- {
		if d := zipf(r, drivers); !slices.Contains(said.Drivers, d) {
			said.Drivers = append(said.Drivers, d)
		}
	}
	if score >= 9 && r.IntN(3) == 0 {
		said.QuoteConsent = new(r.IntN(4) > 0)
	}
	said.TestimonialLikelihood = theme.Testimonial(said)
	said.TestimonialEstimated = said.TestimonialLikelihood != nil
	said.CopyCustomer(&c)
	if c.LastResponseAt == nil || c.LastResponseAt.Before(responded) {
		c.LastResponseAt = &responded
	}
	s.customer = &c
	for _, h := range s.cases {
		h.Customer = s.customer
	}
	s.responses = append(s.responses, said)

	var themes []model.Theme
	if said.Comment != nil {
		for _, id := range s.d.words.Match(*said.Comment) {
			s.write(s.out.tags, at, &model.Tag{ResponseID: said.ID, ThemeID: id})
			themes = append(themes, *s.d.themes[slices.IndexFunc(s.d.themes, func(t *model.Theme) bool { return t.ID == id })])
		}
		slices.SortFunc(themes, func(a, b model.Theme) int { return cmp.Compare(a.NameFold, b.NameFold) })
	}
	decision := rule.Match(s.d.rules, said, s.customer, at, themes...)
	for _, matched := range decision.Matched {
		s.write(s.out.matches, at, &match{said.ID, matched.ID})
	}
	if (decision.Opens != nil) != (s.w.number[i] > 0) {
		panic("the rules decide otherwise than the world")
	}
	if decision.Opens != nil {
		s.open(i, at, decision, said, themes)
	}
	for _, matched := range decision.Matched {
		if !matched.OpensCase {
			n := &model.Notification{Kind: model.NotifyNewResponse, To: "desk@example.com", ResponseID: &said.ID, RuleID: &matched.ID}
			if decision.Opens != nil {
				n.CaseID = &s.cases[len(s.cases)-1].ID
			}
			s.mail(at, n)
		}
	}
}

// mail writes one that was sent within seconds; a few are lost.
func (s *story) mail(at time.Time, n *model.Notification) {
	n.ID, n.ToFold, n.CreatedAt, n.Attempts, n.Status = model.NotificationID{UUID: idAt(s.r, at)}, model.Fold(n.To), at, 1, model.NotificationSent
	n.SentAt = new(at.Add(time.Duration(1+s.r.IntN(5)) * time.Second))
	if s.r.IntN(200) == 0 {
		n.Status, n.Attempts, n.SentAt, n.LastError = model.NotificationFailed, 10, nil, new("550 no such user")
	}
	s.write(s.out.mails, at, n)
}

// wait is a time that is mostly near the median, and sometimes many times that.
func (s *story) wait(median time.Duration) time.Duration {
	return time.Duration(float64(median) * math.Exp(0.9*s.r.NormFloat64()))
}

// open opens a case, and plans what becomes of it.
func (s *story) open(i int, at time.Time, d rule.Decision, said *model.Response, themes []model.Theme) {
	r := s.r
	h := &held{rules: d.CaseRules(), themes: themes}
	h.Case = model.Case{
		ID: model.CaseID{UUID: idAt(r, at)}, Number: int(s.w.number[i]), Status: model.Open, Origin: model.OriginRule, CustomerID: s.customer.ID, ResponseID: &said.ID,
		OpenedAt: at, UpdatedAt: at, Version: 1, DueAt: d.DueAt(said), Customer: s.customer, Response: said,
	}
	h.CopyCustomer(s.customer)
	h.CopyResponse(said)
	s.cases = append(s.cases, h)
	for ordinal, id := range h.rules {
		s.write(s.out.rules, at, &caseRule{h.ID, id, ordinal})
	}
	entry := event.Entry{Type: model.EventOpened, Rule: &d.Opens.ID, After: h.snapshot()}
	s.log(entry)
	agent := zipf(r, s.d.agents)
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
		return // forgotten
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
	if other := pick(r, s.d.agents); r.IntN(12) == 0 {
		s.plan(next, func(at time.Time) { s.assign(h, at, other, &agent.ID, nil) })
		next = next.Add(s.wait(5 * time.Hour))
	}
	if r.IntN(10) == 0 {
		s.plan(next, func(at time.Time) {
			s.change(h, at, event.Entry{Type: model.EventCustomerReplied, Actor: &by().ID, Improvement: new("We changed the schedule.")}, func() { s.contact(h, model.Replied) })
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
	row, err := e.Row()
	check(err)
	row.ID = model.EventID{UUID: idAt(s.r, row.At)}
	s.write(s.out.events, row.At, &row)
	return row
}

// change does one thing to a case.
func (s *story) change(h *held, at time.Time, e event.Entry, do func()) model.Event {
	e.Before = h.snapshot()
	do()
	h.Version++
	h.UpdatedAt = at
	e.After = h.snapshot()
	return s.log(e)
}

func (s *story) note(h *held, at time.Time, by *model.User) *model.Note {
	body := filled(s.r, pick(s.r, noteWords))
	for s.r.IntN(3) == 0 {
		body += " " + filled(s.r, pick(s.r, noteWords))
	}
	n := &model.Note{ID: model.NoteID{UUID: idAt(s.r, at)}, CaseID: h.ID, AuthorID: by.ID, Body: body, CreatedAt: at}
	s.write(s.out.notes, at, n)
	return n
}

func (s *story) assign(h *held, at time.Time, to *model.User, by *model.UserID, of *model.RuleID) {
	if h.AssigneeID != nil && *h.AssigneeID == to.ID {
		return
	}
	logged := s.change(h, at, event.Entry{Type: model.EventAssigned, Actor: by, Rule: of, PreviousAssignee: h.AssigneeID, Assignee: &to.ID}, func() { h.AssignTo(to, by, at) })
	s.mail(at, &model.Notification{Kind: model.NotifyCaseAssigned, To: to.Email, CaseID: &h.ID, ResponseID: h.ResponseID, RuleID: of, EventID: &logged.ID})
}

func (s *story) move(h *held, at time.Time, by *model.User, to model.CaseStatus) {
	note, previous := s.note(h, at, by), h.Status
	s.change(h, at, event.Entry{Type: model.EventStatusChanged, Actor: &by.ID, Note: &note.ID, PreviousStatus: &previous, Status: &to}, func() { h.MoveTo(to, at) })
}

func (s *story) contact(h *held, to model.ContactStatus) {
	if h.Response.ContactStatus != model.Replied {
		said := *h.Response
		said.ContactStatus = to
		h.Response = &said
		for i, r := range s.responses {
			if r.ID == said.ID {
				s.responses[i] = &said
			}
		}
	}
}

// outreach is an attempt to reach the customer. Where it does, their other cases are told.
func (s *story) outreach(h *held, at time.Time, by *model.User) {
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
			s.contact(h, model.Contacted)
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
