package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// Category follows from the score: 0–6 DETRACTOR, 7–8 PASSIVE, 9–10 PROMOTER (Reichheld, 2003).
type Category string

const (
	Detractor Category = "DETRACTOR"
	Passive   Category = "PASSIVE"
	Promoter  Category = "PROMOTER"
)

// CategoryOf returns the category of a score from 0 to 10.
func CategoryOf(score int) Category {
	switch {
	case score <= 6:
		return Detractor
	case score <= 8:
		return Passive
	}
	return Promoter
}

// ContactStatus is how far the contact with the customer about one response has come.
type ContactStatus string

const (
	NotContacted ContactStatus = "NOT_CONTACTED"
	Contacted    ContactStatus = "CONTACTED"
	Replied      ContactStatus = "REPLIED"
)

// Response is one answer to a survey.
type Response struct {
	ID                    ResponseID        `json:"id"`
	ExternalID            *string           `json:"externalId,omitempty"`
	CustomerID            CustomerID        `json:"customerId"`
	Survey                *string           `json:"survey,omitempty"`
	Score                 int               `json:"score"`
	Category              Category          `json:"category" gorm:"->"`
	Comment               *string           `json:"comment,omitempty"`
	Drivers               []string          `json:"drivers,omitempty" gorm:"serializer:json"`
	ContactRequested      bool              `json:"contactRequested"`
	QuoteConsent          *bool             `json:"quoteConsent,omitempty"`
	TestimonialLikelihood *float64          `json:"testimonialLikelihood,omitempty"`
	TestimonialEstimated  bool              `json:"-"` // the source gave no likelihood, so the program estimates it
	Attributes            map[string]string `json:"attributes,omitempty" gorm:"serializer:json"`
	RespondedAt           time.Time         `json:"respondedAt"`
	ReceivedAt            time.Time         `json:"receivedAt"`
	ContactStatus         ContactStatus     `json:"contactStatus" gorm:"default:NOT_CONTACTED"`
	Country               *string           `json:"-"`
	CompanyFold           *string           `json:"-"`
	SegmentFold           *string           `json:"-"`
	LifetimeValue         *decimal.Decimal  `json:"-"`

	Customer *Customer `json:"-"`          // set only where the list loaded it
	Effort   *int      `json:"-" gorm:"-"` // the lowest among its themes, 1 EASY to 3 HARD; set only where the list is sorted by effort
}

// CopyCustomer refreshes the columns that are copies of the customer's.
func (r *Response) CopyCustomer(c *Customer) {
	r.Country, r.CompanyFold, r.SegmentFold, r.LifetimeValue = c.Country, c.CompanyFold, c.SegmentFold, c.LifetimeValue
}

// AttributeList returns the attributes sorted by key.
func (r *Response) AttributeList() []Attribute { return attributeList(r.Attributes) }

func (*Response) IsNode() {}

// Loaded reports whether the response was read together with what this field of the API leads to.
func (r *Response) Loaded(field string) bool {
	return r == nil || field == "customer" && r.Customer != nil
}
