package rule

import (
	"fmt"
	"slices"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// apply checks the given fields and sets them on the rule. It returns all faults together; the rule is then of no use.
func (in UpdateRuleInput) apply(r *model.Rule) error {
	var faults []error
	refuse := func(err error) { faults = append(faults, err) }
	var err error
	if v, ok := in.Name.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("name"))
	} else if ok {
		if r.Name, err = model.CheckName(*v); err != nil {
			refuse(fault.Input("input.name", "%s", err.Error()))
		}
	}
	if v, ok := in.Enabled.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("enabled"))
	} else if ok {
		r.Enabled = *v
	}
	if v, ok := in.OpensCase.ValueOK(); ok && v == nil {
		refuse(fault.NotNull("opensCase"))
	} else if ok {
		r.OpensCase = *v
	}
	if v, ok := in.Scores.ValueOK(); ok {
		for i, score := range v {
			if score < 0 || score > 10 {
				refuse(fault.Input(fmt.Sprintf("input.scores[%d]", i), "scores must be from 0 to 10, not %d", score))
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
		if r.Filter, err = storedFilter(v); err != nil {
			refuse(err)
		}
	}
	if v, ok := in.FollowUpTarget.ValueOK(); ok {
		if v != nil && *v <= 0 {
			refuse(fault.Input("input.followUpTarget", "followUpTarget must be greater than zero; null means no target"))
		}
		r.FollowUpTarget = v
	}
	if v, ok := in.Assignment.ValueOK(); ok {
		a, err := v.read("input.assignment")
		if err != nil {
			refuse(err)
		}
		r.Strategy, r.UserID, r.FallbackUserID, r.Assignees = a.Strategy, a.UserID, a.FallbackUserID, a.UserIDs
	}
	if v, ok := in.Notify.ValueOK(); ok {
		if r.Recipients, err = recipients("input.notify", v); err != nil {
			refuse(err)
		}
	}
	return fault.Join(append(faults, in.applyTimes(r))...)
}

// read checks the assignment; nil is the strategy UNASSIGNED.
func (in *AssignmentInput) read(at string) (model.Assignment, error) {
	if in == nil {
		return model.Assignment{Strategy: model.Unassigned}, nil
	}
	a := model.Assignment{Strategy: in.Strategy, UserID: in.UserID, UserIDs: in.UserIDs, FallbackUserID: in.FallbackUserID}
	var faults []error
	refuse := func(field, format string, args ...any) {
		faults = append(faults, fault.Input(at+"."+field, format, args...))
	}
	switch {
	case in.Strategy == model.ToUser && in.UserID == nil:
		refuse("userId", "the strategy USER requires userId")
	case in.Strategy != model.ToUser && in.UserID != nil:
		refuse("userId", "userId is allowed only with the strategy USER")
	}
	if in.Strategy == model.Unassigned && in.FallbackUserID != nil {
		refuse("fallbackUserId", "fallbackUserId is not allowed with the strategy UNASSIGNED, which assigns nobody")
	}
	switch {
	case in.Strategy.Choosing() && len(in.UserIDs) == 0:
		refuse("userIds", "the strategy %s requires userIds to choose from", in.Strategy)
	case !in.Strategy.Choosing() && in.UserIDs != nil:
		refuse("userIds", "userIds is allowed only with the strategies ROUND_ROBIN and LEAST_BUSY")
	case len(in.UserIDs) > assigneesMax:
		refuse("userIds", "userIds may have at most %d users", assigneesMax)
	}
	for i, id := range in.UserIDs[:min(len(in.UserIDs), assigneesMax)] {
		if slices.Contains(in.UserIDs[:i], id) {
			refuse(fmt.Sprintf("userIds[%d]", i), "this user is listed twice")
		}
	}
	return a, fault.Join(faults...)
}

func recipients(argument string, list []*RecipientInput) ([]model.Recipient, error) {
	if len(list) > recipientsMax {
		return nil, fault.Input(argument, "at most %d recipients are allowed", recipientsMax)
	}
	read := make([]model.Recipient, len(list))
	var faults []error
	for i, in := range list {
		at := fmt.Sprintf("%s[%d]", argument, i)
		if (in.Kind == model.RecipientAddress) != (in.Address != nil) {
			faults = append(faults, fault.Input(at+".address", "address is required with the kind ADDRESS, and not allowed with another kind"))
		}
		if (in.Kind == model.RecipientUser) != (in.UserID != nil) {
			faults = append(faults, fault.Input(at+".userId", "userId is required with the kind USER, and not allowed with another kind"))
		}
		read[i] = model.Recipient{Kind: in.Kind, Address: in.Address, UserID: in.UserID}
	}
	return read, fault.Join(faults...)
}
