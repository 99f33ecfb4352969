package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/bench/program"
)

// meter reads what PostgreSQL and the servers have used.
type meter struct {
	conn       *pgx.Conn // to another database than that which is measured
	database   string
	postmaster int
	servers    []int
	walInspect bool
}

// reading are counters that only grow, and those of statements since begin.
type reading struct {
	server, postgres time.Duration // of processors
	wal              string        // where the log of PostgreSQL ends
	statements       int64         // of the peer, without those that begin and end transactions
	control          int64         // those
}

func newMeter(ctx context.Context, d *data, peers []*peer) *meter {
	conn, err := pgx.Connect(ctx, d.admin())
	check(err)
	text, err := os.ReadFile(filepath.Join(d.folder, "postgres", "postmaster.pid"))
	check(err)
	first, _, _ := strings.Cut(string(text), "\n")
	m := &meter{conn: conn, database: d.name}
	m.postmaster, err = strconv.Atoi(first)
	check(err)
	check(conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_walinspect')").Scan(&m.walInspect))
	for _, p := range peers {
		if p.pid != 0 {
			m.servers = append(m.servers, p.pid)
		}
	}
	return m
}

// begin resets the counters of statements and returns the others.
func (m *meter) begin(ctx context.Context, p *peer) reading {
	r := m.read(ctx, p)
	_, err := m.conn.Exec(ctx, "SELECT pg_stat_statements_reset()")
	check(err)
	return r
}

// read reads all counters except those of statements.
func (m *meter) read(ctx context.Context, p *peer) (r reading) {
	if p.pid != 0 {
		r.server = processorTime(p.pid)
	}
	r.postgres = program.PostgresTime(m.postmaster)
	check(m.conn.QueryRow(ctx, "SELECT pg_current_wal_flush_lsn()::text").Scan(&r.wal))
	return r
}

// end reads all counters, those of statements first, as begin resets them last: all that is slow lies outside.
func (m *meter) end(ctx context.Context, p *peer) reading {
	var statements, control int64
	check(m.conn.QueryRow(ctx, `SELECT coalesce(sum(calls) FILTER (WHERE NOT control), 0)::bigint, coalesce(sum(calls) FILTER (WHERE control), 0)::bigint
		FROM (SELECT s.calls, s.query ~* '^\s*(begin|start transaction|commit|end|rollback|savepoint|release)' AS control
			FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid WHERE d.datname = $1 AND r.rolname = $2) AS of_peer`,
		m.database, p.role).Scan(&statements, &control))
	r := m.read(ctx, p)
	r.statements, r.control = statements, control
	return r
}

// walBetween returns the bytes of PostgreSQL's log, those of its records and those of the images of pages that a
// checkpoint makes necessary. Where PostgreSQL cannot tell them apart, all are records.
func (m *meter) walBetween(ctx context.Context, from, to string) (records, images int64) {
	if from == to {
		return 0, 0
	}
	if !m.walInspect {
		check(m.conn.QueryRow(ctx, "SELECT ($2::pg_lsn - $1::pg_lsn)::bigint", from, to).Scan(&records))
		return records, 0
	}
	check(m.conn.QueryRow(ctx, "SELECT coalesce(sum(record_size), 0)::bigint, coalesce(sum(fpi_size), 0)::bigint FROM pg_get_wal_stats($1, $2, true)", from, to).Scan(&records, &images))
	return records, images
}

// settle waits until PostgreSQL and the servers do next to nothing, so that no peer pays for the work that another one
// has left behind.
func (m *meter) settle() {
	const pause, little = 250 * time.Millisecond, 25 * time.Millisecond
	used := func() (all time.Duration) {
		for _, pid := range m.servers {
			all += processorTime(pid)
		}
		return all + program.PostgresTime(m.postmaster)
	}
	before := used()
	for began := time.Now(); time.Since(began) < 30*time.Second; {
		time.Sleep(pause)
		now := used()
		if now-before <= little {
			return
		}
		before = now
	}
	log.Print("the servers are not idle after 30 s; the next measurement begins nevertheless")
}

func processorTime(pid int) time.Duration {
	used, ok := program.TimeOf(pid)
	if !ok {
		check(fmt.Errorf("process %d has ended", pid))
	}
	return used.Own
}
