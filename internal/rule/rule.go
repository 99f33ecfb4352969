// Package rule decides which rules match a response and what they ask for. It is pure: what it decides on is handed
// in, and what it answers with is done by casework.
package rule

import (
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Rule is a rule ready to be tried.
type Rule struct {
	model.Rule
	filter *filter.Response
}

// Compile reads the stored filters of rules, once for all the responses they are tried on.
func Compile(rules []model.Rule) ([]Rule, error) {
	compiled := make([]Rule, len(rules))
	for i, r := range rules {
		compiled[i].Rule = r
		if r.Filter == nil {
			continue
		}
		f, err := filter.Stored(r.Filter)
		if err != nil {
			return nil, fmt.Errorf("read the filter of rule %s: %w", r.ID, err)
		}
		compiled[i].filter = f
	}
	return compiled, nil
}

// Decision is what the rules ask for, of one response.
type Decision struct {
	Matched []*model.Rule // by position
	Opens   *model.Rule   // the first of them that opens a case; nil: none does
}

// Match tries the enabled rules, by position, on a response, its customer and the themes it was tagged with.
func Match(rules []Rule, r *model.Response, c *model.Customer, now time.Time, themes ...model.Theme) Decision {
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
			d.Opens = &one.Rule
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

// DueAt is the follow-up target: the response's time plus the opening rule's target.
func (d Decision) DueAt(r *model.Response) *time.Time {
	if d.Opens.FollowUpTarget == nil {
		return nil
	}
	due := r.RespondedAt.Add(time.Duration(*d.Opens.FollowUpTarget))
	return &due
}
