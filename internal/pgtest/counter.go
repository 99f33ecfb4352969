package pgtest

import (
	"context"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"
)

// Counter counts the statements that a database's pool sends; pass it to New with WithTracer. Each
// statement of a batch counts, a COPY counts as one, and BEGIN, COMMIT and savepoints count too.
// The zero value is ready for use.
type Counter struct {
	mu         sync.Mutex
	statements []string
	trips      int
}

// Count returns the number of statements that began since the last Reset.
func (c *Counter) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.statements)
}

// Trips returns how often the pool waited for the server since the last Reset: for a batch once, however many statements
// it has.
func (c *Counter) Trips() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.trips
}

// Statements returns the texts of these statements, in order.
func (c *Counter) Statements() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.statements)
}

// Reset sets the count to zero.
func (c *Counter) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements, c.trips = nil, 0
}

func (c *Counter) add(statements ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.statements = append(c.statements, statements...)
	c.trips++
}

// TraceQueryStart implements pgx.QueryTracer.
func (c *Counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	c.add(data.SQL)
	return ctx
}

// TraceQueryEnd implements pgx.QueryTracer.
func (c *Counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements pgx.BatchTracer.
func (c *Counter) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	var statements []string
	for _, query := range data.Batch.QueuedQueries {
		statements = append(statements, query.SQL)
	}
	c.add(statements...)
	return ctx
}

// TraceBatchQuery implements pgx.BatchTracer.
func (c *Counter) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (c *Counter) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (c *Counter) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	c.add("COPY " + data.TableName.Sanitize() + " FROM STDIN")
	return ctx
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (c *Counter) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}
