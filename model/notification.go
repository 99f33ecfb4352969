package model

import "time"

// NotificationKind is the reason why a mail is sent.
type NotificationKind string

const (
	NotifyNewResponse     NotificationKind = "NEW_RESPONSE"
	NotifyCaseAssigned    NotificationKind = "CASE_ASSIGNED"
	NotifyCaseOverdue     NotificationKind = "CASE_OVERDUE"
	NotifyCaseEscalated   NotificationKind = "CASE_ESCALATED"
	NotifyWebhookDisabled NotificationKind = "WEBHOOK_DISABLED"
	NotifyOldResponses    NotificationKind = "OLD_RESPONSES"
)

// NotificationStatus is the state of a mail on its way to the mail server.
type NotificationStatus string

const (
	NotificationQueued  NotificationStatus = "QUEUED"
	NotificationSent    NotificationStatus = "SENT"
	NotificationFailed  NotificationStatus = "FAILED"
	NotificationNotSent NotificationStatus = "NOT_SENT"
)

// Notification is an e-mail that the program has sent, will send, or failed to send.
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
	ImportID   *ImportID
	Status     NotificationStatus
	Attempts   int
	LastError  *string
	CreatedAt  time.Time
	SentAt     *time.Time
}

func (*Notification) IsNode() {}
