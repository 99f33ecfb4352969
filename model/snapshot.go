package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// Snapshot is a case with its response and customer at one moment: all that filters look at.
type Snapshot struct {
	Case         Case      `json:"case"`
	Response     *Response `json:"response,omitempty"`
	Customer     Customer  `json:"customer"`
	AssigneeName *string   `json:"assigneeName,omitempty"`
	RuleIDs      []RuleID  `json:"ruleIds,omitempty"`
	Themes       []Theme   `json:"themes,omitempty"` // the response's, those that are not deleted

	ExternalRefs []ExternalRef `json:"externalRefs,omitempty"`
	Outreaches   []Outreach    `json:"outreaches,omitempty"` // each kind once: what filters look at
}

// CaseSnapshot is a Snapshot as the API shows it: flat, and without an id, so that normalised caches of clients
// never write old values over new ones.
type CaseSnapshot struct {
	CaseID           CaseID
	Number           int
	Version          int
	Status           CaseStatus
	Origin           CaseOrigin
	AssigneeID       *UserID
	AssigneeName     *string
	OpenedAt         time.Time
	DueAt            *time.Time
	FirstFollowUpAt  *time.Time
	ClosedAt         *time.Time
	ResponseID       *ResponseID
	Score            *int
	Category         *Category
	Comment          *string
	ContactRequested *bool
	RespondedAt      *time.Time
	Survey           *string
	Themes           []string
	CustomerID       CustomerID
	CustomerName     string
	Company          *string
	Country          *string
	Segment          *string
	LifetimeValue    *decimal.Decimal
}

// Flat gives the snapshot as the API shows it.
func (s *Snapshot) Flat() *CaseSnapshot {
	c := &s.Case
	flat := &CaseSnapshot{
		CaseID: c.ID, Number: c.Number, Version: c.Version, Status: c.Status, Origin: c.Origin,
		AssigneeID: c.AssigneeID, AssigneeName: s.AssigneeName,
		OpenedAt: c.OpenedAt, DueAt: c.DueAt, FirstFollowUpAt: c.FirstFollowUpAt, ClosedAt: c.ClosedAt,
		CustomerID: s.Customer.ID, CustomerName: s.Customer.DisplayName(), Company: s.Customer.Company,
		Country: s.Customer.Country, Segment: s.Customer.Segment, LifetimeValue: s.Customer.LifetimeValue,
		Themes: []string{},
	}
	for _, t := range s.Themes {
		flat.Themes = append(flat.Themes, t.Name)
	}
	if r := s.Response; r != nil {
		category := CategoryOf(r.Score)
		flat.ResponseID, flat.Score, flat.Category, flat.Comment = &r.ID, &r.Score, &category, r.Comment
		flat.ContactRequested, flat.RespondedAt, flat.Survey = &r.ContactRequested, &r.RespondedAt, r.Survey
	}
	return flat
}
