package pg

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"
)

// tries is how often a transaction is begun before its last error is returned.
const tries = 5

// Tx runs do in one transaction (READ COMMITTED): what do returns nil for is committed, all else
// rolled back, a panic too. When PostgreSQL ended the transaction to break a deadlock (40P01) or
// for a conflict (40001), the whole of do runs again, up to five times: do must have no effect
// outside the transaction before it returns.
//
// The transaction has one connection, used by one goroutine at a time. do must not call Tx: the
// inner one would wait for a second connection, and with all of them taken for ever.
func (d *DB) Tx(ctx context.Context, do func(tx *gorm.DB) error) error {
	for try := 1; ; try++ {
		err := d.try(ctx, do)
		if err == nil || try == tries || !retryable(err) {
			return err
		}
		// Those who collided must not collide again: wait a random while, longer each time.
		wait := time.Duration(rand.Int64N(int64(10*time.Millisecond) << try))
		select {
		case <-ctx.Done():
			return err
		case <-time.After(wait):
		}
	}
}

func (d *DB) try(ctx context.Context, do func(tx *gorm.DB) error) (err error) {
	conn, err := d.sql.Conn(ctx)
	if err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	defer conn.Close()
	var raw *pgx.Conn
	if err := conn.Raw(func(driver any) error {
		raw = driver.(*stdlib.Conn).Conn()
		return nil
	}); err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	outer, err := raw.Begin(ctx)
	if err != nil {
		return fmt.Errorf("begin the transaction: %w", err)
	}
	// Also after a panic or a test's FailNow, and although ctx may have ended. After the commit it
	// does nothing.
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		// Through Raw: where ctx ended before a statement was sent, database/sql has taken the connection for
		// a bad one and given it back already, and the pool closes it, which rolls back, beside us.
		_ = conn.Raw(func(any) error { return outer.Rollback(late) })
	}()

	tx := d.Gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	tx.Statement.ConnPool = &txConn{conn: conn, outer: outer}
	if err := do(tx); err != nil {
		return err
	}
	if err := conn.Raw(func(any) error { return outer.Commit(ctx) }); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func retryable(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "40P01" || refused.Code == "40001")
}

// txConn is what GORM runs a transaction's statements on. It goes through database/sql for them,
// and keeps pgx's view of the same connection for Raw. database/sql's own Tx will not do: it rolls
// back from a goroutine of its own when ctx ends, in the middle of what Raw may be doing.
type txConn struct {
	conn  *sql.Conn
	outer pgx.Tx
}

func (c *txConn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return c.conn.PrepareContext(ctx, query)
}

func (c *txConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return c.conn.ExecContext(ctx, query, args...)
}

func (c *txConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return c.conn.QueryContext(ctx, query, args...)
}

func (c *txConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return c.conn.QueryRowContext(ctx, query, args...)
}

var errOuter = errors.New("the transaction is ended by the Tx that began it")

// Commit and Rollback mark txConn as a transaction for GORM, whose Transaction then makes a
// savepoint. The transaction itself is not theirs to end.
func (c *txConn) Commit() error   { return errOuter }
func (c *txConn) Rollback() error { return errOuter }
