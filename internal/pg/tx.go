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
	"gorm.io/gorm"
)

// maxTries is the number of attempts before Tx returns the last error.
const maxTries = 5

// Tx runs do in one transaction (READ COMMITTED). It commits when do returns nil, and rolls back
// after an error or a panic. When PostgreSQL aborted the transaction to break a deadlock (40P01) or
// because of a conflict (40001), do runs again from the start, five times in all: do must have no
// effect outside the transaction before it returns.
//
// A transaction that runs for a caller of the API (WithClient) ends after Limits.Write; TimedOut recognises the error.
//
// The transaction has one connection, used by one goroutine at a time. do must not call Tx: the
// inner call would wait for a second connection, and for ever if all connections wait like this.
func (d *DB) Tx(ctx context.Context, do func(tx *gorm.DB) error) error {
	if d.writes != nil {
		d = d.writes
	}
	return Retry(ctx, func() error { return d.try(ctx, do) })
}

// Retry repeats a transaction that another one has ended by a deadlock or a conflict, a few times.
func Retry(ctx context.Context, transaction func() error) error {
	for try := 1; ; try++ {
		err := transaction()
		if err == nil || try == maxTries || !retryable(err) {
			return err
		}
		// A random wait, longer each time, keeps the same transactions from colliding again.
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
		raw = driver.(*placed).Conn.Conn()
		return nil
	}); err != nil {
		return fmt.Errorf("get a connection: %w", err)
	}
	limited, cancel, begin := d.limit(ctx)
	defer cancel()
	outer, err := raw.BeginTx(limited, begin)
	if err != nil {
		return fmt.Errorf("begin the transaction: %w", err)
	}
	// The rollback also runs after a panic or a test's FailNow, and if ctx has ended. After the commit
	// it has no effect.
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		// Raw excludes a concurrent use of the connection: if ctx ended before a statement was sent,
		// database/sql has returned the connection as broken already, and the pool may be closing it,
		// which rolls back too.
		_ = conn.Raw(func(any) error { return outer.Rollback(late) })
	}()

	tx := d.Gorm.Session(&gorm.Session{NewDB: true, Context: limited})
	tx.Statement.ConnPool = &txConn{conn: conn, outer: outer}
	if err := do(tx); err != nil {
		if context.Cause(limited) == errTooLong {
			err = fmt.Errorf("%w: %w", errTooLong, err)
		}
		return err
	}
	// Without the limit: nobody could tell whether a commit that it cuts took place.
	if err := conn.Raw(func(any) error { return outer.Commit(ctx) }); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// errTooLong is why the context of a transaction ends that has run for longer than Limits.Write.
var errTooLong = errors.New("the transaction took too long")

// limit bounds a transaction that runs for a caller. The context bounds the whole, and the connection's statement_timeout
// each statement, so that PostgreSQL ends it also when this server is killed.
func (d *DB) limit(ctx context.Context) (limited context.Context, cancel context.CancelFunc, begin pgx.TxOptions) {
	if d.write == 0 || clientOf(ctx) == "" {
		return ctx, func() {}, begin
	}
	if untimed(ctx) {
		begin.BeginQuery = "BEGIN; SET LOCAL statement_timeout = 0"
		return ctx, func() {}, begin
	}
	limited, cancel = context.WithTimeoutCause(ctx, d.write, errTooLong)
	return limited, cancel, begin
}

// TimedOut reports whether the error means that a statement or a transaction ran for longer than Limits say. A
// transaction is rolled back whole.
func TimedOut(err error) bool {
	var refused *pgconn.PgError
	return errors.Is(err, errTooLong) || errors.As(err, &refused) && refused.Code == "57014" // query_canceled
}

func retryable(err error) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && (refused.Code == "40P01" || refused.Code == "40001")
}

// txConn runs the transaction's statements for GORM, through database/sql, and keeps pgx's view of
// the same connection for Raw. It replaces database/sql's own Tx, which rolls back from another
// goroutine when ctx ends, even while Raw uses the connection.
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

var errOuter = errors.New("only the Tx that began the transaction ends it")

// Commit and Rollback mark txConn as a transaction for GORM, whose Transaction then makes a
// savepoint. They do not end the transaction.
func (c *txConn) Commit() error   { return errOuter }
func (c *txConn) Rollback() error { return errOuter }
