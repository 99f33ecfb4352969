package assignment

import (
	"slices"

	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// People are the users that a decision may need, read before the decision is made.
type People struct {
	byID    map[model.UserID]*model.User
	byEmail map[string]*model.User // by folded address
	Central []string

	// Turn is for ROUND_ROBIN: how often the rule has chosen a user, including this choice. OpenCases is for LEAST_BUSY: how
	// many cases that are not closed each user has.
	Turn      int64
	OpenCases map[model.UserID]int
}

// NewPeople returns the People of users and central addresses.
func NewPeople(users []*model.User, central []string) People {
	p := People{byID: map[model.UserID]*model.User{}, byEmail: map[string]*model.User{}, Central: central}
	for _, u := range users {
		p.byID[u.ID], p.byEmail[u.EmailFold] = u, u
	}
	return p
}

// UserRefs returns the ids and the folded e-mail addresses of the users that the decision may need.
func UserRefs(d rule.Decision, c *model.Customer) (ids []model.UserID, emails []string) {
	add := func(id *model.UserID) {
		if id != nil {
			ids = append(ids, *id)
		}
	}
	if d.Opens != nil {
		add(d.CurrentAssignee)
		add(d.Opens.UserID)
		add(d.Opens.FallbackUserID)
		ids = append(ids, d.Opens.Assignees...)
		if address := strategyAddress(d.Opens, c); address != nil {
			emails = append(emails, model.Fold(*address))
		}
	}
	for _, r := range d.Matched {
		for _, to := range r.Recipients {
			add(to.UserID)
		}
	}
	return ids, emails
}

func strategyAddress(r *model.Rule, c *model.Customer) *string {
	switch r.Strategy {
	case model.ToAccountManager:
		return c.AccountManagerEmail
	case model.ToAgent:
		return c.AgentEmail
	}
	return nil
}

// Assignee returns the user to whom the case is assigned: the user that the strategy finds, else the fallback, else nil.
func (p People) Assignee(d rule.Decision, c *model.Customer) *model.User {
	var found *model.User
	switch {
	case d.Opens.Strategy == model.ToUser && d.Opens.UserID != nil:
		found = p.byID[*d.Opens.UserID]
	case d.Opens.Strategy.Choosing():
		found = p.choose(d.Opens)
	case strategyAddress(d.Opens, c) != nil:
		found = p.byEmail[model.Fold(*strategyAddress(d.Opens, c))]
	}
	if found != nil && found.CanBeAssigned() {
		return found
	}
	if d.Opens.Strategy != model.Unassigned && d.Opens.FallbackUserID != nil {
		if fallback := p.byID[*d.Opens.FallbackUserID]; fallback != nil && fallback.CanBeAssigned() {
			return fallback
		}
	}
	return nil
}

// choose picks one of the rule's users who can be assigned now: the next in turn, or the user with the fewest cases. Where
// several users have the fewest, it picks the first in the rule's order.
func (p People) choose(r *model.Rule) *model.User {
	var able []*model.User
	for _, id := range r.Assignees {
		if u := p.byID[id]; u != nil && u.CanBeAssigned() {
			able = append(able, u)
		}
	}
	if len(able) == 0 {
		return nil
	}
	if r.Strategy == model.RoundRobin {
		return able[(p.Turn-1)%int64(len(able))]
	}
	return slices.MinFunc(able, func(a, b *model.User) int { return p.OpenCases[a.ID] - p.OpenCases[b.ID] })
}

// Alert is one address that gets a mail about the response, and the first rule that names the address.
type Alert struct {
	To   string
	Rule model.RuleID
}

// Alerts returns all addresses that the matching rules name, each once. Alerts are internal: the customer's own address is
// left out, even where a user has the same address.
func (p People) Alerts(d rule.Decision, c *model.Customer, assignee *model.User) []Alert {
	var alerts []Alert
	sent := map[string]bool{}
	if c.Email != nil {
		sent[model.Fold(*c.Email)] = true
	}
	for _, r := range d.Matched {
		for _, to := range r.Recipients {
			for _, address := range addresses(to, c, assignee, p) {
				if folded := model.Fold(address); !sent[folded] {
					sent[folded] = true
					alerts = append(alerts, Alert{To: address, Rule: r.ID})
				}
			}
		}
	}
	return alerts
}

func addresses(to model.Recipient, c *model.Customer, assignee *model.User, p People) []string {
	one := func(address *string) []string {
		if address == nil {
			return nil
		}
		return []string{*address}
	}
	switch to.Kind {
	case model.RecipientAddress:
		return one(to.Address)
	case model.RecipientUser:
		if u := p.byID[*to.UserID]; u != nil && u.Active {
			return one(&u.Email)
		}
	case model.RecipientCentral:
		return p.Central
	case model.RecipientAssignee:
		if assignee != nil {
			return one(&assignee.Email)
		}
	case model.RecipientAccountManager:
		return one(c.AccountManagerEmail)
	case model.RecipientAgent:
		return one(c.AgentEmail)
	}
	return nil
}
