package intake

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// batch is items that go in together.
type batch struct {
	*batchTx
	items     []*item
	directory *customer.Directory
	people    assignment.People
	turns     map[model.RuleID]int64
	cases     map[model.CustomerID][]*casework.LockedCase // of customers who change, and those that are opened

	// What is to be written.
	made        []*model.CustomerRow
	lockedCases []*casework.LockedCase // cases that were there before
	opened      []*casework.LockedCase
	tags        []*model.Tag
	steps       []*model.CaseEscalation
	calendars   map[*model.Calendar]*model.StoredCalendar
	events      []*event.Pending
	mails       []model.Notification
}

// load finds the customers of the responses and the responses that are stored already, and matches the rules with the
// others.
func (b *batch) load() error {
	known, err := b.known()
	if err != nil {
		return err
	}
	if b.directory, err = customer.OpenDirectory(b.tx, b.mentions()); err != nil {
		return err
	}
	first := map[string]*item{}
	for _, it := range b.items {
		if it.ExternalID != nil {
			if it.known, it.first = known[*it.ExternalID], first[*it.ExternalID]; it.known != nil || it.first != nil {
				continue
			}
			first[*it.ExternalID] = it
		}
		if err := b.resolveCustomer(it); err != nil {
			return err
		}
		it.response = it.valid.response(it.customer, b.now)
		it.themes = b.themes.Match(it.response.Comment)
		it.Decision = rule.Match(b.rules, it.response, it.customer, b.now, it.themes...)
	}
	return nil
}

func (b *batch) mentions() []*customer.Mention {
	mentions := make([]*customer.Mention, len(b.items))
	for i, it := range b.items {
		mentions[i] = &it.mention
	}
	return mentions
}

