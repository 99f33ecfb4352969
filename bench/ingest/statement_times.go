package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// statementTimes is a tracer that sums up how long each statement takes, as the program sees it.
type statementTimes struct {
	mu    sync.Mutex
	bySQL map[string]*cost
}

type cost struct {
	sql   string
	count int
	took  time.Duration
}

func newStatementTimes() *statementTimes { return &statementTimes{bySQL: map[string]*cost{}} }

type startKey struct{}

type started struct {
	sql string
	at  time.Time
}

func start(ctx context.Context, sql string) context.Context {
	return context.WithValue(ctx, startKey{}, started{sql, time.Now()})
}

func (s *statementTimes) end(ctx context.Context) {
	b, ok := ctx.Value(startKey{}).(started)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.bySQL[b.sql]
	if c == nil {
		c = &cost{sql: b.sql}
		s.bySQL[b.sql] = c
	}
	c.count++
	c.took += time.Since(b.at)
}

func (s *statementTimes) print(n int) {
	costs := make([]*cost, 0, len(s.bySQL))
	for _, c := range s.bySQL {
		costs = append(costs, c)
	}
	slices.SortFunc(costs, func(a, b *cost) int { return int(b.took - a.took) })
	for _, c := range costs[:min(n, len(costs))] {
		fmt.Printf("%8d ms %7d times  %.140s\n", c.took.Milliseconds(), c.count, strings.Join(strings.Fields(c.sql), " "))
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *statementTimes) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return start(ctx, data.SQL)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *statementTimes) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	s.end(ctx)
}

// TraceBatchStart implements pgx.BatchTracer.
func (s *statementTimes) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	return start(ctx, fmt.Sprintf("batch of %.60s", data.Batch.QueuedQueries[0].SQL))
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*statementTimes) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *statementTimes) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	s.end(ctx)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (s *statementTimes) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return start(ctx, "COPY "+data.TableName.Sanitize())
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (s *statementTimes) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	s.end(ctx)
}
