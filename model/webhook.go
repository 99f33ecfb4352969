package model

import (
	"encoding/json"
	"time"
)

// Webhook is a URL to which case events are posted.
type Webhook struct {
	ID             WebhookID
	URL            string `gorm:"column:url"`
	OwnerID        UserID
	Events         []CaseEventType `gorm:"serializer:json"`
	Filter         json.RawMessage `gorm:"type:jsonb"`
	Enabled        bool
	DisabledReason *string
	Secret         string          // whsec_ and base64, as it was shown to the owner
	RetiredSecrets []RetiredSecret `gorm:"serializer:json"`
	Position       int64           // in the log: events up to here already have their deliveries
	FailingSince   *time.Time
	CreatedAt      time.Time
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false"` // of the fields that decide which events the webhook receives

	Owner *User // set only where it was loaded
}

func (*Webhook) IsNode() {}

// RetiredSecret is a secret that was replaced. It still signs until the time given, so that the receiver can switch over.
type RetiredSecret struct {
	Secret string    `json:"secret"`
	Until  time.Time `json:"until"`
}

// Secrets returns the secrets that sign at the time given, the newest first.
func (w *Webhook) Secrets(now time.Time) []string {
	valid := []string{w.Secret}
	for _, r := range w.RetiredSecrets {
		if now.Before(r.Until) {
			valid = append(valid, r.Secret)
		}
	}
	return valid
}

// DeliveryStatus is the state of an event on its way to a webhook.
type DeliveryStatus string

const (
	DeliveryQueued    DeliveryStatus = "QUEUED"
	DeliveryDelivered DeliveryStatus = "DELIVERED"
	DeliveryFailed    DeliveryStatus = "FAILED"
)

// WebhookDelivery is one event on its way to one webhook. The body is built from the log at every attempt and is not
// stored.
//
// Among the queued deliveries of one case, only the earliest has a NextAttemptAt; the later deliveries have none until it
// is their turn. A delivery with ByHand set is outside this order: a user asked to send it again.
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
