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

// spent is where the time goes: how long each statement took in all, as the program sees it.
type spent struct {
	mu sync.Mutex
	on map[string]*cost
}

type cost struct {
	sql   string
	times int
	took  time.Duration
}

func newSpent() *spent { return &spent{on: map[string]*cost{}} }

type began struct{}

type beginning struct {
	sql string
	at  time.Time
}

func start(ctx context.Context, sql string) context.Context {
	return context.WithValue(ctx, began{}, beginning{sql, time.Now()})
}

func (s *spent) end(ctx context.Context) {
	b, ok := ctx.Value(began{}).(beginning)
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.on[b.sql]
	if c == nil {
		c = &cost{sql: b.sql}
		s.on[b.sql] = c
	}
	c.times++
	c.took += time.Since(b.at)
}

func (s *spent) tell(n int) {
	costs := make([]*cost, 0, len(s.on))
	for _, c := range s.on {
		costs = append(costs, c)
	}
	slices.SortFunc(costs, func(a, b *cost) int { return int(b.took - a.took) })
	for _, c := range costs[:min(n, len(costs))] {
		fmt.Printf("%8d ms %7d times  %.140s\n", c.took.Milliseconds(), c.times, strings.Join(strings.Fields(c.sql), " "))
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *spent) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return start(ctx, data.SQL)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *spent) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) { s.end(ctx) }

// TraceBatchStart implements pgx.BatchTracer.
func (s *spent) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	return start(ctx, fmt.Sprintf("batch of %.60s", data.Batch.QueuedQueries[0].SQL))
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*spent) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *spent) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) { s.end(ctx) }

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (s *spent) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return start(ctx, "COPY "+data.TableName.Sanitize())
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (s *spent) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromEndData) {
	s.end(ctx)
}
