package model

import "time"

// NotificationKind is the occasion of a mail.
type NotificationKind string

const (
	NotifyNewResponse     NotificationKind = "NEW_RESPONSE"
	NotifyCaseAssigned    NotificationKind = "CASE_ASSIGNED"
	NotifyCaseOverdue     NotificationKind = "CASE_OVERDUE"
	NotifyCaseEscalated   NotificationKind = "CASE_ESCALATED"
	NotifyWebhookDisabled NotificationKind = "WEBHOOK_DISABLED"
)

// NotificationStatus is how far a mail has come.
type NotificationStatus string

const (
	NotificationQueued  NotificationStatus = "QUEUED"
	NotificationSent    NotificationStatus = "SENT"
	NotificationFailed  NotificationStatus = "FAILED"
	NotificationNotSent NotificationStatus = "NOT_SENT"
)

// Notification is an e-mail that the system sent, or tries to.
type Notification struct {
	ID         NotificationID
	Kind       NotificationKind
	To         string
	ToFold     string
	CaseID     *CaseID
	ResponseID *ResponseID
	RuleID     *RuleID
	EventID    *EventID
	WebhookID  *WebhookID
	Status     NotificationStatus
	Attempts   int
	LastError  *string
	CreatedAt  time.Time
	SentAt     *time.Time
}

func (*Notification) IsNode() {}
