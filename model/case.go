package model

import (
	"time"

	"github.com/shopspring/decimal"
)

// CaseStatus is the state of a case.
type CaseStatus string

const (
	Open       CaseStatus = "OPEN"
	InProgress CaseStatus = "IN_PROGRESS"
	Closed     CaseStatus = "CLOSED"
)

// CaseOrigin is what opened a case.
type CaseOrigin string

const (
	OriginRule       CaseOrigin = "RULE"
	OriginManual     CaseOrigin = "MANUAL"
	OriginAllocation CaseOrigin = "ALLOCATION"
)

// Case is the follow-up of one customer in its current state.
type Case struct {
	ID               CaseID           `json:"id"`
	Number           int              `json:"number" gorm:"->;default:(-)"`
	Status           CaseStatus       `json:"status"`
	Origin           CaseOrigin       `json:"origin"`
	CustomerID       CustomerID       `json:"customerId"`
	ResponseID       *ResponseID      `json:"responseId,omitempty"`
	AssigneeID       *UserID          `json:"assigneeId,omitempty"`
	AssignedAt       *time.Time       `json:"assignedAt,omitempty"`
	AssignedByID     *UserID          `json:"assignedById,omitempty"`
	OpenedByID       *UserID          `json:"openedById,omitempty"`
	OpenedAt         time.Time        `json:"openedAt"`
	UpdatedAt        time.Time        `json:"updatedAt" gorm:"autoUpdateTime:false"`
	DueAt            *time.Time       `json:"dueAt,omitempty"`
	FirstFollowUpAt  *time.Time       `json:"firstFollowUpAt,omitempty"`
	ClosedAt         *time.Time       `json:"closedAt,omitempty"`
	OverdueAt        *time.Time       `json:"overdueAt,omitempty"` // when casework.MarkOverdue recorded the OVERDUE event; nil before, and for a case that was past its target when it opened
	FirstContactAt   *time.Time       `json:"firstContactAt,omitempty"`
	RootCause        Strings          `json:"rootCause,omitempty" gorm:"type:jsonb"`
	ReopenCount      int              `json:"reopenCount"`
	Version          int              `json:"version"`
	Score            *int             `json:"-"`
	Category         *Category        `json:"-"`
	RespondedAt      *time.Time       `json:"-"`
	ContactRequested *bool            `json:"-"`
	Country          *string          `json:"-"`
	CompanyFold      *string          `json:"-"`
	SegmentFold      *string          `json:"-"`
	SurveyFold       *string          `json:"-"`
	LifetimeValue    *decimal.Decimal `json:"-"`
	CalendarID       *CalendarID      `json:"-"` // in whose hours the target was counted; nil: in wall time

	// Set only where a list loaded them.
	Customer *Customer `json:"-"`
	Response *Response `json:"-"`
	Assignee *User     `json:"-"`
}

// CopyCustomer refreshes the columns that are copies of the customer's.
func (c *Case) CopyCustomer(from *Customer) {
	c.Country, c.CompanyFold, c.SegmentFold, c.LifetimeValue = from.Country, from.CompanyFold, from.SegmentFold, from.LifetimeValue
}

// CopyResponse refreshes the columns that are copies of the response's.
func (c *Case) CopyResponse(from *Response) {
	category := CategoryOf(from.Score)
	c.Score, c.Category, c.RespondedAt, c.ContactRequested = &from.Score, &category, &from.RespondedAt, &from.ContactRequested
	c.SurveyFold = FoldPointer(from.Survey)
}

// FollowedUp reports whether the case has been followed up, by an outreach or by a change of its status. Closing a case counts
// as follow-up, and reopening the case does not undo that.
func (c *Case) FollowedUp() bool { return c.FirstFollowUpAt != nil || c.Status == Closed }

// Overdue reports whether the case is past its target without a follow-up. It is worked out anew at every look, also in SQL
// (filter.Overdue). OverdueAt is something else: the time at which casework.MarkOverdue recorded, once, that the target
// passed while the case was waiting.
func (c *Case) Overdue(now time.Time) bool {
	return c.DueAt != nil && c.DueAt.Before(now) && !c.FollowedUp()
}

// TimeSinceOpen is the wall time from the opening of the case to now, or to its closing. It is never negative: another
// server's clock may run ahead.
func (c *Case) TimeSinceOpen(now time.Time) Duration {
	until := now
	if c.ClosedAt != nil {
		until = *c.ClosedAt
	}
	return Duration(max(0, until.Sub(c.OpenedAt)))
}

// MoveTo changes the status. The first move away from OPEN counts as the follow-up, and a move away from CLOSED as a
// reopening.
func (c *Case) MoveTo(status CaseStatus, at time.Time) {
	if c.Status == Open && c.FirstFollowUpAt == nil {
		c.FirstFollowUpAt = &at
	}
	if c.Status == Closed {
		c.ReopenCount++
		c.ClosedAt = nil
	}
	if status == Closed {
		c.ClosedAt = &at
	}
	c.Status = status
}

// AssignTo assigns the case to a user; a nil user unassigns it. A nil by stands for a rule.
func (c *Case) AssignTo(user *User, by *UserID, at time.Time) {
	if user == nil {
		c.AssigneeID, c.Assignee, c.AssignedAt, c.AssignedByID = nil, nil, nil, nil
		return
	}
	c.AssigneeID, c.Assignee, c.AssignedAt, c.AssignedByID = &user.ID, user, &at, by
}

func (*Case) IsNode() {}

// Note is an internal text on a case. No text of a note ever reaches the customer.
type Note struct {
	ID         NoteID
	CaseID     CaseID
	AuthorID   UserID
	Body       string
	BodyFold   string // refreshed by Write
	CreatedAt  time.Time
	RedactedAt *time.Time // when the text was removed; Body then holds a placeholder

	Author *User // set only where a list loaded it
}

func (*Note) IsNode() {}

// Write replaces the text.
func (n *Note) Write(body string) { n.Body, n.BodyFold = body, Fold(body) }

// Loaded reports whether the note was read together with what this field of the API leads to.
func (n *Note) Loaded(field string) bool {
	return n == nil || field == "author" && n.Author != nil
}

// Loaded reports whether the case was read together with what this field of the API leads to.
func (c *Case) Loaded(field string) bool {
	if c == nil {
		return true // null leads nowhere
	}
	switch field {
	case "customer":
		return c.Customer != nil
	case "response":
		return c.ResponseID == nil || c.Response != nil
	case "assignee":
		return c.AssigneeID == nil || c.Assignee != nil
	case "assignedBy":
		return c.AssignedByID == nil
	case "openedBy":
		return c.OpenedByID == nil
	}
	return false
}
