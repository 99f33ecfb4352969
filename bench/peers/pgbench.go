package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/closeloop/closeloop/bench/peers/byhand"
)

// pgbench asks PostgreSQL without a server between.
type pgbench struct {
	program   string
	data      *data
	cases     int64
	customers int64
}

func newPgbench(ctx context.Context, d *data) *peer {
	b := &pgbench{data: d, cases: one[int64](ctx, d.url(closeloopRole), "SELECT max(number) FROM cases"),
		customers: one[int64](ctx, d.url(closeloopRole), "SELECT count(*) FROM peers.plain_customers")}
	var err error
	b.program, err = findPgbench()
	check(err)
	return &peer{name: pgbenchName, role: pgbenchRole, run: b.run, stop: func() {}}
}

// findPgbench looks on PATH, and where Debian and Red Hat install PostgreSQL's programs.
func findPgbench() (string, error) {
	if path, err := exec.LookPath(pgbenchName); err == nil {
		return path, nil
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/pgbench", "/usr/pgsql-*/bin/pgbench"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 { // fails on a malformed pattern only
			return found[len(found)-1], nil
		}
	}
	return "", errors.New("PostgreSQL's pgbench is not installed (Debian: postgresql-contrib): install it, or leave it out with -peers")
}

// script is what one file of pgbench has: its text, and the values of its variables that are no numbers.
type script struct {
	text   string
	weight int
	values map[string]string
}

func (b *pgbench) scripts(w *workload) (all []script) {
	submit := script{text: fmt.Sprintf(`\set customer random(1, %d)
\set response random(1, 9000000000000000000)
\set score random(0, 6)
\set agent random(0, 29)
BEGIN;
UPDATE peers.plain_customers SET last_response_at = now() WHERE external_id = 'c-' || :customer RETURNING id AS customer_id \gset
INSERT INTO peers.plain_responses (external_id, customer_id, score, comment, responded_at)
VALUES ('pgbench-' || :response, :customer_id, :score, 'The seat was cramped, and nobody called me back.', now()) RETURNING id AS response_id \gset
INSERT INTO peers.plain_cases (status, customer_id, response_id, assignee_id, opened_at, due_at)
VALUES ('OPEN', :customer_id, :response_id, (SELECT id FROM peers.plain_agents WHERE n = :agent), now(), now() + interval '48 hours') RETURNING id AS case_id \gset
%s;
END;
`, b.customers, bind(byhand.LogCase, "case_id")), weight: 100}
	switch w.name {
	case "response":
		return []script{submit}
	case "case":
		all = []script{{text: fmt.Sprintf("\\set number random(1, %d)\n%s;\n%s;\n", b.cases, bind(byhand.Case, "number"), bind(byhand.Notes, "number"))}}
	case "list":
		all = []script{{text: byhand.Open + ";\n"}}
	case "filtered":
		for i, v := range w.variants {
			name := func(value string) string { return fmt.Sprint(value, i) }
			all = append(all, script{
				text: bind(byhand.Filtered, name("country"), name("low"), name("high"), name("at"), name("id")) + ";\n",
				values: map[string]string{name("country"): v.Country, name("low"): strconv.Itoa(v.Low), name("high"): strconv.Itoa(v.High),
					name("at"): v.at.UTC().Format(time.RFC3339Nano), name("id"): v.id.String()},
			})
		}
	case "summary":
		all = []script{{text: byhand.Statuses + ";\n" + byhand.Assignees + ";\n"}}
	}
	if *writes > 0 {
		submit.weight = int(*writes) * len(all)
		for i := range all {
			all[i].weight = 100 - int(*writes)
		}
		return append(all, submit)
	}
	for i := range all {
		all[i].weight = 1
	}
	return all
}

// bind puts pgbench's variables for the parameters of a statement.
func bind(sql string, names ...string) string {
	for i, name := range names {
		sql = strings.ReplaceAll(sql, fmt.Sprintf("$%d", i+1), ":"+name)
	}
	return sql
}

// longest is how long pgbench would run if nothing ended it, in seconds.
const longest = "3600"

func (b *pgbench) run(w *workload, connections int, during window) run {
	folder, err := os.MkdirTemp("", "pgbench-*")
	check(err)
	defer os.RemoveAll(folder)
	arguments := []string{"-n", "-M", "prepared", "-c", strconv.Itoa(connections), "-j", strconv.Itoa(min(connections, 2)), "-T", longest,
		"-l", "--log-prefix=" + filepath.Join(folder, "log")}
	for i, s := range b.scripts(w) {
		file := filepath.Join(folder, fmt.Sprintf("%d.sql", i))
		check(os.WriteFile(file, []byte(s.text), 0o600))
		arguments = append(arguments, "-f", fmt.Sprintf("%s@%d", file, s.weight))
		for name, value := range s.values {
			arguments = append(arguments, "-D", name+"="+value)
		}
	}
	// The name of a database may be a connection string.
	process := exec.Command(b.program, append(arguments, b.data.url(pgbenchRole))...) //nolint:gosec // the program that was found
	var out bytes.Buffer
	process.Stdout, process.Stderr = &out, &out
	check(process.Start())
	ended := make(chan struct{})
	go func() {
		_ = process.Wait() // out says why it failed
		close(ended)
	}()
	ctx := context.Background()
	admin := b.data.admin()
	for began := time.Now(); one[int](ctx, admin, "SELECT count(*) FROM pg_stat_activity WHERE usename = $1", pgbenchRole) < connections; time.Sleep(100 * time.Millisecond) {
		select {
		case <-ended:
			log.Panicf("pgbench has ended:\n%s", &out)
		default:
		}
		if time.Since(began) > time.Minute {
			log.Panicf("pgbench does not connect:\n%s", &out)
		}
	}
	from, to := during.wait()
	select {
	case <-ended:
		log.Panicf("pgbench has ended:\n%s", &out)
	default:
	}
	// It writes the rest of its log when its connections have ended. A signal would end it at once.
	execute(ctx, admin, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '"+pgbenchRole+"'")
	<-ended
	logs, err := filepath.Glob(filepath.Join(folder, "log*"))
	check(err)
	var all []answered
	for _, name := range logs {
		text, err := os.ReadFile(name)
		check(err)
		for line := range strings.Lines(string(text)) {
			a, err := parseTransaction(line)
			check(err)
			all = append(all, a)
		}
	}
	return runWithin(from, to, all)
}

// parseTransaction reads a line of pgbench's log: client, transaction, latency in µs, script, and the end in s and µs.
func parseTransaction(line string) (a answered, err error) {
	fields := strings.Fields(line)
	if len(fields) < 6 {
		return a, fmt.Errorf("pgbench's log has the line %q", line)
	}
	var numbers [6]int64
	for i := range numbers {
		if numbers[i], err = strconv.ParseInt(fields[i], 10, 64); err != nil {
			return a, fmt.Errorf("pgbench's log has the line %q: %w", line, err)
		}
	}
	return answered{time.Duration(numbers[2]) * time.Microsecond, time.Unix(numbers[4], numbers[5]*1000)}, nil
}
