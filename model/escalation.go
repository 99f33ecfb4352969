package model

import "time"

// Escalation is one step that a rule takes for its cases that nobody follows up.
type Escalation struct {
	After    Duration    `json:"after"` // from the response's time, as the follow-up target
	Notify   []Recipient `json:"notify"`
	Reassign *Assignment `json:"reassign,omitempty"` // nil: whoever has the case keeps it
}

// CaseEscalation is a step of one case, as its rule had it when the case opened.
type CaseEscalation struct {
	CaseID    CaseID
	Step      int // from 1
	RuleID    RuleID
	After     Duration
	DueAt     time.Time
	Notify    []Recipient `gorm:"serializer:json"`
	Reassign  *Assignment `gorm:"serializer:json"`
	SettledAt *time.Time  // when a server came to it; nil: it is still to come
	EventID   *EventID    // nil: it is still to come, or the case had been followed up by then
}
