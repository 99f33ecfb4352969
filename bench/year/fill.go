// Package year generates a year of a busy company for measurements: customers, responses, cases and everything that
// happened to them, with the rows, events and snapshots that the program would have written. README.md of bench/size
// describes the data.
package year

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/internal/pg"
)

// Make generates the year before now with n responses, in an empty database, whose tables and configuration the program
// makes. The folder is for temporary files.
func Make(ctx context.Context, binary, url, folder string, n int, now time.Time, p Policy) {
	s := program.Start(binary, url)
	configure(s, p)
	s.Stop()
	spool, err := os.MkdirTemp(folder, "spool-*")
	check(err)
	fill(ctx, url, spool, n, now, p)
	check(os.RemoveAll(spool))
}

// fill generates the year in a database that has only what configure made with the same policy.
func fill(ctx context.Context, url, folder string, n int, now time.Time, p Policy) {
	began := time.Now()
	db, err := pg.Connect(ctx, url, pg.Options{})
	check(err)
	defer db.Close()
	w := newWorld(n, now, p)
	out := newSpools(folder, now)
	runAll(w, newTeam(db.Gorm), out)
	generated := time.Since(began)

	conn := connect(ctx, url)
	defer conn.Close(ctx)
	rows, err := conn.Query(ctx, `SELECT indexname, indexdef FROM pg_indexes i WHERE schemaname = 'public' AND tablename = ANY($1)
		AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = i.indexname)`,
		[]string{"customers", "responses", "response_texts", "response_themes", "response_rules", "cases", "case_rules", "notes", "case_events", "notifications", "passives"})
	check(err)
	indexes, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct{ Name, SQL string }])
	check(err)
	for _, index := range indexes {
		run(ctx, conn, "DROP INDEX "+index.Name)
	}
	var copies, builds []func(*pgx.Conn)
	for _, s := range []*spool{out.events, out.responses, out.texts, out.cases, out.customers, out.notes, out.notifications, out.tags, out.matches, out.rules} {
		copies = append(copies, func(conn *pgx.Conn) {
			var before func(int) []byte
			if s == out.events {
				before = number // the positions of the events
			}
			r, w := io.Pipe()
			go func() { check(w.CloseWithError(s.read(w, before))) }()
			if _, err := conn.PgConn().CopyFrom(ctx, r, s.t.copies()); err != nil {
				log.Panicf("copy %s: %v", s.t.name, err)
			}
		})
	}
	for _, index := range indexes {
		builds = append(builds, func(conn *pgx.Conn) { run(ctx, conn, index.SQL) })
	}
	runParallel(ctx, url, copies)
	copied := time.Since(began)
	runParallel(ctx, url, builds)
	run(ctx, conn, queue)
	run(ctx, conn, fmt.Sprintf("UPDATE feed_head SET position = %d", out.events.lines))
	run(ctx, conn, "SELECT setval(pg_get_serial_sequence('customers', 'number'), max(number)) FROM customers")
	run(ctx, conn, "SELECT setval(pg_get_serial_sequence('cases', 'number'), max(number)) FROM cases")
	run(ctx, conn, "VACUUM ANALYZE") // autovacuum would do this in time
	log.Printf("%d responses of %d customers, %d cases, %d events: generated after %.0f s, copied after %.0f s, indexed after %.0f s", n, len(w.responsesOf), w.cases, out.events.lines,
		generated.Seconds(), copied.Seconds(), time.Since(began).Seconds())
}

func run(ctx context.Context, conn *pgx.Conn, sql string) {
	if _, err := conn.Exec(ctx, sql); err != nil {
		log.Panicf("%s: %v", sql, err)
	}
}

// connect returns a connection without triggers and checks of foreign keys, which would take hours. The generated rows
// satisfy all constraints; `verify` in bench/size checks them afterwards.
func connect(ctx context.Context, url string) *pgx.Conn {
	conn, err := pgx.Connect(ctx, url)
	check(err)
	run(ctx, conn, "SET session_replication_role = replica; SET synchronous_commit = off; SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0")
	return conn
}

// runParallel runs the functions on as many connections as there are processors.
func runParallel(ctx context.Context, url string, all []func(*pgx.Conn)) {
	var next atomic.Int64
	var running sync.WaitGroup
	for range runtime.NumCPU() {
		running.Go(func() {
			conn := connect(ctx, url)
			defer conn.Close(ctx)
			for i := int(next.Add(1)) - 1; i < len(all); i = int(next.Add(1)) - 1 {
				all[i](conn)
			}
		})
	}
	running.Wait()
}

// runAll runs every customer's story, on all processors.
func runAll(w *world, team *team, out *spools) {
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.NumCPU() {
		all.Go(func() {
			s := &story{w: w, team: team, out: out}
			for i := int(next.Add(1)) - 1; i < len(w.responsesOf); i = int(next.Add(1)) - 1 {
				s.run(i)
			}
		})
	}
	all.Wait()
}

// queue fills the passives queue. Its triggers (migrations/00010_passives.sql) do not run on the connections that copy.
const queue = `INSERT INTO passives (response_id, customer_id, cell, segment, lifetime_value, testimonial, responded_at, taken)
SELECT r.id, c.id, passive_cell(r.id, r.score, r.responded_at), coalesce(c.segment_fold, ''), coalesce(c.lifetime_value, -1e21),
	coalesce(r.testimonial_likelihood, -1), r.responded_at,
	EXISTS (SELECT 1 FROM cases k WHERE k.response_id = r.id AND (k.assignee_id IS NOT NULL OR k.status <> 'OPEN'))
FROM (SELECT DISTINCT ON (customer_id) * FROM responses ORDER BY customer_id, responded_at DESC, id DESC) r
JOIN customers c ON c.id = r.customer_id
WHERE r.category = 'PASSIVE' AND r.contact_status = 'NOT_CONTACTED' AND c.erased_at IS NULL
	AND (c.last_contacted_at IS NULL OR c.last_contacted_at < r.responded_at)`
