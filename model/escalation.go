package model

import "time"

// Escalation is one step that a rule takes for a case of its own that nobody has followed up.
type Escalation struct {
	After    Duration    `json:"after"` // counted from the response's time, as the follow-up target is
	Notify   []Recipient `json:"notify"`
	Reassign *Assignment `json:"reassign,omitempty"` // nil: the assignee stays
}

// CaseEscalation is an escalation step of one case, copied from the rule when the case was opened.
type CaseEscalation struct {
	CaseID    CaseID
	Step      int // from 1
	RuleID    RuleID
	After     Duration
	DueAt     time.Time
	Notify    []Recipient `gorm:"serializer:json"`
	Reassign  *Assignment `gorm:"serializer:json"`
	SettledAt *time.Time  // when a server dealt with the step; nil: it is still to come
	EventID   *EventID    // nil: the step is still to come, or the case had been followed up by then
}
