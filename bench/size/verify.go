package main

import (
	"context"
	"log"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
)

// wrong are queries for rows that the program would never write. Each query must find nothing.
var wrong = map[string]string{
	"cases at another version than their log": `cases k JOIN (SELECT case_id, count(*) AS n, max(version) AS last FROM case_events GROUP BY 1) e ON e.case_id = k.id
		WHERE k.version <> e.n OR k.version <> e.last`,
	"cases without a log":                    `cases k WHERE NOT EXISTS (SELECT FROM case_events e WHERE e.case_id = k.id)`,
	"logs out of order":                      `(SELECT seq, position, lag(seq) OVER w AS before, lag(position) OVER w AS place FROM case_events WINDOW w AS (PARTITION BY case_id ORDER BY version)) e WHERE seq < before OR position < place`,
	"events without a position":              `case_events WHERE position IS NULL OR position > (SELECT position FROM feed_head)`,
	"statuses that the log does not have":    `cases k JOIN LATERAL (SELECT status FROM case_events e WHERE e.case_id = k.id AND type = 'STATUS_CHANGED' ORDER BY version DESC LIMIT 1) e ON true WHERE e.status <> k.status`,
	"cases that differ from their snapshots": `cases k JOIN case_events e ON e.case_id = k.id AND e.version = k.version WHERE e.snapshot->'case'->>'status' <> k.status OR (e.snapshot->'case'->>'number')::bigint <> k.number OR (e.snapshot->'case'->>'version')::int <> k.version`,
	"responses that differ from their customers": `responses r JOIN customers c ON c.id = r.customer_id
		WHERE (r.country, r.company_fold, r.segment_fold, r.lifetime_value) IS DISTINCT FROM (c.country, c.company_fold, c.segment_fold, c.lifetime_value)`,
	"cases that differ from their responses": `cases k JOIN responses r ON r.id = k.response_id WHERE (k.score, k.category, k.responded_at, k.contact_requested, k.survey_fold, k.customer_id, k.lifetime_value)
		IS DISTINCT FROM (r.score, r.category, r.responded_at, r.contact_requested, r.survey_fold, r.customer_id, r.lifetime_value)`,
	"customers older than their newest response": `customers c WHERE c.last_response_at IS DISTINCT FROM (SELECT max(responded_at) FROM responses r WHERE r.customer_id = c.id)`,
	"events without their note":                  `case_events e WHERE note_id IS NOT NULL AND NOT EXISTS (SELECT FROM notes n WHERE n.id = e.note_id AND n.case_id = e.case_id)`,
	"notifications without their event":          `notifications n WHERE event_id IS NOT NULL AND NOT EXISTS (SELECT FROM case_events e WHERE e.id = n.event_id)`,
	"tags without their response":                `response_themes x WHERE NOT EXISTS (SELECT FROM responses r WHERE r.id = x.response_id)`,
	"customers contacted at another time":        `customers c WHERE c.last_contacted_at IS DISTINCT FROM (SELECT max(e.at) FROM cases k JOIN case_events e ON e.case_id = k.id WHERE k.customer_id = c.id AND e.type = 'OUTREACH_RECORDED' AND e.outcome <> 'NO_ANSWER')`,
	"cases that should have been marked overdue": `cases WHERE overdue_at IS NULL AND first_follow_up_at IS NULL AND status <> 'CLOSED' AND due_at > opened_at AND due_at < (SELECT max(at) FROM case_events) - interval '1 hour'`,
}

// verify checks that the data is consistent, and that the program reads it correctly.
func verify(ctx context.Context, d *data) {
	conn, err := pgx.Connect(ctx, d.url)
	check(err)
	defer conn.Close(ctx)
	count := func(of string) (n int) {
		if err := conn.QueryRow(ctx, "SELECT count(*) FROM "+of).Scan(&n); err != nil {
			log.Panicf("%s: %v", of, err)
		}
		return n
	}
	for what, of := range wrong {
		if n := count(of); n > 0 {
			log.Panicf("%s has %d %s", d.name, n, what)
		}
	}
	if _, err := conn.Exec(ctx, "SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off"); err != nil {
		log.Panic(err)
	}
	type page struct {
		CaseSummary struct{ Open, InProgress, Closed, Total int }
		Responses   struct{ TotalCount int }
		Passives    struct{ TotalCount int }
		Cases       struct {
			Nodes []struct {
				Version int
				Status  string
				History struct {
					Nodes []struct{ ID, Type, Cursor string }
				}
			}
		}
	}
	got := program.Get[page](d.server, `{caseSummary {open inProgress closed total} responses {totalCount} passives {totalCount}
		cases(first: 30, orderBy: [{field: UPDATED_AT, direction: DESC}]) {nodes {version status history(first: 100) {nodes {id type cursor}}}}}`, nil)
	if s := got.CaseSummary; s.Open != count("cases WHERE status = 'OPEN'") || s.InProgress != count("cases WHERE status = 'IN_PROGRESS'") ||
		s.Closed != count("cases WHERE status = 'CLOSED'") || s.Total != count("cases") || got.Responses.TotalCount != d.n ||
		got.Passives.TotalCount != count("passives WHERE NOT taken") {
		log.Panicf("%s: the program counts %+v", d.name, got)
	}
	for _, c := range got.Cases.Nodes {
		if len(c.History.Nodes) != c.Version || c.History.Nodes[0].Type != "OPENED" {
			log.Panicf("%s: a case's history: %+v", d.name, c)
		}
	}
	// The feed after the newest event of the last of these cases must equal the log.
	last := got.Cases.Nodes[len(got.Cases.Nodes)-1].History.Nodes
	from := last[len(last)-1]
	rows, err := conn.Query(ctx, "SELECT type FROM case_events WHERE position > (SELECT max(position) FROM case_events WHERE (case_id, version) IN (SELECT id, version FROM cases ORDER BY updated_at DESC, id DESC OFFSET 29 LIMIT 1)) ORDER BY position")
	check(err)
	types, err := pgx.CollectRows(rows, pgx.RowTo[string])
	check(err)
	if feed := d.server.Feed(from.Cursor, len(types)); !slices.Equal(feed, types) {
		log.Panicf("%s: the feed after %s has %v; the log has %v", d.name, from.Cursor, feed, types)
	}
	log.Printf("%s: %d cases (%d open, %d in progress), %d events, %d customers, %d in the passives queue", d.name, got.CaseSummary.Total, got.CaseSummary.Open,
		got.CaseSummary.InProgress, count("case_events"), count("customers"), got.Passives.TotalCount)
}
