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

// batch is the working state for items that are processed together.
type batch struct {
	*batchTx
	items     []*item
	found     []*storedRow                        // responses that are stored already
	customers func() (*customer.Directory, error) // returns the directory
	directory *customer.Directory
	people    assignment.People
	turns     map[model.RuleID]int64
	numbers   []int                                       // of the cases that this batch opens, in order
	cases     map[model.CustomerID][]*casework.LockedCase // the cases of customers who change, and the cases opened by this batch

	// Rows to write.
	lockedCases []*casework.LockedCase // cases that existed before this batch
	opened      []*casework.LockedCase
	tags        []*model.Tag
	steps       []*model.CaseEscalation
	calendars   map[*model.Calendar]*model.StoredCalendar
	events      []*event.Pending
	mails       []model.Notification
}

// load finds the responses that are already stored. For each of the other responses it finds or creates the customer and
// matches the rules.
func (b *batch) load() error {
	stored, err := b.storedCases()
	if err != nil {
		return err
	}
	if b.directory, err = b.customers(); err != nil {
		return err
	}
	first := map[string]*item{}
	for _, it := range b.items {
		if it.ExternalID != nil {
			if it.stored, it.first = stored[*it.ExternalID], first[*it.ExternalID]; it.stored != nil || it.first != nil {
				continue
			}
			first[*it.ExternalID] = it
		}
		if err := b.resolveCustomer(it); err != nil {
			return err
		}
		it.response = it.valid.response(it.customer, b.now)
		it.themes = b.themes.Match(it.response.Comment)
		if !b.options.SkipRules {
			it.Decision = rule.Match(b.rules, it.response, it.customer, b.now, it.themes...)
		}
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

// storedRow is a stored response, and the external id of this batch that it has.
type storedRow struct {
	Asked string
	model.Response
}

// addStored finds the stored responses that have an external id of this batch. No other transaction can insert such a
// response meanwhile: the transaction holds the locks of the external ids.
func (b *batch) addStored(p *pg.Pipeline) {
	var ids []string
	for _, it := range b.items {
		if it.ExternalID != nil {
			ids = append(ids, *it.ExternalID)
		}
	}
	if len(ids) == 0 {
		return
	}
	// This is one statement: an erasure between two statements could move an id from responses to erased_response_ids, and
	// neither statement would find the response.
	sql, args := `SELECT i.id AS asked, r.* FROM unnest(CAST(@ids AS text[])) AS i(id), LATERAL (SELECT * FROM responses WHERE external_id = i.id) r UNION ALL
		SELECT i.id, r.* FROM unnest(CAST(@ids AS text[])) AS i(id) JOIN erased_response_ids e ON e.hash = erased_id(i.id) JOIN responses r ON r.id = e.response_id
		WHERE EXISTS (SELECT 1 FROM erased_response_ids)`, map[string]any{"ids": pg.Array(ids)}
	if len(ids) == 1 { // the statement for one id takes half as long
		sql, args = `SELECT @id AS asked, r.* FROM responses r WHERE external_id = @id UNION ALL
			SELECT @id, r.* FROM erased_response_ids e JOIN responses r ON r.id = e.response_id WHERE e.hash = erased_id(@id)`, map[string]any{"id": ids[0]}
	}
	pg.AddFind(p, "find stored responses", b.tx.Raw(sql, args), &b.found)
}

// storedCases returns the stored responses with their cases, by the external ids of this batch.
func (b *batch) storedCases() (map[string]*SubmitResponsePayload, error) {
	if len(b.found) == 0 {
		return nil, nil
	}
	var responses []model.ResponseID
	for _, r := range b.found {
		responses = append(responses, r.ID)
	}
	var cases []*model.Case
	if err := b.tx.Where(pg.In("response_id", responses)).Find(&cases).Error; err != nil {
		return nil, fmt.Errorf("read the cases of stored responses: %w", err)
	}
	caseByResponse := map[model.ResponseID]*model.Case{}
	for _, c := range cases {
		caseByResponse[*c.ResponseID] = c
	}
	stored := map[string]*SubmitResponsePayload{}
	for _, r := range b.found {
		stored[r.Asked] = &SubmitResponsePayload{Response: &r.Response, Case: caseByResponse[r.ID]}
	}
	return stored, nil
}

// resolveCustomer finds or creates the item's customer.
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
	visible, err := b.viewer.Sees(b.tx.Model(&model.Customer{}).Where("id = ?", p.ID).Where(b.viewer.Scope().Customers(b.now)))
	if err != nil {
		return err
	}
	if !visible {
		return errOutside()
	}
	it.person = p
	it.customer, it.changed = it.mention.Merge(p.Customer)
	b.directory.Replace(p, it.customer)
	return nil
}

// lock locks and reads what decide needs: the turns of rules, the numbers of new rows, and the cases of customers who
// change.
func (b *batch) lock() (err error) {
	var requests []assignment.Request
	var changing []model.CustomerID
	for _, it := range b.items {
		if len(it.Matched) > 0 {
			requests = append(requests, assignment.Request{Decision: it.Decision, Customer: it.customer})
		}
		if it.changed != nil && it.person.Stored != nil {
			changing = append(changing, it.customer.ID)
		}
	}
	p := pg.NewPipeline(b.tx)
	take := assignment.AddTake(p, b.house.people, requests...)
	b.addNumbers(p)
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
		for _, t := range it.themes {
			b.tags = append(b.tags, &model.Tag{ResponseID: it.response.ID, ThemeID: t.ID})
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
