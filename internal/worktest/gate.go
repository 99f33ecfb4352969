package worktest

import (
	"context"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// Gate stops a call before a statement that the test chooses, until the test lets the call continue.
type Gate struct{ shut atomic.Pointer[Bar] }

// Bar is one stop. The call closes Reached when it reaches the statement; the test closes Open to let the call continue.
type Bar struct {
	before        string // a text that the statement contains
	Reached, Open chan struct{}
}

// Hold stops the next call that reaches a statement with the given text.
func (g *Gate) Hold(before string) *Bar {
	b := &Bar{before: before, Reached: make(chan struct{}), Open: make(chan struct{})}
	g.shut.Store(b)
	return b
}

func (g *Gate) pass(sql string) {
	if b := g.shut.Load(); b != nil && strings.Contains(sql, b.before) && g.shut.CompareAndSwap(b, nil) {
		close(b.Reached)
		<-b.Open
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (g *Gate) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	g.pass(data.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (*Gate) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer. Statements that are sent together stop before the first.
func (g *Gate) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	for _, query := range data.Batch.QueuedQueries {
		g.pass(query.SQL)
	}
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (*Gate) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (*Gate) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}
