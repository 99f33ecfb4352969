package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	manyMax = 1000
	// together is how many go in by one transaction. It holds the locks of all their customers until it ends.
	together = 100
)

// SubmitResponsesInput is many responses.
type SubmitResponsesInput struct{ Responses []*SubmitResponseInput }

// SubmitResponsesPayload has a result for each response, in their order.
type SubmitResponsesPayload struct{ Results []*SubmitResponsesResult }

// SubmitResponsesResult is the result of one of many responses.
type SubmitResponsesResult struct {
	Response *model.Response
	Case     *model.Case
	Created  bool
	Error    *SubmitResponsesError
}

// SubmitResponsesError is why one of many was refused.
type SubmitResponsesError struct {
	Message  string
	Argument *string
}

// SubmitMany takes up to a thousand responses in, a hundred in a transaction. Where one of these fails as a whole,
// so does the call, and what went in before stays: sent again, it changes nothing.
func (n *Intake) SubmitMany(ctx context.Context, viewer auth.Viewer, in SubmitResponsesInput) (*SubmitResponsesPayload, error) {
	if len(in.Responses) > manyMax {
		return nil, fault.Input("input.responses", "%d responses at most, not %d", manyMax, len(in.Responses))
	}
	out := &SubmitResponsesPayload{Results: make([]*SubmitResponsesResult, 0, len(in.Responses))}
	for part := range slices.Chunk(in.Responses, together) {
		batch := make([]Submission, len(part))
		for i, r := range part {
			if r.IdempotencyKey != nil {
				return nil, fault.Input(fmt.Sprintf("input.responses.%d.idempotencyKey", len(out.Results)+i), "one of many has no key of its own: its externalId keeps it from going in twice")
			}
			batch[i] = Submission{SubmitResponseInput: *r}
		}
		outcomes, err := n.SubmitAll(ctx, viewer, batch, SubmitOptions{})
		if err != nil {
			return nil, err
		}
		for _, o := range outcomes {
			out.Results = append(out.Results, o.result(fmt.Sprintf("input.responses.%d", len(out.Results))))
		}
	}
	return out, nil
}

func (o Outcome) result(argument string) *SubmitResponsesResult {
	if o.Fault == nil {
		return &SubmitResponsesResult{Response: o.Response, Case: o.Case, Created: o.Created}
	}
	r := &SubmitResponsesResult{Error: &SubmitResponsesError{Message: o.Fault.Error(), Argument: &argument}}
	var f *fault.Error
	if errors.As(fault.WithPath(argument, o.Fault), &f) && f.Argument != "" {
		r.Error.Argument = &f.Argument
	}
	return r
}
