package casework

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/assignment"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// group is arrivals that go in together.
type group struct {
	*intake
	arrivals  []*arrival
	directory *directory
	people    assignment.People
	turns     map[model.RuleID]int64
	cases     map[model.CustomerID][]*LockedCase // of customers who change, and those that are opened

	// What is to be written.
	made      []*model.CustomerRow
	held      []*LockedCase // cases that were there before
	opened    []*LockedCase
	tags      []*model.Tag
	steps     []*model.CaseEscalation
	calendars map[*model.Calendar]*model.StoredCalendar
	events    []*event.Pending
	mails     []model.Notification
}

// receive finds out whose responses these are and which are here already, and tries the rules on the others.
func (g *group) receive() error {
	known, err := g.known()
	if err != nil {
		return err
	}
	if g.directory, err = openDirectory(g.tx, g.arrivals); err != nil {
		return err
	}
	first := map[string]*arrival{}
	for _, a := range g.arrivals {
		if a.ExternalID != nil {
			if a.known, a.first = known[*a.ExternalID], first[*a.ExternalID]; a.known != nil || a.first != nil {
				continue
			}
			first[*a.ExternalID] = a
		}
		if err := g.meet(a); err != nil {
			return err
		}
		a.response = a.prepared.response(a.customer, g.now)
		a.themes = g.spoken(a.response)
		a.Decision = rule.Match(g.rules, a.response, a.customer, g.now, a.themes...)
	}
	return nil
}