// known finds the responses that have one of the external ids already, with their cases. No other transaction can be
// writing one: the caller holds the locks of the ids.
func (b *batch) known() (map[string]*SubmitResponsePayload, error) {
	var ids []string
	for _, it := range b.items {
		if it.ExternalID != nil {
			ids = append(ids, *it.ExternalID)
		}
	}
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []*struct {
		Asked string
		model.Response
	}
	// In one statement: between two, an erasure could take an id away behind the first and before the second.
	sql, args := `SELECT i.id AS asked, r.* FROM unnest(CAST(@ids AS text[])) AS i(id), LATERAL (SELECT * FROM responses WHERE external_id = i.id) r UNION ALL
		SELECT i.id, r.* FROM unnest(CAST(@ids AS text[])) AS i(id) JOIN erased_response_ids e ON e.hash = erased_id(i.id) JOIN responses r ON r.id = e.response_id
		WHERE EXISTS (SELECT 1 FROM erased_response_ids)`, map[string]any{"ids": pg.Array(ids)}
	if len(ids) == 1 { // costs half of that
		sql, args = `SELECT @id AS asked, r.* FROM responses r WHERE external_id = @id UNION ALL
			SELECT @id, r.* FROM erased_response_ids e JOIN responses r ON r.id = e.response_id WHERE e.hash = erased_id(@id)`, map[string]any{"id": ids[0]}
	}
	err := b.tx.Raw(sql, args).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("look for responses: %w", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	var responses []model.ResponseID
	for _, r := range rows {
		responses = append(responses, r.ID)
	}
	var cases []*model.Case
	if err := b.tx.Where(pg.In("response_id", responses)).Find(&cases).Error; err != nil {
		return nil, fmt.Errorf("look for responses' cases: %w", err)
	}
	cased := map[model.ResponseID]*model.Case{}
	for _, c := range cases {
		cased[*c.ResponseID] = c
	}
	known := map[string]*SubmitResponsePayload{}
	for _, r := range rows {
		known[r.Asked] = &SubmitResponsePayload{Response: &r.Response, Case: cased[r.ID]}
	}
	return known, nil
}

// resolveCustomer finds or makes the item's customer.
func (b *batch) resolveCustomer(it *item) error {
	p, err := b.directory.Find(&it.mention)
	if err != nil {
		return err
	}
	if p == nil {
		it.customer = it.mention.NewCustomer(b.now)
		it.person = &customer.Person{Customer: it.customer}
		b.directory.Add(it.person)
		return nil
	}
	seen, err := b.viewer.Sees(b.tx.Model(&model.Customer{}).Where("id = ?", p.ID).Where(b.viewer.Scope().Customers(b.now)))
	if err != nil {
		return err
	}
	if !seen {
		return errOutside()
	}
	it.person = p
	it.customer, it.changed = it.mention.Merge(p.Customer)
	b.directory.Replace(p, it.customer)
	return nil
}

// lock locks and reads what the decisions need: users, turns, and the cases of customers who change.
func (b *batch) lock() (err error) {
	var asks []assignment.Request
	var changing []model.CustomerID
	for _, it := range b.items {
		if len(it.Matched) > 0 {
			asks = append(asks, assignment.Request{Decision: it.Decision, Customer: it.customer})
		}
		if it.changed != nil && it.person.Stored != nil {
			changing = append(changing, it.customer.ID)
		}
	}
	if b.people, b.turns, err = assignment.LookUp(b.tx, b.central, asks...); err != nil {
		return err
	}
	b.cases, b.calendars = map[model.CustomerID][]*casework.LockedCase{}, map[*model.Calendar]*model.StoredCalendar{}
	if len(changing) == 0 {
		return nil
	}
	if b.lockedCases, err = casework.LockCasesOf(b.tx, changing); err != nil {
		return err
	}
	for _, h := range b.lockedCases {
		b.cases[h.CustomerID] = append(b.cases[h.CustomerID], h)
	}
	return nil
}

// decide does what the matching rules ask for, one response after the other: each opens one case at most, and each
// address gets one mail.
func (b *batch) decide() {
	for _, it := range b.items {
		switch {
		case it.known != nil:
			it.outcome.SubmitResponsePayload = b.replay(it.known.Response, it.known.Case)
			continue
		case it.first != nil:
			it.outcome.SubmitResponsePayload = b.replay(it.first.response, it.first.outcome.Case)
			continue
		}
		for _, t := range it.themes {
			b.tags = append(b.tags, &model.Tag{ResponseID: it.response.ID, ThemeID: t.ID})
		}
		if len(it.Matched) > 0 {
			b.follow(it)
		}
		if it.changed != nil {
			b.propagate(it)
		}
		it.outcome.SubmitResponsePayload = &SubmitResponsePayload{Response: it.response, Created: true}
		if it.opened != nil {
			// The answer does not show what later items do to the case.
			c := it.opened.Case
			it.outcome.Case = &c
		}
	}
}

// replay answers for a response that was stored already, with its case as it is by now.
func (b *batch) replay(r *model.Response, c *model.Case) *SubmitResponsePayload {
	out := &SubmitResponsePayload{Response: r, Case: c}
	for _, h := range b.cases[r.CustomerID] {
		if c != nil && h.ID == c.ID {
			moved := h.Case
			moved.Customer, moved.Response, moved.Assignee = nil, nil, nil
			out.Case = &moved
		}
	}
	return out
}

// follow does what was decided about one response.
func (b *batch) follow(it *item) {
	var assignee *model.User
	var mails []model.Notification
	people := b.people
	if it.Opens != nil {
		h := b.open(it)
		entry := event.Entry{Rule: &it.Opens.ID}
		people.Turn = b.turns[it.Opens.ID]
		b.turns[it.Opens.ID]++
		if assignee = people.Assignee(it.Decision, it.customer); assignee != nil {
			entry = h.Apply(b.now, h.AssignedEntry(assignee, entry), func() { h.AssignTo(assignee, nil, b.now) })
			mails = casework.AssignedMail(h, assignee, b.log(entry))
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

// open opens the case that a rule asks for.
func (b *batch) open(it *item) *casework.LockedCase {
	h := &casework.LockedCase{
		Case:    model.Case{Origin: model.OriginRule, Customer: it.customer, Response: it.response, DueAt: it.DueAt(it.response)},
		RuleIDs: it.CaseRules(), Themes: it.themes,
	}
	if c := it.Opens.Calendar; c != nil {
		if b.calendars[c] == nil {
			b.calendars[c] = &model.StoredCalendar{ID: c.ID(), Calendar: c}
		}
		h.CalendarID = &b.calendars[c].ID
	}
	h.Begin(b.now)
	b.log(event.Entry{Type: model.EventOpened, Rule: &it.Opens.ID, After: h.Snapshot()})
	for _, s := range it.Steps(it.response, b.now) {
		s.CaseID = h.ID
		b.steps = append(b.steps, &s)
	}
	it.opened = h
	b.opened = append(b.opened, h)
	b.cases[h.CustomerID] = append(b.cases[h.CustomerID], h)
	return h
}

// propagate carries the response's change of the customer to the customer's cases, without the case that the response
// opened.
func (b *batch) propagate(it *item) {
	for _, h := range b.cases[it.customer.ID] {
		if h != it.opened {
			b.log(it.changed.Apply(h, b.now, nil))
		}
	}
}

func (b *batch) log(e event.Entry) *model.LoggedEvent {
	p := event.Prepare(e)
	b.events = append(b.events, p)
	return &p.LoggedEvent
}
