package model

import (
	"encoding/json"
	"time"
)

// CaseEventType is what happened.
type CaseEventType string

const (
	EventOpened         CaseEventType = "OPENED"
	EventAssigned       CaseEventType = "ASSIGNED"
	EventStatusChanged  CaseEventType = "STATUS_CHANGED"
	EventNoteAdded      CaseEventType = "NOTE_ADDED"
	EventDetailsChanged CaseEventType = "DETAILS_CHANGED"
	EventOverdue        CaseEventType = "OVERDUE"

	EventOutreachRecorded CaseEventType = "OUTREACH_RECORDED"
	EventCustomerReplied  CaseEventType = "CUSTOMER_REPLIED"
	EventRootCauseSet     CaseEventType = "ROOT_CAUSE_SET"
	EventEscalated        CaseEventType = "ESCALATED"
	EventCustomerErased   CaseEventType = "CUSTOMER_ERASED"
)

// Event is one row of the log: one thing that happened to a case, kept for good.
type Event struct {
	ID                 EventID
	Seq                int64  `gorm:"->;default:(-)"`
	Position           *int64 `gorm:"->"` // the place in the feed; nil until it is stamped
	CaseID             CaseID
	Version            int
	Type               CaseEventType
	At                 time.Time
	ActorID            *UserID
	NoteID             *NoteID
	RuleID             *RuleID
	PreviousStatus     *CaseStatus
	Status             *CaseStatus
	PreviousAssigneeID *UserID
	AssigneeID         *UserID
	Changed            []string `gorm:"serializer:json"`
	Channel            *OutreachChannel
	Offer              *OutreachOffer
	Outcome            *OutreachOutcome
	NextSurveyAt       *time.Time
	Improvement        *string
	Step               *int
	After              *Duration
	Whys               Strings         `gorm:"type:jsonb"`
	Snapshot           json.RawMessage `gorm:"type:jsonb"`
	Before             json.RawMessage `gorm:"type:jsonb"`
}

// TableName is what the rows are called in SQL.
func (Event) TableName() string { return "case_events" }

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
