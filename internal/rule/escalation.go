package rule

import (
	"slices"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Steps returns the opening rule's escalation steps for a case that is opened at the given time. A step is measured from
// the response, like the target. A step that was due before the case opened is left out, because nobody has missed it.
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

// Step returns an escalation step of a case as a decision, so that its assignee and recipients are chosen by the same code
// as those of a new case. Where a strategy chooses among users, the current assignee is not a candidate. Opens is nil
// where the step does not reassign the case.
func Step(s *model.CaseEscalation, current *model.UserID) Decision {
	step := &model.Rule{ID: s.RuleID, Recipients: s.Notify}
	d := Decision{Matched: []*model.Rule{step}, Step: s.Step, CurrentAssignee: current}
	if s.Reassign == nil {
		return d
	}
	step.Strategy, step.UserID, step.FallbackUserID = s.Reassign.Strategy, s.Reassign.UserID, s.Reassign.FallbackUserID
	step.Assignees = slices.DeleteFunc(slices.Clone(s.Reassign.UserIDs), func(id model.UserID) bool { return current != nil && id == *current })
	d.Opens = step
	return d
}
