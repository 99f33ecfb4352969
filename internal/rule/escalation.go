package rule

import (
	"slices"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Steps are the opening rule's escalations as a case opened now keeps them. A step counts from the response's time, as
// the target does; one whose time had come before the case opened is not the case's: nobody missed it.
func (d Decision) Steps(r *model.Response, opened time.Time) []model.CaseEscalation {
	var steps []model.CaseEscalation
	for i, e := range d.Opens.Escalations {
		due := d.since(r.RespondedAt, e.After)
		if !due.After(opened) {
			continue
		}
		steps = append(steps, model.CaseEscalation{
			Step: i + 1, RuleID: d.Opens.ID, After: e.After, DueAt: due, Notify: e.Notify, Reassign: e.Reassign,
		})
	}
	return steps
}

// Step is what a step of a case asks for, as the decision of a rule, so that the assignee and whom to tell are found as
// they are when a case opens. Where a strategy chooses among users, whoever has the case is passed over: they have had
// their turn. Opens is nil where the step reassigns nothing.
func Step(s *model.CaseEscalation, has *model.UserID) Decision {
	asks := &model.Rule{ID: s.RuleID, Recipients: s.Notify}
	d := Decision{Matched: []*model.Rule{asks}, Step: s.Step, CurrentAssignee: has}
	if s.Reassign == nil {
		return d
	}
	asks.Strategy, asks.UserID, asks.FallbackUserID = s.Reassign.Strategy, s.Reassign.UserID, s.Reassign.FallbackUserID
	asks.Assignees = slices.DeleteFunc(slices.Clone(s.Reassign.UserIDs), func(id model.UserID) bool { return has != nil && id == *has })
	d.Opens = asks
	return d
}
