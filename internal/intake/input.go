package intake

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/model"
)

// SubmitResponseInput is a response with its customer.
type SubmitResponseInput struct {
	ExternalID            *string
	Customer              *customer.CustomerInput
	Survey                *string
	Score                 int
	Comment               *string
	Drivers               []string
	ContactRequested      *bool
	QuoteConsent          *bool
	TestimonialLikelihood *float64
	Attributes            []*customer.AttributeInput
	RespondedAt           *time.Time // nil: now
	IdempotencyKey        *string
}

// SubmitResponsePayload is the response, and the case that follows it up.
type SubmitResponsePayload struct {
	Response *model.Response
	Case     *model.Case
	Created  bool // false: the externalId was here already
}

// Submission is a response as a batch brings it.
type Submission struct {
	SubmitResponseInput
	// NameKey finds the customer where a file gives neither an external id nor an e-mail address: the folded name
	// and country. Empty otherwise.
	NameKey string
}

// Outcome is the result of one submission of a batch: a payload, or the fault for which the submission was left out.
type Outcome struct {
	*SubmitResponsePayload
	Fault error
}

// SubmitOptions say what a batch sets off.
type SubmitOptions struct {
	SkipRules  bool // only store; open no case and mail nobody
	SkipNotify bool // open cases but mail nobody

	// Also runs last in the same transaction, so that a caller's count is stored together with the responses counted. It
	// may run again, as all of the transaction may. nil: nothing.
	Also func(tx *gorm.DB, outcomes []Outcome) error
}
