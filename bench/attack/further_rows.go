package main

// furtherRows adds what the generated year does not have, so that the price of every list is compared with a list that has rows:
// webhooks that are switched off, with their deliveries, imported files, and a year of the audit.
var furtherRows = []string{
	`INSERT INTO webhooks (id, url, owner_id, events, enabled, secret, position, created_at, updated_at)
		SELECT gen_random_uuid(), 'https://receiver.example.com/' || n, (SELECT id FROM users ORDER BY id LIMIT 1), '["CASE_OPENED"]', false, 'secret', 0,
			now() - n * interval '1 day', now() FROM generate_series(1, 3) n`,
	`INSERT INTO webhook_deliveries (id, webhook_id, event_id, case_id, position, status, attempts, response_status, created_at, delivered_at)
		SELECT gen_random_uuid(), w.id, e.id, e.case_id, e.position, 'DELIVERED', 1, 200, e.at, e.at
		FROM webhooks w CROSS JOIN (SELECT * FROM case_events WHERE case_id IS NOT NULL ORDER BY position DESC LIMIT 4000) e`,
	`INSERT INTO imports (id, file_name, created_by_id, status, options, bytes, bytes_done, rows, rows_done, responses_created, created_at, finished_at, rejections, rows_rejected)
		SELECT gen_random_uuid(), n || '.csv', (SELECT id FROM users ORDER BY id LIMIT 1), 'DONE', '{}', 100000, 100000, 1000, 1000, 990,
			now() - n * interval '5 days', now() - n * interval '5 days', (SELECT jsonb_agg(jsonb_build_object('line', line, 'column', 'rating', 'reason', 'a number is expected'))
			FROM generate_series(1, 10) line), 10 FROM generate_series(1, 70) n`,
	`INSERT INTO audit_events (id, at, action, actor_id, object_type, address, times)
		SELECT gen_random_uuid(), now() - n * interval '20 minutes', 'SIGNED_IN', (SELECT id FROM users ORDER BY id LIMIT 1), 'API_TOKEN', '192.0.2.1', 1
		FROM generate_series(1, 25000) n`,
	"ANALYZE webhooks, webhook_deliveries, imports, audit_events",
}
