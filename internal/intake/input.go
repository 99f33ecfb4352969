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
	RespondedAt           *time.Time  // nil: now
	OnConflict            *OnConflict // nil: REJECT
	IdempotencyKey        *string
}

// SubmitResponsePayload is the stored response and its case, if there is one.
type SubmitResponsePayload struct {
	Response *model.Response
	Case     *model.Case
	Created  bool     // false: a response with this externalId was already stored
	Changed  []string // the fields of the stored response that changed, such as response.comment
}

// Submission is one response of a batch.
type Submission struct {
	SubmitResponseInput
	// NameKey is the folded name and country of a row of a file, whose country may be one that Customer cannot have. It
	// identifies the customer, together with the company, where there is nothing better. Empty: those of Customer count.
	NameKey string
	// IdentifyBy are the identities by which the customer may be found; nil: all. Customer has no external id that is not one.
	IdentifyBy []model.CustomerIdentity
}

// Outcome is the result of one submission of a batch: the payload, or the reason why the submission was rejected.
type Outcome struct {
	*SubmitResponsePayload
	Opened       bool   // the rules opened the case, and not an earlier submission
	PastTarget   bool   // the opened case was past its target already
	JoinedByName bool   // the customer was known, and found by name, country and company alone
	Told         []Told // who is to be told of an old response, with SubmitOptions.Digest
	Fault        error
}

// Told is an address that one mail is to tell of old responses.
type Told struct {
	To       string
	Assigned bool // the response's case is the recipient's; else a rule alerts the recipient
}

// SubmitOptions control the side effects of a batch.
type SubmitOptions struct {
	Digest     bool // send no mail for each old response; the outcomes say who is to be told
	SkipRules  bool // only save the responses: open no case and send no mail
	SkipNotify bool // open cases but send no mail

	// BeforeCommit runs at the end of the transaction, so that a caller can store a count together with the responses that
	// it counts. It runs again when the transaction is retried. nil: nothing runs.
	BeforeCommit func(tx *gorm.DB, outcomes []Outcome) error

	unsaved bool // only decide: nothing is written, and no numbers are drawn
}