// known finds the responses that have one of the external ids already, with their cases. Nobody can be about to write
// one: the caller holds the locks of the ids.
func (g *group) known() (map[string]*SubmitResponsePayload, error) {
	var ids []string
	for _, a := range g.arrivals {
		if a.ExternalID != nil {
			ids = append(ids, *a.ExternalID)
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
	err := g.tx.Raw(sql, args).Scan(&rows).Error
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
	if err := g.tx.Where(pg.In("response_id", responses)).Find(&cases).Error; err != nil {
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

// meet gives the arrival its customer.
func (g *group) meet(a *arrival) error {
	p, err := g.directory.find(a.prepared)
	if err != nil {
		return err
	}
	if p == nil {
		a.customer = a.newcomer(g.now)
		a.person = &person{Customer: a.customer}
		g.directory.enter(a.person)
		return nil
	}
	seen, err := g.viewer.Sees(g.tx.Model(&model.Customer{}).Where("id = ?", p.ID).Where(g.viewer.Scope().Customers(g.now)))
	if err != nil {
		return err
	}
	if !seen {
		return outside()
	}
	a.person = p
	a.customer, a.changed = a.renew(p.Customer)
	g.directory.become(p, a.customer)
	return nil
}

// prepare locks and reads what carrying out needs: users, turns, and the cases of customers who change.
func (g *group) prepare() (err error) {
	var asks []assignment.Request
	var changing []model.CustomerID
	for _, a := range g.arrivals {
		if len(a.Matched) > 0 {
			asks = append(asks, assignment.Request{Decision: a.Decision, Customer: a.customer})
		}
		if a.changed != nil && a.person.stored != nil {
			changing = append(changing, a.customer.ID)
		}
	}
	if g.people, g.turns, err = assignment.LookUp(g.tx, g.central, asks...); err != nil {
		return err
	}
	g.cases, g.calendars = map[model.CustomerID][]*LockedCase{}, map[*model.Calendar]*model.StoredCalendar{}
	if len(changing) == 0 {
		return nil
	}
	if g.held, err = LockCasesOf(g.tx, changing); err != nil {
		return err
	}
	for _, h := range g.held {
		g.cases[h.CustomerID] = append(g.cases[h.CustomerID], h)
	}
	return nil
}

// carryOut does what the matching rules ask for, one response after the other: one case at most for each, and each
// address told once.
func (g *group) carryOut() {
	for _, a := range g.arrivals {
		switch {
		case a.known != nil:
			a.outcome.SubmitResponsePayload = g.again(a.known.Response, a.known.Case)
			continue
		case a.first != nil:
			a.outcome.SubmitResponsePayload = g.again(a.first.response, a.first.outcome.Case)
			continue
		}
		for _, t := range a.themes {
			g.tags = append(g.tags, &model.Tag{ResponseID: a.response.ID, ThemeID: t.ID})
		}
		if len(a.Matched) > 0 {
			g.follow(a)
		}
		if a.changed != nil {
			g.propagate(a)
		}
		a.outcome.SubmitResponsePayload = &SubmitResponsePayload{Response: a.response, Created: true}
		if a.opened != nil {
			// What those who come later do to it is not of this answer.
			c := a.opened.Case
			a.outcome.Case = &c
		}
	}
}

// again is what a response is answered with that was here already: with its case as it is by now.
func (g *group) again(r *model.Response, c *model.Case) *SubmitResponsePayload {
	out := &SubmitResponsePayload{Response: r, Case: c}
	for _, h := range g.cases[r.CustomerID] {
		if c != nil && h.ID == c.ID {
			moved := h.Case
			moved.Customer, moved.Response, moved.Assignee = nil, nil, nil
			out.Case = &moved
		}
	}
	return out
}

// follow carries out the decision about one response.
func (g *group) follow(a *arrival) {
	var assignee *model.User
	var mails []model.Notification
	people := g.people
	if a.Opens != nil {
		h := g.open(a)
		entry := event.Entry{Rule: &a.Opens.ID}
		people.Turn = g.turns[a.Opens.ID]
		g.turns[a.Opens.ID]++
		if assignee = people.Assignee(a.Decision, a.customer); assignee != nil {
			entry = h.Apply(g.now, h.AssignedEntry(assignee, entry), func() { h.AssignTo(assignee, nil, g.now) })
			mails = AssignedMail(h, assignee, g.log(entry))
			g.people.OpenCases[assignee.ID]++
		}
	}
	for _, alert := range people.Alerts(a.Decision, a.customer, assignee) {
		n := model.Notification{
			Kind: model.NotifyNewResponse, To: alert.To, ResponseID: &a.response.ID, RuleID: &alert.Rule, CreatedAt: g.now,
		}
		if a.opened != nil {
			n.CaseID = &a.opened.ID
		}
		mails = append(mails, n)
	}
	if !g.options.SkipNotify {
		g.mails = append(g.mails, mails...)
	}
}

// open opens the case that a rule asks for.
func (g *group) open(a *arrival) *LockedCase {
	h := &LockedCase{
		Case:    model.Case{Origin: model.OriginRule, Customer: a.customer, Response: a.response, DueAt: a.DueAt(a.response)},
		RuleIDs: a.CaseRules(), Themes: a.themes,
	}
	if c := a.Opens.Calendar; c != nil {
		if g.calendars[c] == nil {
			g.calendars[c] = &model.StoredCalendar{ID: c.ID(), Calendar: c}
		}
		h.CalendarID = &g.calendars[c].ID
	}
	h.Begin(g.now)
	g.log(event.Entry{Type: model.EventOpened, Rule: &a.Opens.ID, After: h.Snapshot()})
	for _, s := range a.Steps(a.response, g.now) {
		s.CaseID = h.ID
		g.steps = append(g.steps, &s)
	}
	a.opened = h
	g.opened = append(g.opened, h)
	g.cases[h.CustomerID] = append(g.cases[h.CustomerID], h)
	return h
}

// spread has the customer's cases follow what the response has changed of them, but for the one that it opened.
func (g *group) propagate(a *arrival) {
	for _, h := range g.cases[a.customer.ID] {
		if h != a.opened {
			g.log(a.changed.Apply(h, g.now, nil))
		}
	}
}

func (g *group) log(e event.Entry) *model.LoggedEvent {
	p := event.Prepare(e)
	g.events = append(g.events, p)
	return &p.LoggedEvent
}
