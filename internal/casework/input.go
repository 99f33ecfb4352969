package casework

import (
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/shopspring/decimal"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/model"
)

// AttributeInput is one further column of the data feed.
type AttributeInput struct {
	Key   string
	Value string
}

// CustomerInput is what a response says of its customer. What is absent stays; what is set to nil is cleared.
type CustomerInput struct {
	ExternalID          *string
	FirstName           graphql.Omittable[*string]          `json:",omitzero"` // what tells two inputs apart is their JSON
	LastName            graphql.Omittable[*string]          `json:",omitzero"`
	Email               graphql.Omittable[*string]          `json:",omitzero"`
	Phone               graphql.Omittable[*string]          `json:",omitzero"`
	Company             graphql.Omittable[*string]          `json:",omitzero"`
	Country             graphql.Omittable[*string]          `json:",omitzero"` // ISO 3166-1 code or English name
	Segment             graphql.Omittable[*string]          `json:",omitzero"`
	LifetimeValue       graphql.Omittable[*decimal.Decimal] `json:",omitzero"`
	AccountManagerEmail graphql.Omittable[*string]          `json:",omitzero"`
	AgentEmail          graphql.Omittable[*string]          `json:",omitzero"`
	Attributes          []*AttributeInput
}

// SubmitResponseInput is a response with its customer.
type SubmitResponseInput struct {
	ExternalID            *string
	Customer              *CustomerInput
	Survey                *string
	Score                 int
	Comment               *string
	Drivers               []string
	ContactRequested      *bool
	QuoteConsent          *bool
	TestimonialLikelihood *float64
	Attributes            []*AttributeInput
	RespondedAt           *time.Time // nil: now
	IdempotencyKey        *string
}

// SubmitResponsePayload is what became of a submitted response.
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

// Outcome is what became of one submission of a batch: a payload, or the fault for which it was left out.
type Outcome struct {
	*SubmitResponsePayload
	Fault error
}

// SubmitOptions say what a batch sets off.
type SubmitOptions struct {
	SkipRules  bool // only store; open no case and tell nobody
	SkipNotify bool // open cases but mail nobody

	// Also runs in the same transaction, last: who keeps count keeps it together with what is counted. It may run
	// again, as all of the transaction may. nil: nothing.
	Also func(tx *gorm.DB, outcomes []Outcome) error
}
