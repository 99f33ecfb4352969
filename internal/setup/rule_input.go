package setup

import (
	"fmt"
	"slices"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// apply sets what the input gives on the rule, and checks it.
func (in UpdateRuleInput) apply(r *model.Rule) (err error) {
	if v, ok := in.Name.ValueOK(); ok {
		if v == nil {
			return notNull("name")
		}
		if r.Name, err = checkName("input.name", *v); err != nil {
			return err
		}
	}
	if v, ok := in.Enabled.ValueOK(); ok {
		if v == nil {
			return notNull("enabled")
		}
		r.Enabled = *v
	}
	if v, ok := in.OpensCase.ValueOK(); ok {
		if v == nil {
			return notNull("opensCase")
		}
		r.OpensCase = *v
	}
	if v, ok := in.Scores.ValueOK(); ok {
		for i, score := range v {
			if score < 0 || score > 10 {
				return fault.Input(fmt.Sprintf("input.scores[%d]", i), "a score is from 0 to 10, not %d", score)
			}
		}
		r.Scores = append([]int{}, v...)
		slices.Sort(r.Scores)
		r.Scores = slices.Compact(r.Scores)
	}
	if v, ok := in.ContactRequested.ValueOK(); ok {
		r.ContactRequested = v
	}
	if v, ok := in.Filter.ValueOK(); ok {
		if r.Filter, err = stored(v); err != nil {
			return err
		}
	}
	if v, ok := in.FollowUpTarget.ValueOK(); ok {
		if v != nil && *v <= 0 {
			return fault.Input("input.followUpTarget", "a target is longer than nothing; null means none")
		}
		r.FollowUpTarget = v
	}
	if v, ok := in.Assignment.ValueOK(); ok {
		if err := v.apply(r); err != nil {
			return err
		}
	}
	if v, ok := in.Notify.ValueOK(); ok {
		return applyRecipients(r, v)
	}
	return nil
}

func (in *AssignmentInput) apply(r *model.Rule) error {
	if in == nil {
		r.Strategy, r.UserID, r.FallbackUserID, r.Assignees = model.Unassigned, nil, nil, nil
		return nil
	}
	switch {
	case in.Strategy == model.ToUser && in.UserID == nil:
		return fault.Input("input.assignment.userId", "the strategy USER needs a user")
	case in.Strategy != model.ToUser && in.UserID != nil:
		return fault.Input("input.assignment.userId", "a user goes with the strategy USER alone")
	case in.Strategy == model.Unassigned && in.FallbackUserID != nil:
		return fault.Input("input.assignment.fallbackUserId", "the strategy UNASSIGNED looks for nobody, so it has no fallback")
	}
	switch {
	case in.Strategy.Choosing() && len(in.UserIDs) == 0:
		return fault.Input("input.assignment.userIds", "the strategy %s needs users to choose from", in.Strategy)
	case !in.Strategy.Choosing() && in.UserIDs != nil:
		return fault.Input("input.assignment.userIds", "users go with the strategies ROUND_ROBIN and LEAST_BUSY alone")
	case len(in.UserIDs) > assigneesMax:
		return fault.Input("input.assignment.userIds", "%d users at most", assigneesMax)
	}
	for i, id := range in.UserIDs {
		if slices.Contains(in.UserIDs[:i], id) {
			return fault.Input(fmt.Sprintf("input.assignment.userIds[%d]", i), "this user is in the list twice")
		}
	}
	r.Strategy, r.UserID, r.FallbackUserID, r.Assignees = in.Strategy, in.UserID, in.FallbackUserID, in.UserIDs
	return nil
}

func applyRecipients(r *model.Rule, list []*RecipientInput) error {
	if len(list) > recipientsMax {
		return fault.Input("input.notify", "%d recipients at most", recipientsMax)
	}
	r.Recipients = make([]model.Recipient, len(list))
	for i, in := range list {
		at := fmt.Sprintf("input.notify[%d]", i)
		switch {
		case (in.Kind == model.RecipientAddress) != (in.Address != nil):
			return fault.Input(at+".address", "an address goes with the kind ADDRESS, and with it alone")
		case (in.Kind == model.RecipientUser) != (in.UserID != nil):
			return fault.Input(at+".userId", "a user goes with the kind USER, and with it alone")
		}
		r.Recipients[i] = model.Recipient{Kind: in.Kind, Address: in.Address, UserID: in.UserID}
	}
	return nil
}
