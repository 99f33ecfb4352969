package notify

import (
	"errors"
	"net/url"

	"gorm.io/gorm"
)

// loadWebhook reads what a mail about a webhook says. Its secret is none of that, and is not read.
func (l *letter) loadWebhook(db *gorm.DB) error {
	columns := db.Select("id", "url", "enabled", "disabled_reason", "failing_since")
	err := takeIf(&l.webhook, columns, l.notification.WebhookID)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		l.webhook, err = nil, nil
	}
	return errors.Join(err, l.loadZone(db))
}

func (l *letter) webhookView(public string) *view {
	v := &view{
		Headline: "A webhook was disabled", Link: public + "/", LinkText: "Open closeloop",
		Why: "You get this mail because the webhook is yours, or because you are an administrator and its owner is gone.",
	}
	if l.webhook == nil {
		v.Subject = v.Headline + ", and deleted since"
		return v
	}
	host := "its receiver"
	if u, err := url.Parse(l.webhook.URL); err == nil {
		host = line(u.Host, 80) // the path may be a secret
	}
	v.Subject = v.Headline + ": " + host
	state := "Disabled; nothing is lost: enabled again (updateWebhook), it goes on where it stopped"
	if l.webhook.Enabled {
		state = "Enabled again meanwhile"
	}
	for _, f := range []fact{
		{"Webhook", l.webhook.ID.String()}, {"Receiver", host}, {"Reason", text(l.webhook.DisabledReason)},
		{"Failing", l.time(l.webhook.FailingSince)}, {"Now", state}, {"Where", "Its deliveries and their errors: the API, webhooks { deliveries }"},
	} {
		if f.Value = line(f.Value, 500); f.Value != "" {
			v.Facts = append(v.Facts, f)
		}
	}
	return v
}
