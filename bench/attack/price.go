package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/bench/program"
	"github.com/closeloop/closeloop/internal/querytest"
	"github.com/closeloop/closeloop/model"
)

const (
	// What the prices of random queries must reach, as Spearman's rank correlation with their time in the database.
	requestedLeast, actualLeast = 0.8, 0.95

	outliersShown = 10
	queryShown    = 1500 // characters
)

// priced is a query that was answered.
type priced struct {
	text              string
	requested, actual float64 // points
	ms                float64 // in the database, as PostgreSQL counts it
}

// comparePrices runs n random queries one by one. PostgreSQL's module pg_stat_statements counts their time in the
// database, so that the comparison does not rest on the program's own measurement.
func comparePrices(ctx context.Context, parent string, n int, seed uint64) {
	// No bucket runs empty, and the second answer to a query is no kept one, which takes no time in the database.
	w := openWorld(ctx, parent, "pg_stat_statements", "CLOSELOOP_RATE_LIMIT=2000000000", "CLOSELOOP_RATE_RESTORE=2000000000", "CLOSELOOP_SHARE_ANSWERS=no")
	defer w.close()
	awaitPositions(ctx, w.url)
	execute(ctx, w.url, furtherRows...)
	clock := newClock(ctx, w)
	defer clock.conn.Close(ctx)
	schema, err := querytest.Load("graph")
	check(err)
	m := &querytest.Maker{Schema: schema, Pool: w.pool(ctx, schema), Role: "ADMIN", Random: rand.New(rand.NewPCG(seed, 0))}
	var all []priced
	refused := map[string]int{}
	for len(all) < n {
		made := m.Make(ast.Query)
		body, err := json.Marshal(made)
		check(err)
		if _, code := w.ask(ctx, body); code != "" { // the first time warms the caches
			if refused[code]++; refused[code] > 20*n {
				log.Panicf("only %d of %d queries are answered; refused: %v", len(all), n, refused)
			}
			continue
		}
		clock.reset(ctx)
		p, code := w.ask(ctx, body)
		if code != "" {
			refused[code]++
			continue
		}
		p.ms, p.text = clock.read(ctx), string(body)
		all = append(all, p)
	}
	report(all, refused)
}

// ask sends a query, and returns its price, or why it has none.
func (w *world) ask(ctx context.Context, body []byte) (p priced, code string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+w.server.Address+"/graphql", bytes.NewReader(body))
	check(err)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+program.AdminToken)
	answer, err := http.DefaultClient.Do(request)
	check(err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	check(err)
	var decoded struct {
		Extensions struct {
			Cost *struct{ Requested, Actual float64 }
		}
	}
	if code = outcome(answer.StatusCode, text); code != answered {
		code, _, _ = strings.Cut(code, " ") // without the message
		return p, code
	}
	check(json.Unmarshal(text, &decoded))
	if decoded.Extensions.Cost == nil {
		return p, "no extensions.cost"
	}
	return priced{requested: decoded.Extensions.Cost.Requested, actual: decoded.Extensions.Cost.Actual}, ""
}

// pool is what the queries ask for: values that the data has.
func (w *world) pool(ctx context.Context, schema *ast.Schema) querytest.Pool {
	conn, err := pgx.Connect(ctx, w.url)
	check(err)
	defer conn.Close(ctx)
	some := func(table string) string { return "SELECT id FROM " + table + " ORDER BY md5(id::text) LIMIT 20" }
	list := func(ids []string) (all []any) {
		for _, id := range ids {
			all = append(all, id)
		}
		return all
	}
	users := list(ids[model.UserID](ctx, conn, some("users")))
	p := querytest.Plausible(time.Now())
	p.AddIDs(schema, map[string][]any{
		"case": list(ids[model.CaseID](ctx, conn, some("cases"))), "customer": list(ids[model.CustomerID](ctx, conn, some("customers"))),
		"response": list(ids[model.ResponseID](ctx, conn, some("responses"))), "note": list(ids[model.NoteID](ctx, conn, some("notes"))),
		"rule": list(ids[model.RuleID](ctx, conn, some("rules"))), "theme": list(ids[model.ThemeID](ctx, conn, some("themes"))),
		"event": list(ids[model.EventID](ctx, conn, some("case_events"))), "user": users, "assignee": users, "author": users,
	})
	f := w.facts(ctx)
	p["Query.caseEvents.after"] = []any{f.begin}
	return p
}

// clock reads how long PostgreSQL worked on the program's statements. Statements of the program's background work, which
// run while nobody asks, are left out.
type clock struct {
	conn       *pgx.Conn
	background []int64
}

func newClock(ctx context.Context, w *world) *clock {
	conn, err := pgx.Connect(ctx, w.cluster.URL("postgres"))
	check(err)
	_, err = conn.Exec(ctx, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
	check(err)
	c := &clock{conn: conn, background: []int64{}}
	c.reset(ctx)
	time.Sleep(10 * time.Second)
	rows, err := conn.Query(ctx, "SELECT queryid FROM pg_stat_statements WHERE queryid IS NOT NULL")
	check(err)
	c.background, err = pgx.CollectRows(rows, pgx.RowTo[int64])
	check(err)
	return c
}

func (c *clock) reset(ctx context.Context) {
	_, err := c.conn.Exec(ctx, "SELECT pg_stat_statements_reset()")
	check(err)
}

// read returns ms of planning and execution since the reset.
func (c *clock) read(ctx context.Context) (ms float64) {
	check(c.conn.QueryRow(ctx, `SELECT coalesce(sum(total_exec_time + total_plan_time), 0) FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
		WHERE d.datname = 'attacked' AND NOT queryid = ANY($1)`, c.background).Scan(&ms))
	return ms
}

// report prints the two correlations, and the queries whose price is the furthest from their time.
func report(all []priced, refused map[string]int) {
	of := func(value func(priced) float64) (values []float64) {
		for _, p := range all {
			values = append(values, value(p))
		}
		return values
	}
	ms := of(func(p priced) float64 { return p.ms })
	fmt.Printf("%d queries: %.2f ms of the database at the median, %.1f ms at most; refused: %v\n\n", len(all), quantile(ms, 0.5), quantile(ms, 1), refused)
	var failed []string
	for _, c := range []struct {
		name  string
		least float64
		value func(priced) float64
	}{
		{"requested", requestedLeast, func(p priced) float64 { return p.requested }}, {"actual", actualLeast, func(p priced) float64 { return p.actual }},
	} {
		points := of(c.value)
		rho := spearman(points, ms)
		fmt.Printf("Rank correlation between `%s` and the time in the database: %.3f, where at least %.2f is wanted.\n", c.name, rho, c.least)
		if !(rho >= c.least) {
			failed = append(failed, c.name)
		}
		byPoints, byTime := ranks(points), ranks(ms)
		order := make([]int, len(all))
		for i := range order {
			order[i] = i
		}
		off := func(i int) float64 { return byPoints[i] - byTime[i] }
		slices.SortFunc(order, func(a, b int) int { return int(max(off(b), -off(b)) - max(off(a), -off(a))) })
		for _, i := range order[:min(outliersShown, len(order))] {
			p := all[i]
			fmt.Printf("  %s too %s by %.0f ranks: requested %.0f, actual %.0f, %.2f ms\n    %.*s\n", c.name, map[bool]string{true: "dear", false: "cheap"}[off(i) > 0], max(off(i), -off(i)),
				p.requested, p.actual, p.ms, queryShown, p.text)
		}
	}
	if len(failed) > 0 {
		fmt.Printf("\nNot reached: %s.\n", strings.Join(failed, ", "))
	}
}
