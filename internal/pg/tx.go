package pg

import (
	"context"
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
// BEGIN, and COMMIT with what pg.Later has left, go out together with other statements where these are in a pipeline; see
// docs/decisions/0031. An error of the commit may be that of such a statement.
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
	limited, cancel, first := d.limit(ctx)
	defer cancel()
	c := &txConn{conn: conn, raw: raw, later: first}
	// The rollback also runs after a panic or a test's FailNow, and if ctx has ended.
	defer func() {
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		c.rollback(late)
	}()

	tx := d.Gorm.Session(&gorm.Session{NewDB: true, Context: limited})
	tx.Statement.ConnPool = c
	if err := do(tx); err != nil {
		if context.Cause(limited) == errTooLong {
			err = fmt.Errorf("%w: %w", errTooLong, err)
		}
		return err
	}
	// Without the limit: nobody could tell whether a commit that it cuts took place.
	return c.commit(ctx)
}

// errTooLong is why the context of a transaction ends that has run for longer than Limits.Write.
var errTooLong = errors.New("the transaction took too long")

// limit bounds a transaction that runs for a caller. The context bounds the whole, and the connection's statement_timeout
// each statement, so that PostgreSQL ends it also when this server is killed. The transaction begins with the statements
// that limit returns.
func (d *DB) limit(ctx context.Context) (limited context.Context, cancel context.CancelFunc, first []queued) {
	if d.write == 0 || clientOf(ctx) == "" {
		return ctx, func() {}, nil
	}
	if untimed(ctx) {
		return ctx, func() {}, []queued{execute("lift the time limit", "SET LOCAL statement_timeout = 0")}
	}
	limited, cancel = context.WithTimeoutCause(ctx, d.write, errTooLong)
	return limited, cancel, nil
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
