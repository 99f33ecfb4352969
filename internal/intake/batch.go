package intake

import (
	"bytes"
	"fmt"
	"time"

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
	revised     []*model.Case          // those of them whose responses change
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
	for i, it := range b.items {
		if it.ExternalID != nil {
			known, revises := it.known(stored[it.key], first[it.key])
			switch {
			case known:
				continue
			case revises && i > 0: // what comes before is saved first
				b.items = b.items[:i]
				return nil
			case revises:
				b.items = b.items[:1]
				return b.loadRevision(it, &stored[it.key].storedRow.Response)
			}
			first[it.key] = it
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

// known finds the response with an item's key: it is stored, or an earlier item has it. If the item says what was said
// before, it gets that response. If it says anything else it may revise the response.
func (it *item) known(stored *storedResponse, earlier *item) (known, revises bool) {
	switch {
	case stored != nil && (stored.ExternalID == nil || it.repeats(stored.Statements)): // an erased response stays erased
		it.stored = stored.SubmitResponsePayload
	case earlier != nil && bytes.Equal(earlier.statement, it.statement):
		it.first = earlier
	default:
		return false, stored != nil || earlier != nil
	}
	return true, false
}

func (b *batch) mentions() []*customer.Mention {
	mentions := make([]*customer.Mention, len(b.items))
	for i, it := range b.items {
		mentions[i] = &it.mention
	}
	return mentions
}

// storedRow is a stored response, and the key of this batch that it has.
type storedRow struct {
	Asked string
	model.Response
	Statements []byte // of its submissions, statementSize bytes each
}

// TableName returns the name of the table.
func (storedRow) TableName() string { return "responses" }

// storedResponse is a stored response with its case.
type storedResponse struct {
	*storedRow
	*SubmitResponsePayload
}

// addStored finds the stored responses that have a key of this batch. No other transaction can insert such a response
// meanwhile: the transaction holds the locks of the keys.
func (b *batch) addStored(p *pg.Pipeline) {
	var keys, folds []string
	for _, it := range b.items {
		if it.ExternalID != nil {
			keys, folds = append(keys, it.key), append(folds, model.Fold(*it.ExternalID))
		}
	}
	if len(keys) == 0 {
		return
	}
	// This is one statement: an erasure between two statements could move an id from responses to erased_response_ids, and
	// neither statement would find the response.
	sql, args := `SELECT i.key AS asked, r.* FROM unnest(CAST(@keys AS text[]), CAST(@folds AS text[])) AS i(key, fold),
			LATERAL (SELECT * FROM responses WHERE external_id_fold = i.fold AND md5(response_key(external_id, survey_fold)) = md5(i.key)) r UNION ALL
		SELECT i.key, r.* FROM unnest(CAST(@keys AS text[])) AS i(key) JOIN erased_response_ids e ON e.hash = erased_id(i.key) JOIN responses r ON r.id = e.response_id
		WHERE EXISTS (SELECT 1 FROM erased_response_ids)`, map[string]any{"keys": pg.Array(keys), "folds": pg.Array(folds)}
	if len(keys) == 1 { // the statement for one key takes half as long
		sql, args = `SELECT @key AS asked, r.* FROM responses r WHERE external_id_fold = @fold AND md5(response_key(external_id, survey_fold)) = md5(@key) UNION ALL
			SELECT @key, r.* FROM erased_response_ids e JOIN responses r ON r.id = e.response_id WHERE e.hash = erased_id(@key)`,
			map[string]any{"key": keys[0], "fold": folds[0]}
	}
	pg.AddFind(p, "find stored responses", b.tx.Raw(sql, args), &b.found)
}

// storedCases returns the stored responses with their cases, by the keys of this batch.
func (b *batch) storedCases() (map[string]*storedResponse, error) {
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
	stored := map[string]*storedResponse{}
	for _, r := range b.found {
		stored[r.Asked] = &storedResponse{r, &SubmitResponsePayload{Response: &r.Response, Case: caseByResponse[r.ID]}}
	}
	return stored, nil
}

// resolveCustomer finds or creates the item's customer.
func (b *batch) resolveCustomer(it *item) error {
	p, err := b.directory.Find(&it.mention)
	if err != nil {
		return err
	}
	it.outcome.JoinedByName = p != nil && it.mention.ByName()
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
		if it.changed != nil && it.person.Stored != nil || it.revision != nil && it.revision.ownCase != nil {
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
		case it.outcome.Fault != nil:
			continue
		case it.revision != nil:
			b.applyRevision(it)
			continue
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
		it.outcome.SubmitResponsePayload = &SubmitResponsePayload{Response: it.response, Created: true, Changed: []string{}}
		it.outcome.Opened, it.outcome.PastTarget = it.opened != nil, it.pastTarget(b.now)
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
	out := &SubmitResponsePayload{Response: r, Case: c, Changed: []string{}}
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
		switch {
		case it.opened != nil:
			n.CaseID = &it.opened.ID
		case it.revision != nil && it.revision.ownCase != nil:
			n.CaseID = &it.revision.ownCase.ID
		}
		mails = append(mails, n)
	}
	switch {
	case b.options.SkipNotify:
	case b.options.Digest && it.old(b.now):
		for _, m := range mails {
			it.outcome.Told = append(it.outcome.Told, Told{m.To, m.Kind == model.NotifyCaseAssigned})
		}
	default:
		b.mails = append(b.mails, mails...)
	}
}

// oldAfter is the age of a response without a target from which on it is old.
const oldAfter = 48 * time.Hour

// pastTarget reports whether the item's case was past its target when it opened.
func (it *item) pastTarget(now time.Time) bool {
	return it.opened != nil && it.opened.DueAt != nil && !it.opened.DueAt.After(now)
}

// old reports whether nobody can answer the response in time any more.
func (it *item) old(now time.Time) bool {
	if it.opened != nil && it.opened.DueAt != nil {
		return it.pastTarget(now)
	}
	return now.Sub(it.response.RespondedAt) > oldAfter
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
