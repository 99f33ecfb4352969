// Package rule owns the rules: which rules match a response, the writes of rules, and the preview of a rule on past
// responses.
//
// Matching is pure (match.go, escalation.go, recipe.go): the caller passes the response and the rules, and package casework
// executes the decision. Package rule refuses to open a case or to send a mail.
package rule

import (
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Compiled is a rule with its parsed filter and calendar.
type Compiled struct {
	model.Rule
	filter   *filter.Response
	calendar *calendar.Calendar
}

// Compile parses the stored filters and calendars of rules, once for all responses that are matched with the rules.
func Compile(rules []model.Rule) ([]Compiled, error) {
	compiled := make([]Compiled, len(rules))
	for i, r := range rules {
		compiled[i].Rule = r
		if r.Calendar != nil {
			var err error
			if compiled[i].calendar, err = calendar.New(r.Calendar); err != nil {
				return nil, fmt.Errorf("read the calendar of rule %s: %w", r.ID, err)
			}
		}
		if r.Filter == nil {
			continue
		}
		f, err := filter.ParseStored(r.Filter)
		if err != nil {
			return nil, fmt.Errorf("read the filter of rule %s: %w", r.ID, err)
		}
		compiled[i].filter = f
	}
	return compiled, nil
}

// Decision is the result of matching one response, or of one escalation step of a case.
type Decision struct {
	Matched []*model.Rule // by position
	Opens   *model.Rule   // the first matching rule that opens a case; nil: no rule opens one
	Step    int           // the escalation step, from 1; 0: the decision is about a response

	CurrentAssignee *model.UserID // the assignee of the case that a step escalates; nil: the case is unassigned

	calendar *calendar.Calendar // the calendar of the opening rule; nil: every hour counts
}

// Match matches the enabled rules, by position, with a response, its customer and its themes.
func Match(rules []Compiled, r *model.Response, c *model.Customer, now time.Time, themes ...model.Theme) Decision {
	subject := &filter.Subject{Response: r, Customer: c, Themes: themes, Now: now}
	var d Decision
	for i := range rules {
		one := &rules[i]
		switch {
		case !one.Enabled,
			len(one.Scores) > 0 && !slices.Contains(one.Scores, r.Score),
			one.ContactRequested != nil && *one.ContactRequested != r.ContactRequested,
			!one.filter.Match(subject):
			continue
		}
		d.Matched = append(d.Matched, &one.Rule)
		if one.OpensCase && d.Opens == nil {
			d.Opens, d.calendar = &one.Rule, one.calendar
		}
	}
	return d
}

// CaseRules returns the ids of the matching rules for the case: first the opening rule, then the others by position.
func (d Decision) CaseRules() []model.RuleID {
	ids := []model.RuleID{d.Opens.ID}
	for _, r := range d.Matched {
		if r.ID != d.Opens.ID {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// DueAt returns the time of the opening rule's follow-up target, measured from the response; nil: the rule has no target.
func (d Decision) DueAt(r *model.Response) *time.Time {
	if d.Opens.FollowUpTarget == nil {
		return nil
	}
	due := d.since(r.RespondedAt, *d.Opens.FollowUpTarget)
	return &due
}

// since adds business hours where the opening rule has a calendar, and plain time otherwise.
func (d Decision) since(at time.Time, after model.Duration) time.Time {
	if d.calendar == nil {
		return at.Add(time.Duration(after))
	}
	return d.calendar.Add(at, time.Duration(after))
}
