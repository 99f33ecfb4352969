package model

import (
	"encoding/json"
	"time"
)

// This file is all that package model says of each type of event: its name, its Go type, the columns that it fills,
// and its row in the table of event types. A new type is added here, top to bottom.

// CaseEventType names what happened to a case.
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

// The Go types of the GraphQL types that implement CaseEvent.
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

// Event is one row of the log: one thing that happened to a case. Rows are never deleted.
type Event struct {
	ID                 EventID
	Seq                int64  `gorm:"->;default:(-)"`
	Position           *int64 `gorm:"->"` // in the feed; nil until the event is stamped
	CaseID             CaseID
	Version            int // of the case right after the event
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

// TableName is the table of the rows.
func (Event) TableName() string { return "case_events" }

// EventEntry is what a writer records of one thing that happened. Beyond Type, Actor, Before and After, an event takes
// only those fields that the constructor of its type names; see EventSpec.Fill.
type EventEntry struct {
	Type             CaseEventType
	Actor            *UserID // nil where the system did it
	Note             *NoteID
	Rule             *RuleID
	PreviousStatus   *CaseStatus
	Status           *CaseStatus
	PreviousAssignee *UserID
	Assignee         *UserID
	Changed          []string
	Outreach         *Outreach
	NextSurveyAt     *time.Time
	Improvement      *string
	Whys             []string
	Step             *int
	Duration         *Duration // the escalation step's delay

	Before *Snapshot // nil where there was no case
	After  *Snapshot // the case's UpdatedAt becomes the event's time, and its Version the event's
}

// eventSpecs is the table of event types. The history, the webhook's body, the customer's export and the pages read it;
// tests demand each type in the schema, in docs/webhook.schema.json and in the pages.
var eventSpecs = []EventSpec{
	{
		Type: EventOpened, GraphQL: "CaseOpened", Label: "opened", System: "a rule",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseOpened{e} },
		Fill:  func(row *Event, in *EventEntry) { row.NoteID, row.RuleID = in.Note, in.Rule },
		Fields: []EventField{
			{Name: "origin", Value: func(e *LoggedEvent) any { return e.Then.Case.Origin }},
			ruleField,
		},
	},
	{
		Type: EventAssigned, GraphQL: "CaseAssigned", Label: "assigned", System: "a rule",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseAssigned{e} },
		Fill: func(row *Event, in *EventEntry) {
			row.NoteID, row.RuleID = in.Note, in.Rule
			row.PreviousAssigneeID, row.AssigneeID = in.PreviousAssignee, in.Assignee
		},
		Fields: []EventField{
			{Name: "previousAssigneeId", Value: func(e *LoggedEvent) any { return OptionalID(e.PreviousAssigneeID) }, Select: "previousAssignee { name }"},
			{Name: "assigneeId", Value: func(e *LoggedEvent) any { return OptionalID(e.AssigneeID) }},
		},
	},
	{
		Type: EventStatusChanged, GraphQL: "CaseStatusChanged", Label: "status changed",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseStatusChanged{e} },
		Fill: func(row *Event, in *EventEntry) {
			row.NoteID, row.PreviousStatus, row.Status = in.Note, in.PreviousStatus, in.Status
		},
		Fields: []EventField{
			{Name: "previousStatus", Value: func(e *LoggedEvent) any { return e.PreviousStatus }, Export: true, Select: "previousStatus"},
			{Name: "status", Value: func(e *LoggedEvent) any { return e.Status }, Export: true, Select: "status"},
		},
	},
	{
		Type: EventNoteAdded, GraphQL: "NoteAdded", Label: "note",
		Typed: func(e *LoggedEvent) CaseEvent { return &NoteAdded{e} },
		Fill:  func(row *Event, in *EventEntry) { row.NoteID = in.Note },
	},
	{
		Type: EventDetailsChanged, GraphQL: "CaseDetailsChanged", Label: "details changed",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseDetailsChanged{e} },
		Fill:  func(row *Event, in *EventEntry) { row.Changed = in.Changed },
		Fields: []EventField{
			{Name: "changed", Value: func(e *LoggedEvent) any { return listed(e.Changed) }, Export: true, Select: "changed"},
		},
	},
	{
		Type: EventOverdue, GraphQL: "CaseOverdue", Label: "overdue",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseOverdue{e} },
		Fill:  func(*Event, *EventEntry) {},
		Fields: []EventField{
			{Name: "dueAt", Value: func(e *LoggedEvent) any { return e.Then.Case.DueAt }, Select: "dueAt", Words: "the target was {moment}"},
		},
	},
	{
		Type: EventOutreachRecorded, GraphQL: "OutreachRecorded", Label: "outreach",
		Typed: func(e *LoggedEvent) CaseEvent { return &OutreachRecorded{e} },
		Fill: func(row *Event, in *EventEntry) {
			row.NoteID, row.NextSurveyAt = in.Note, in.NextSurveyAt
			row.Channel, row.Offer, row.Outcome = &in.Outreach.Channel, in.Outreach.Offer, &in.Outreach.Outcome
		},
		Fields: []EventField{
			{Name: "channel", Value: func(e *LoggedEvent) any { return e.Channel }, Export: true, Select: "channel", Words: "{word}"},
			{Name: "offer", Value: func(e *LoggedEvent) any { return e.Offer }, Export: true, Select: "offer", Words: "{word} offered"},
			{Name: "outcome", Value: func(e *LoggedEvent) any { return e.Outcome }, Export: true, Select: "outcome", Words: "{word}"},
			{Name: "nextSurveyAt", Value: func(e *LoggedEvent) any { return e.NextSurveyAt }, Export: true, Select: "nextSurveyAt", Words: "next survey {moment}"},
		},
	},
	{
		Type: EventCustomerReplied, GraphQL: "CustomerReplied", Label: "customer's reply recorded",
		Typed: func(e *LoggedEvent) CaseEvent { return &CustomerReplied{e} },
		Fill:  func(row *Event, in *EventEntry) { row.NoteID, row.Improvement = in.Note, in.Improvement },
		Fields: []EventField{
			{Name: "improvement", Value: func(e *LoggedEvent) any { return e.Improvement }, Export: true, Select: "improvement", Words: "“{text}”"},
		},
	},
	{
		Type: EventRootCauseSet, GraphQL: "RootCauseSet", Label: "root cause recorded",
		Typed: func(e *LoggedEvent) CaseEvent { return &RootCauseSet{e} },
		Fill:  func(row *Event, in *EventEntry) { row.Whys = in.Whys },
		Fields: []EventField{
			{Name: "whys", Value: func(e *LoggedEvent) any { return listed(e.Whys) }, Export: true, Select: "whys", Words: "{chain}"},
		},
	},
	{
		Type: EventEscalated, GraphQL: "CaseEscalated", Label: "escalated",
		Typed: func(e *LoggedEvent) CaseEvent { return &CaseEscalated{e} },
		Fill: func(row *Event, in *EventEntry) {
			row.RuleID, row.Step, row.After = in.Rule, in.Step, in.Duration
		},
		Fields: []EventField{
			{Name: "step", Value: func(e *LoggedEvent) any { return e.Step }, Select: "step", Words: "step {text}"},
			{Name: "after", Value: func(e *LoggedEvent) any { return e.After }, Select: "after", Words: "{duration} after the response"},
			ruleField,
		},
	},
	{
		Type: EventCustomerErased, GraphQL: "CustomerErased", Label: "customer's personal data erased", System: "the retention period",
		Typed: func(e *LoggedEvent) CaseEvent { return &CustomerErased{e} },
		Fill:  func(*Event, *EventEntry) {},
	},
}

var ruleField = EventField{Name: "ruleId", Value: func(e *LoggedEvent) any { return OptionalID(e.RuleID) }}
