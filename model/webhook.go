package model

import (
	"encoding/json"
	"time"
)

// Webhook is an address that case events are posted to.
type Webhook struct {
	ID             WebhookID
	URL            string `gorm:"column:url"`
	OwnerID        UserID
	Events         []CaseEventType `gorm:"serializer:json"`
	Filter         json.RawMessage `gorm:"type:jsonb"`
	Enabled        bool
	DisabledReason *string
	Secret         string          // whsec_ and base64, as its owner was shown it
	RetiredSecrets []RetiredSecret `gorm:"serializer:json"`
	Position       int64           // in the log: what is up to here has its deliveries
	FailingSince   *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"` // of what decides who gets which events

	Owner *User // where it was joined
}

func (*Webhook) IsNode() {}

// RetiredSecret was replaced, and signs until then all the same.
type RetiredSecret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

// Secrets are those that sign at a time: the newest first.
func (w *Webhook) Secrets(now time.Time) []string {
	valid := []string{w.Secret}
	for _, r := range w.RetiredSecrets {
		if now.Before(r.Until) {
			valid = append(valid, r.Secret)
		}
	}
	return valid
}

// DeliveryStatus is how far an event has come on its way to a webhook.
type DeliveryStatus string

const (
	DeliveryQueued    DeliveryStatus = "QUEUED"
	DeliveryDelivered DeliveryStatus = "DELIVERED"
	DeliveryFailed    DeliveryStatus = "FAILED"
)

// WebhookDelivery is one event on its way to one webhook. What is posted is made of the log when it is posted, and is
// not kept.
//
// Of the queued deliveries of one case, the earliest has a NextAttemptAt, and those behind it have none: that is how
// they wait. ByHand stands beside that line: somebody asked to send it again.
type WebhookDelivery struct {
	ID             DeliveryID
	WebhookID      WebhookID
	EventID        EventID
	CaseID         CaseID
	Position       int64
	Status         DeliveryStatus
	NextAttemptAt  *time.Time
	ByHand         bool
	Attempts       int
	Tries          int
	FirstTriedAt   *time.Time
	ResponseStatus *int
	LastError      *string
	CreatedAt      time.Time
	DeliveredAt    *time.Time
}

func (*WebhookDelivery) IsNode() {}
