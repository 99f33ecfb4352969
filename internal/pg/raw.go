package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// Raw is pgx's view of the transaction that Tx began, for COPY and River's InsertTx, which GORM lacks.
// It shares the connection with tx: use one at a time, and close rows first. Its Begin is a
// savepoint; its Commit and Rollback return an error, because Tx ends the transaction. Raw panics for
// a handle that does not come from Tx.
func Raw(tx *gorm.DB) pgx.Tx { return rawTx{Tx: connOf(tx).outer, conn: connOf(tx)} }

// rawTx sends what waits before each of its statements, and disables the two methods that end the transaction.
type rawTx struct {
	pgx.Tx // nil where the transaction has not begun
	conn   *txConn
}

func (rawTx) Commit(context.Context) error   { return errOuter }
func (rawTx) Rollback(context.Context) error { return errOuter }

func (r rawTx) Conn() *pgx.Conn { return r.conn.raw }

func (r rawTx) Begin(ctx context.Context) (pgx.Tx, error) {
	if err := r.conn.ready(ctx); err != nil {
		return nil, err
	}
	return r.conn.outer.Begin(ctx)
}

func (r rawTx) CopyFrom(ctx context.Context, table pgx.Identifier, columns []string, rows pgx.CopyFromSource) (int64, error) {
	if err := r.conn.ready(ctx); err != nil {
		return 0, err
	}
	return r.conn.outer.CopyFrom(ctx, table, columns, rows)
}

func (r rawTx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if err := r.conn.ready(ctx); err != nil {
		return pgx.FailedBatchResults(b, err)
	}
	return r.conn.outer.SendBatch(ctx, b)
}

func (r rawTx) Prepare(ctx context.Context, name, sql string) (*pgconn.StatementDescription, error) {
	if err := r.conn.ready(ctx); err != nil {
		return nil, err
	}
	return r.conn.outer.Prepare(ctx, name, sql)
}

func (r rawTx) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	if err := r.conn.ready(ctx); err != nil {
		return pgconn.CommandTag{}, err
	}
	return r.conn.outer.Exec(ctx, sql, args...)
}

func (r rawTx) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := r.conn.ready(ctx); err != nil {
		return pgx.FailedBatchResults(new(pgx.Batch), err).Query()
	}
	return r.conn.outer.Query(ctx, sql, args...)
}

func (r rawTx) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	if err := r.conn.ready(ctx); err != nil {
		return pgx.FailedBatchResults(new(pgx.Batch), err).QueryRow()
	}
	return r.conn.outer.QueryRow(ctx, sql, args...)
}
