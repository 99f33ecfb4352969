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

// OpenCaseInput opens a case by hand: for exactly one of a customer and a response.
type OpenCaseInput struct {
	CustomerID     *model.CustomerID
	ResponseID     *model.ResponseID
	Note           string
	AssigneeID     *model.UserID
	DueAt          *time.Time
	FollowUpTarget *model.Duration // nil: no target
	IdempotencyKey *string
}

// OpenCasePayload is the new case and what the log says of it.
type OpenCasePayload struct {
	Case  *model.Case
	Event *model.CaseOpened
}

// AssignCaseInput gives a case to a user, or to nobody.
type AssignCaseInput struct {
	CaseID          model.CaseID
	AssigneeID      *model.UserID
	Note            *string
	ExpectedVersion *int
}

// AssignCasePayload has no event where the case was theirs already.
type AssignCasePayload struct {
	Case  *model.Case
	Event *model.CaseAssigned
}

// UpdateCaseStatusInput is a new status with its note.
type UpdateCaseStatusInput struct {
	CaseID          model.CaseID
	Status          model.CaseStatus
	Note            string
	Outreach        *OutreachInput // recorded in the same step
	ExpectedVersion *int
}

// UpdateCaseStatusPayload is the case and what the log says of it.
type UpdateCaseStatusPayload struct {
	Case  *model.Case
	Event *model.CaseStatusChanged
}

// AddNoteInput is an internal note.
type AddNoteInput struct {
	CaseID         model.CaseID
	Body           string
	IdempotencyKey *string
}

// AddNotePayload is the new note and its case.
type AddNotePayload struct {
	Note *model.Note
	Case *model.Case
}

// OutreachInput is one attempt to reach the customer.
type OutreachInput struct {
	Channel      model.OutreachChannel
	Offer        *model.OutreachOffer
	Outcome      model.OutreachOutcome
	NextSurveyAt *time.Time
}

// RecordOutreachInput is an attempt, with the note that tells of it.
type RecordOutreachInput struct {
	CaseID          model.CaseID
	Outreach        *OutreachInput
	Note            string
	ExpectedVersion *int
	IdempotencyKey  *string
}

// RecordOutreachPayload is the case and what the log says of it.
type RecordOutreachPayload struct {
	Case  *model.Case
	Event *model.OutreachRecorded
}

// RecordOutreachesInput is the same attempt on several cases, each with a note of the same words.
type RecordOutreachesInput struct {
	CaseIDs        []model.CaseID
	Outreach       *OutreachInput
	Note           string
	IdempotencyKey *string
}

// RecordOutreachesPayload is the cases, in the order of the input.
type RecordOutreachesPayload struct{ Cases []*model.Case }

// RecordReplyInput is the customer's answer.
type RecordReplyInput struct {
	CaseID         model.CaseID
	Note           *string
	Improvement    *string
	IdempotencyKey *string
}

// RecordReplyPayload is the case and what the log says of it.
type RecordReplyPayload struct {
	Case  *model.Case
	Event *model.CustomerReplied
}

// SetRootCauseInput is the '5 whys'.
type SetRootCauseInput struct {
	CaseID          model.CaseID
	Whys            []string
	ExpectedVersion *int
}

// SetRootCausePayload is the case and what the log says of it.
type SetRootCausePayload struct {
	Case  *model.Case
	Event *model.RootCauseSet
}

// LinkCaseInput is the case's counterpart in another system.
type LinkCaseInput struct {
	CaseID model.CaseID
	System string
	ID     string
	URL    *string
}

// LinkCasePayload is the case.
type LinkCasePayload struct{ Case *model.Case }

// CaseVersionInput names a case, and the version that the caller saw.
type CaseVersionInput struct {
	ID              model.CaseID
	ExpectedVersion *int
}

// AssignCasesInput gives several cases to one user.
type AssignCasesInput struct {
	Cases      []*CaseVersionInput
	AssigneeID *model.UserID
	Note       *string
}

// AssignCasesPayload is the cases, in the order of the input.
type AssignCasesPayload struct{ Cases []*model.Case }

// UpdateCustomerInput changes a customer by hand: what is absent stays, what is set to nil is cleared.
type UpdateCustomerInput struct {
	ID                  model.CustomerID
	FirstName           graphql.Omittable[*string]
	LastName            graphql.Omittable[*string]
	Email               graphql.Omittable[*string]
	Phone               graphql.Omittable[*string]
	Company             graphql.Omittable[*string]
	Country             graphql.Omittable[*string]
	Segment             graphql.Omittable[*string]
	LifetimeValue       graphql.Omittable[*decimal.Decimal]
	AccountManagerEmail graphql.Omittable[*string]
	AgentEmail          graphql.Omittable[*string]
	Attributes          []*AttributeInput
	NextSurveyAt        graphql.Omittable[*time.Time]
}

// UpdateCustomerPayload is the customer.
type UpdateCustomerPayload struct{ Customer *model.Customer }
