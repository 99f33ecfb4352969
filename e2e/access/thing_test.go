package access

import (
	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func (w *things) freshWebhook() string {
	return w.OK(model.Admin, `mutation ($input: CreateWebhookInput!) {createWebhook(input: $input) {webhook {id}}}`,
		vars{"input": vars{"url": "https://hooks.example.com/x", "events": []string{"OPENED"}, "ownerId": w.Users[w.caller]}}).Text("createWebhook.webhook.id")
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

func (w *things) freshSource() string {
	return w.OK(model.Manager, `mutation ($input: CreateSourceInput!) {createSource(input: $input) {source {id}}}`,
		vars{"input": vars{"name": "s-" + model.NewUUID().String(), "tool": "GOOGLE_FORMS", "survey": "Event"}}).Text("createSource.source.id")
}

// everything is a fingerprint of all rows that requests can write.
func everything(w *setup.Server) (print string) {
	w.T.Helper()
	rows, _ := w.App.DB.Pool.Query(w.T.Context(), `SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'
		AND table_type = 'BASE TABLE' AND table_name !~ '^(river|goose|feed)_' ORDER BY 1`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil || len(tables) < 12 {
		w.T.Fatal(tables, err)
	}
	for _, table := range tables {
		// Reading writes when a token was last used, and the positions of events.
		row := map[string]string{"api_tokens": "(id, revoked_at)", "case_events": "id"}[table]
		if row == "" {
			row = "x"
		}
		var one string
		err := w.App.DB.Pool.QueryRow(w.T.Context(), "SELECT count(*) || ' ' || coalesce(md5(string_agg("+row+"::text, ';' ORDER BY "+row+"::text)), '') FROM "+table+" x").Scan(&one)
		if err != nil {
			w.T.Fatal(err)
		}
		print += table + " " + one + "; "
	}
	return print
}
