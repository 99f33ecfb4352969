package notify

import (
	"errors"
	"net/url"

	"gorm.io/gorm"
)

// loadWebhook loads the data of a mail about a webhook. It does not load the webhook's secret.
func (m *mailData) loadWebhook(db *gorm.DB) error {
	columns := db.Select("id", "url", "enabled", "disabled_reason", "failing_since")
	err := loadIf(&m.webhook, columns, m.notification.WebhookID)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		m.webhook, err = nil, nil
	}
	return errors.Join(err, m.loadZone(db))
}

func (m *mailData) webhookView(public string) *view {
	v := &view{
		Headline: "A webhook was disabled", Link: public + "/", LinkText: "Open closeloop",
		Why: "You get this mail because you own the webhook, or because you are an administrator and its owner is not active.",
	}
	if m.webhook == nil {
		v.Subject = v.Headline + " and later deleted"
		return v
	}
	host := "its receiver"
	if u, err := url.Parse(m.webhook.URL); err == nil {
		host = line(u.Host, 80) // the path may be a secret
	}
	v.Subject = v.Headline + ": " + host
	state := "Disabled. No event is lost: after you enable the webhook again (updateWebhook), it continues where it stopped"
	if m.webhook.Enabled {
		state = "Enabled again in the meantime"
	}
	for _, f := range []fact{
		{"Webhook", m.webhook.ID.String()}, {"Receiver", host}, {"Reason", text(m.webhook.DisabledReason)},
		{"Failing", m.time(m.webhook.FailingSince)}, {"Now", state}, {"Where", "Its deliveries and their errors: the API, webhooks { deliveries }"},
	} {
		if f.Value = line(f.Value, 500); f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	return v
}
