package access

import (
	"github.com/closeloop/closeloop/model"
)

func (w *things) freshWebhook() string {
	return w.AddWebhook("https://hooks.example.com/x", "OPENED").Text("webhook.id")
}

// freshDelivery makes a delivery that has failed, of the first event in the log.
func (w *things) freshDelivery() string {
	hook := w.freshWebhook()
	id := model.DeliveryID{UUID: model.NewUUID()}
	parsed, err := model.ParseID(hook)
	if err != nil {
		w.T.Fatal(err)
	}
	_, err = w.App.DB.Pool.Exec(w.T.Context(), `INSERT INTO webhook_deliveries (id, webhook_id, event_id, case_id, position, status, attempts, created_at)
		SELECT $1, $2, id, case_id, 1, 'FAILED', 1, now() FROM case_events WHERE version = 1 ORDER BY seq LIMIT 1`, id.UUID, parsed.(model.WebhookID).UUID)
	if err != nil {
		w.T.Fatal(err)
	}
	return id.String()
}
