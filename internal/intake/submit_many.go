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
	// transactionSize is the number of responses saved in one transaction, which holds the locks of all their customers
	// until it ends.
	transactionSize = 100
)

// SubmitResponsesInput is a list of responses.
type SubmitResponsesInput struct{ Responses []*SubmitResponseInput }

// SubmitResponsesPayload has one result for each response, in the order of the input.
type SubmitResponsesPayload struct{ Results []*SubmitResponsesResult }

// SubmitResponsesResult is the result of one response of the list: an error, or the stored response and its case.
type SubmitResponsesResult struct {
	Response *model.Response
	Case     *model.Case
	Created  bool
	Error    *SubmitResponsesError
}

// SubmitResponsesError says why one response of the list was rejected.
type SubmitResponsesError struct {
	Message  string
	Argument *string
}

// SubmitMany saves up to a thousand responses, a hundred in a transaction. When a transaction fails, the call fails, and
// the responses of earlier transactions stay stored. The caller may send all of them again: a response whose externalId is
// stored changes nothing.
func (in *Intake) SubmitMany(ctx context.Context, viewer auth.Viewer, input SubmitResponsesInput) (*SubmitResponsesPayload, error) {
	if len(input.Responses) > manyMax {
		return nil, fault.Input("input.responses", "at most %d responses, not %d", manyMax, len(input.Responses))
	}
	out := &SubmitResponsesPayload{Results: make([]*SubmitResponsesResult, 0, len(input.Responses))}
	for part := range slices.Chunk(input.Responses, transactionSize) {
		batch := make([]Submission, len(part))
		for i, r := range part {
			if r.IdempotencyKey != nil {
				return nil, fault.Input(fmt.Sprintf("input.responses.%d.idempotencyKey", len(out.Results)+i), "submitResponses takes no idempotency keys: set externalId, which prevents a response from being saved twice")
			}
			batch[i] = Submission{SubmitResponseInput: *r}
		}
		outcomes, err := in.SubmitAll(ctx, viewer, batch, SubmitOptions{})
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
