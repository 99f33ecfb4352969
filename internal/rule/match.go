// Package rule owns the rules: their matching, their writes and the preview of a rule on past responses.
//
// Matching is pure (match.go, escalation.go, recipe.go): the caller hands in the response and the rules, and casework
// carries the decision out. It refuses to open a case or to send a mail.
package rule

import (
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/calendar"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Compiled is a rule whose stored filter and calendar have been read.
type Compiled struct {
	model.Rule
	filter   *filter.Response
	calendar *calendar.Calendar
}

// Compile reads the stored filters and calendars of rules, once for all responses that the rules are tried on.
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

// Decision is what the rules ask for, of one response; or what a step of a case's escalation does.
type Decision struct {
	Matched []*model.Rule // by position
	Opens   *model.Rule   // the first of them that opens a case; nil: none does
	Step    int           // of an escalation, from 1; 0: a response came in

	calendar *calendar.Calendar // of the rule that opens; nil: the clock runs through
	has      *model.UserID      // of a step: who has the case, and is named as who had it
}

// Match tries the enabled rules, by position, on a response, its customer and the themes it was tagged with.
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

// CaseRules are the matching rules as the case names them: the one that opened it first.
func (d Decision) CaseRules() []model.RuleID {
	ids := []model.RuleID{d.Opens.ID}
	for _, r := range d.Matched {
		if r.ID != d.Opens.ID {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// DueAt is the follow-up target: the opening rule's, counted from the response's time.
func (d Decision) DueAt(r *model.Response) *time.Time {
	if d.Opens.FollowUpTarget == nil {
		return nil
	}
	due := d.since(r.RespondedAt, *d.Opens.FollowUpTarget)
	return &due
}

// since counts in business hours where the opening rule has a calendar, else by the clock.
func (d Decision) since(at time.Time, after model.Duration) time.Time {
	if d.calendar == nil {
		return at.Add(time.Duration(after))
	}
	return d.calendar.Add(at, time.Duration(after))
}
