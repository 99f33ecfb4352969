package pg

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Usage is what statements have taken of the database.
type Usage struct {
	Time time.Duration // from sending a statement to the last row of its answer, without any wait for a connection
	Rows int64         // returned or changed
}

type usageKey struct{}

// WithUsage returns a context that reports each of its statements to add, when the statement has ended. Several goroutines
// may call add at once. Statements of contexts without add are not reported to anybody.
func WithUsage(ctx context.Context, add func(Usage)) context.Context {
	return context.WithValue(ctx, usageKey{}, add)
}

// UsageOf returns the function to which the context reports its statements. Work that runs elsewhere for several callers,
// with a context of its own, reports to them by it. Without such a function, the one that UsageOf returns does nothing.
func UsageOf(ctx context.Context) func(Usage) {
	if add, ok := ctx.Value(usageKey{}).(func(Usage)); ok {
		return add
	}
	return func(Usage) {}
}

// Among reports the usage to several callers, in equal parts. The rows that are left over go to the first of them, one each.
func (u Usage) Among(add []func(Usage)) {
	n := int64(len(add))
	for i, add := range add {
		part := Usage{Time: u.Time / time.Duration(n), Rows: u.Rows / n}
		if int64(i) < u.Rows%n {
			part.Rows++
		}
		add(part)
	}
}

// usageTracer reports statements to the contexts that they run with.
type usageTracer struct{}

var (
	_ pgx.QueryTracer    = usageTracer{}
	_ pgx.BatchTracer    = usageTracer{}
	_ pgx.CopyFromTracer = usageTracer{}
)

// measured is a statement that runs, and whose usage is reported.
type measured struct {
	add   func(Usage)
	began time.Time
	rows  int64 // of a batch so far
	ended bool
}

type measuredKey struct{}

func measure(ctx context.Context) context.Context {
	add, ok := ctx.Value(usageKey{}).(func(Usage))
	if !ok {
		return ctx
	}
	return context.WithValue(ctx, measuredKey{}, &measured{add: add, began: time.Now()})
}

func report(ctx context.Context, rows int64) {
	if s, ok := ctx.Value(measuredKey{}).(*measured); ok && !s.ended { // pgx ends a batch that it could not prepare twice
		s.ended = true
		s.add(Usage{Time: time.Since(s.began), Rows: s.rows + rows})
	}
}

func (usageTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return measure(ctx)
}

func (usageTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	report(ctx, data.CommandTag.RowsAffected())
}

func (usageTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return measure(ctx)
}

func (usageTracer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	if s, ok := ctx.Value(measuredKey{}).(*measured); ok {
		s.rows += data.CommandTag.RowsAffected()
	}
}

func (usageTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	report(ctx, 0)
}

func (usageTracer) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return measure(ctx)
}

func (usageTracer) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	report(ctx, data.CommandTag.RowsAffected())
}
