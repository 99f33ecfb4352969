package worktest

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// tracer stops statements at the gate, and counts those that PostgreSQL refused, to end a deadlock.
type tracer struct {
	*Gate
	deadlocks *atomic.Int64
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t tracer) TraceQueryEnd(_ context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.ended(data.Err)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (t tracer) TraceBatchQuery(_ context.Context, _ *pgx.Conn, data pgx.TraceBatchQueryData) {
	t.ended(data.Err)
}

func (t tracer) ended(err error) {
	var refused *pgconn.PgError
	if errors.As(err, &refused) && refused.Code == "40P01" {
		t.deadlocks.Add(1)
	}
}
