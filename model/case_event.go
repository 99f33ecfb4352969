package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// CaseEvent is one of the types below: what the GraphQL interface of that name answers with.
type CaseEvent interface {
	IsCaseEvent()
	IsNode()
	Logged() *LoggedEvent
}

// LoggedEvent is a row of the log as one reader sees it.
type LoggedEvent struct {
	Event
	Then    *Snapshot // the case right after the event
	Matches bool      // whether Then matches the reader's filter
	Cursor  string    // empty until the event is stamped
}

// Logged gives the row below an event of any type.
func (e *LoggedEvent) Logged() *LoggedEvent { return e }

func (*LoggedEvent) IsCaseEvent() {}
func (*LoggedEvent) IsNode()      {}

type (
	CaseOpened         struct{ *LoggedEvent }
	CaseAssigned       struct{ *LoggedEvent }
	CaseStatusChanged  struct{ *LoggedEvent }
	NoteAdded          struct{ *LoggedEvent }
	CaseDetailsChanged struct{ *LoggedEvent }
	CaseOverdue        struct{ *LoggedEvent }
	OutreachRecorded   struct{ *LoggedEvent }
	CustomerReplied    struct{ *LoggedEvent }
	RootCauseSet       struct{ *LoggedEvent }
	CustomerErased     struct{ *LoggedEvent }
	CaseEscalated      struct{ *LoggedEvent }
)

// Typed gives the event in the Go type of its GraphQL type.
func (e *LoggedEvent) Typed() CaseEvent {
	switch e.Type {
	case EventOpened:
		return &CaseOpened{e}
	case EventAssigned:
		return &CaseAssigned{e}
	case EventStatusChanged:
		return &CaseStatusChanged{e}
	case EventNoteAdded:
		return &NoteAdded{e}
	case EventDetailsChanged:
		return &CaseDetailsChanged{e}
	case EventOverdue:
		return &CaseOverdue{e}
	case EventOutreachRecorded:
		return &OutreachRecorded{e}
	case EventCustomerReplied:
		return &CustomerReplied{e}
	case EventRootCauseSet:
		return &RootCauseSet{e}
	case EventCustomerErased:
		return &CustomerErased{e}
	case EventEscalated:
		return &CaseEscalated{e}
	}
	panic("closeloop: an event of type " + string(e.Type) + " has no GraphQL type")
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
