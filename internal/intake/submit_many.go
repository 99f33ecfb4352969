package intake

import (
	"context"
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
type SubmitResponsesInput struct {
	Responses []*SubmitResponseInput
	// Rejected has the faults of rows that do not fit SubmitResponseInput, by index. What Responses has in their place means
	// nothing.
	Rejected map[int]fault.List `json:"-"`
}

// SubmitResponsesPayload has one result for each response, in the order of the input.
type SubmitResponsesPayload struct{ Results []*SubmitResponsesResult }

// SubmitResponsesResult is the result of one response of the list: an error, or the stored response and its case.
type SubmitResponsesResult struct {
	Response *model.Response
	Case     *model.Case
	Created  bool
	Changed  []string
	Error    *SubmitResponsesError   // the first of Errors; nil if the response was stored
	Errors   []*SubmitResponsesError // all that is wrong with the response; empty if it was stored
}

// SubmitResponsesError says why one response of the list was rejected.
type SubmitResponsesError struct {
	Code     string
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
		outcomes := make([]Outcome, len(part))
		var batch []Submission
		var places []int // of the batch's submissions among the outcomes
		for i, r := range part {
			switch faults := input.Rejected[len(out.Results)+i]; {
			case len(faults) > 0:
				outcomes[i].Fault = faults
			case r.IdempotencyKey != nil:
				outcomes[i].Fault = fault.Input("idempotencyKey", "submitResponses takes no idempotency keys: set externalId, which prevents a response from being saved twice")
			default:
				batch, places = append(batch, Submission{SubmitResponseInput: *r}), append(places, i)
			}
		}
		saved, err := in.SubmitAll(ctx, viewer, batch, SubmitOptions{})
		if err != nil {
			return nil, err
		}
		for i, o := range saved {
			outcomes[places[i]] = o
		}
		for _, o := range outcomes {
			out.Results = append(out.Results, o.result(fmt.Sprintf("input.responses[%d]", len(out.Results))))
		}
	}
	return out, nil
}

func (o Outcome) result(argument string) *SubmitResponsesResult {
	if o.Fault == nil {
		return &SubmitResponsesResult{Response: o.Response, Case: o.Case, Created: o.Created, Changed: o.Changed, Errors: []*SubmitResponsesError{}}
	}
	r := &SubmitResponsesResult{Changed: []string{}}
	for _, f := range fault.All(fault.WithPath(argument, o.Fault)) {
		r.Errors = append(r.Errors, &SubmitResponsesError{Code: string(f.Code), Message: f.Message, Argument: &f.Argument})
	}
	if len(r.Errors) == 0 {
		r.Errors = []*SubmitResponsesError{{Code: string(fault.CodeBadUserInput), Message: o.Fault.Error(), Argument: &argument}}
	}
	r.Error = r.Errors[0]
	return r
}
