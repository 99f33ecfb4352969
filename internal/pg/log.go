package pg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// slowAfter is the duration from which a statement is logged, unless Options say otherwise.
const slowAfter = time.Second

// statementLog logs slow statements, and on the debug level failed ones; their errors are also returned to the caller, who
// handles or logs them. It shows placeholders, never values: the values are personal data of customers. A statement takes
// from its beginning until its rows are read.
type statementLog struct {
	log       *slog.Logger
	slowAfter time.Duration
}

var (
	_ pgx.QueryTracer    = statementLog{}
	_ pgx.BatchTracer    = statementLog{}
	_ pgx.CopyFromTracer = statementLog{}
)

type statementKey struct{}

// statement is one that runs.
type statement struct {
	sql   string
	began time.Time
	ended bool
}

func begin(ctx context.Context, sql string) context.Context {
	return context.WithValue(ctx, statementKey{}, &statement{sql: sql, began: time.Now()})
}

func (l statementLog) end(ctx context.Context, rows int64, err error) {
	s, ok := ctx.Value(statementKey{}).(*statement)
	if !ok || s.ended { // pgx ends a batch that it could not prepare twice
		return
	}
	s.ended = true
	took := time.Since(s.began)
	if err != nil && l.log.Enabled(ctx, slog.LevelDebug) {
		l.log.DebugContext(ctx, "statement failed", "took", took, "sql", s.sql, "code", sqlState(err))
	}
	if took >= l.slowAfter {
		l.log.WarnContext(ctx, "slow statement", "took", took, "sql", s.sql, "rows", rows)
	}
}

func (statementLog) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return begin(ctx, data.SQL)
}

func (l statementLog) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	l.end(ctx, data.CommandTag.RowsAffected(), data.Err)
}

func (statementLog) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	sql := "a batch"
	if data.Batch != nil && len(data.Batch.QueuedQueries) > 0 {
		all := data.Batch.QueuedQueries
		first := 0
		if all[0].SQL == "begin" && len(all) > 1 { // it says nothing about the others
			first = 1
		}
		sql = fmt.Sprintf("%d statements, the first: %s", len(all), all[first].SQL)
	}
	return begin(ctx, sql)
}

func (statementLog) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (l statementLog) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	l.end(ctx, 0, data.Err)
}

func (statementLog) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return begin(ctx, "COPY "+data.TableName.Sanitize())
}

func (l statementLog) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceCopyFromEndData) {
	l.end(ctx, data.CommandTag.RowsAffected(), data.Err)
}

// sqlState is the error's SQLSTATE or its type. The error's text may quote a value, as that of "invalid
// input syntax" does.
func sqlState(err error) string {
	var refused *pgconn.PgError
	if errors.As(err, &refused) {
		return refused.Code
	}
	return fmt.Sprintf("%T", err)
}
