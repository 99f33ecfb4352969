package intake

import (
	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// batch is the working state for items that are processed together.
type batch struct {
	*batchTx
	items   []*item
	unsaved *part            // the part whose customers and responses save writes
	first   map[string]*item // by externalId
	people  assignment.People
	turns   map[model.RuleID]int64
	numbers []int                                       // of the cases that this batch opens, in order
	cases   map[model.CustomerID][]*casework.LockedCase // the cases of customers who change, and the cases opened by this batch

	// Rows to write.
	lockedCases []*casework.LockedCase // cases that existed before this batch
	opened      []*casework.LockedCase
	steps       []*model.CaseEscalation
	calendars   map[*model.Calendar]*model.StoredCalendar
	events      []*event.Pending
	mails       []model.Notification
}

// lock locks and reads what decide needs: the turns of rules, the numbers of new rows, and the cases of customers who
// change.
func (b *batch) lock() (err error) {
	var requests []assignment.Request
	var changing []model.CustomerID
	opening := 0
	for _, it := range b.items {
		if len(it.Matched) > 0 {
			requests = append(requests, assignment.Request{Decision: it.Decision, Customer: it.customer})
		}
		if it.Opens != nil {
			opening++
		}
		if it.changed != nil && it.person.Stored != nil {
			changing = append(changing, it.customer.ID)
		}
	}
	p := pg.NewPipeline(b.tx)
	take := assignment.AddTake(p, b.house.people, requests...)
	b.addNumbers(p, opening)
	if err := p.Send(); err != nil {
		return err
	}
	b.people, b.turns = take()
	b.cases, b.calendars = map[model.CustomerID][]*casework.LockedCase{}, map[*model.Calendar]*model.StoredCalendar{}
	if len(changing) == 0 {
		return nil
	}
	if b.lockedCases, err = casework.LockCasesOf(b.tx, changing); err != nil {
		return err
	}
	for _, locked := range b.lockedCases {
		b.cases[locked.CustomerID] = append(b.cases[locked.CustomerID], locked)
	}
	return nil
}

// decide applies the matching rules to one response after the other. A response opens at most one case and sends at most
// one alert to each address.
func (b *batch) decide() {
	for _, it := range b.items {
		switch {
		case it.stored != nil:
			it.outcome.SubmitResponsePayload = b.replay(it.stored.Response, it.stored.Case)
			continue
		case it.first != nil:
			it.outcome.SubmitResponsePayload = b.replay(it.first.response, it.first.outcome.Case)
			continue
		}
		if len(it.Matched) > 0 {
			b.applyDecision(it)
		}
		if it.changed != nil {
			b.propagate(it)
		}
		it.outcome.SubmitResponsePayload = &SubmitResponsePayload{Response: it.response, Created: true}
		if it.opened != nil {
			// The payload gets a copy, so that it does not show the changes that later items make to the case.
			c := it.opened.Case
			it.outcome.Case = &c
		}
	}
}

// replay returns the payload for a response that was already stored. Its case includes the changes that earlier items of
// the batch made.
func (b *batch) replay(r *model.Response, c *model.Case) *SubmitResponsePayload {
	out := &SubmitResponsePayload{Response: r, Case: c}
	for _, locked := range b.cases[r.CustomerID] {
		if c != nil && locked.ID == c.ID {
			current := locked.Case
			current.Customer, current.Response, current.Assignee = nil, nil, nil
			out.Case = &current
		}
	}
	return out
}

// applyDecision carries out what the rules decided about one response: it opens and assigns the case and prepares the
// mails.
func (b *batch) applyDecision(it *item) {
	var assignee *model.User
	var mails []model.Notification
	people := b.people
	if it.Opens != nil {
		opened := b.open(it)
		entry := event.Entry{Rule: &it.Opens.ID}
		people.Turn = b.turns[it.Opens.ID]
		b.turns[it.Opens.ID]++
		if assignee = people.Assignee(it.Decision, it.customer); assignee != nil {
			entry = opened.Apply(b.now, opened.AssignedEntry(assignee, entry), func() { opened.AssignTo(assignee, nil, b.now) })
			mails = casework.AssignedMail(opened, assignee, b.log(entry))
			b.people.OpenCases[assignee.ID]++
		}
	}
	for _, alert := range people.Alerts(it.Decision, it.customer, assignee) {
		n := model.Notification{
			Kind: model.NotifyNewResponse, To: alert.To, ResponseID: &it.response.ID, RuleID: &alert.Rule, CreatedAt: b.now,
		}
		if it.opened != nil {
			n.CaseID = &it.opened.ID
		}
		mails = append(mails, n)
	}
	if !b.options.SkipNotify {
		b.mails = append(b.mails, mails...)
	}
}

// open opens the case for an item whose decision names an opening rule.
func (b *batch) open(it *item) *casework.LockedCase {
	opened := &casework.LockedCase{
		Case:    model.Case{Origin: model.OriginRule, Customer: it.customer, Response: it.response, DueAt: it.DueAt(it.response)},
		RuleIDs: it.CaseRules(), Themes: it.themes,
	}
	if c := it.Opens.Calendar; c != nil {
		if b.calendars[c] == nil {
			b.calendars[c] = &model.StoredCalendar{ID: c.ID(), Calendar: c}
		}
		opened.CalendarID = &b.calendars[c].ID
	}
	opened.Begin(b.now)
	opened.Number, b.numbers = b.numbers[0], b.numbers[1:]
	b.log(event.Entry{Type: model.EventOpened, Rule: &it.Opens.ID, After: opened.Snapshot()})
	for _, s := range it.Steps(it.response, b.now) {
		s.CaseID = opened.ID
		b.steps = append(b.steps, &s)
	}
	it.opened = opened
	b.opened = append(b.opened, opened)
	b.cases[opened.CustomerID] = append(b.cases[opened.CustomerID], opened)
	return opened
}

// propagate applies the response's change of the customer to the customer's cases, except the case that the response
// opened: that case was opened with the changed customer.
func (b *batch) propagate(it *item) {
	for _, locked := range b.cases[it.customer.ID] {
		if locked != it.opened {
			b.log(it.changed.Apply(locked, b.now, nil))
		}
	}
}

func (b *batch) log(e event.Entry) *model.LoggedEvent {
	p := event.Prepare(e)
	b.events = append(b.events, p)
	return &p.LoggedEvent
}
