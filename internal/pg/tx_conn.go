package pg

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// txConn runs the transaction's statements for GORM, through database/sql, and keeps pgx's view of the same connection for
// pipelines and Raw. It replaces database/sql's own Tx, which rolls back from another goroutine when ctx ends, even while
// Raw uses the connection.
//
// BEGIN, COMMIT and the statements of Later do not wait for the server on their own: they go out together with the
// statements of a pipeline that comes next. Any other statement is sent after them.
type txConn struct {
	conn  *sql.Conn
	raw   *pgx.Conn // of conn; used only within conn.Raw, which fails if database/sql has given the connection back
	outer pgx.Tx    // nil: BEGIN has not been sent
	later []queued  // statements that wait to be sent
}

// queued is a statement of a pipeline, and what reads its answer.
type queued struct {
	sql    string
	args   []any
	answer func(pgx.BatchResults) error
}

// execute is a statement whose rows do not matter.
func execute(what, sql string, args ...any) queued {
	return queued{sql, args, func(answers pgx.BatchResults) error {
		_, err := answers.Exec()
		return WrapErr(what, err)
	}}
}

// connOf returns the connection of a transaction begun by Tx.
func connOf(tx *gorm.DB) *txConn {
	conn, ok := tx.Statement.ConnPool.(*txConn)
	if !ok {
		panic("pg: the handle is not that of a transaction begun by Tx")
	}
	return conn
}

// errOver is the error of a statement whose transaction has not begun or has ended, because an earlier statement failed.
var errOver = errors.New("the transaction has ended already")

// send sends statements, after those that wait, and BEGIN before all of them if it has not been sent. PostgreSQL runs none
// of those that follow one that fails.
func (c *txConn) send(ctx context.Context, statements ...queued) error {
	statements, c.later = append(c.later, statements...), nil
	return c.conn.Raw(func(any) error {
		batch, begins := new(pgx.Batch), c.outer == nil
		switch {
		case begins:
			batch.BeginTx(pgx.TxOptions{})
		case c.over():
			return errOver
		}
		for _, s := range statements {
			batch.Queue(s.sql, s.args...)
		}
		answers := c.raw.SendBatch(ctx, batch)
		if begins {
			c.outer = answers.Tx()
			if _, err := answers.Exec(); err != nil {
				_ = answers.Close() // repeats the error
				return WrapErr("begin the transaction", err)
			}
		}
		return readAnswers(answers, statements)
	})
}

// over reports whether a statement would run outside the transaction.
func (c *txConn) over() bool { return c.outer != nil && c.raw.PgConn().TxStatus() == 'I' }

// ready sends what waits, so that another statement can follow.
func (c *txConn) ready(ctx context.Context) error {
	if c.outer == nil || len(c.later) > 0 {
		if err := c.send(ctx); err != nil {
			return err
		}
	}
	return c.conn.Raw(func(any) error {
		if c.over() {
			return errOver
		}
		return nil
	})
}

// commit sends what waits together with COMMIT. A transaction without statements sends nothing.
func (c *txConn) commit(ctx context.Context) error {
	if c.outer == nil && len(c.later) == 0 {
		return nil
	}
	committed := false
	err := c.send(ctx, queued{"commit", nil, func(answers pgx.BatchResults) error {
		tag, err := answers.Exec()
		if err == nil && tag.String() == "ROLLBACK" {
			err = pgx.ErrTxCommitRollback
		}
		committed = err == nil
		return WrapErr("commit", err)
	}})
	if committed { // a connection that breaks after PostgreSQL has answered takes nothing back
		return nil
	}
	return err
}

// rollback ends the transaction where it has not ended yet.
func (c *txConn) rollback(ctx context.Context) {
	if c.outer == nil {
		return
	}
	_ = c.conn.Raw(func(any) error {
		if c.over() {
			return nil
		}
		return c.outer.Rollback(ctx)
	})
}

func (c *txConn) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c.conn.PrepareContext(ctx, query)
}

func (c *txConn) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c.conn.ExecContext(ctx, query, args...)
}

func (c *txConn) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := c.ready(ctx); err != nil {
		return nil, err
	}
	return c.conn.QueryContext(ctx, query, args...)
}

func (c *txConn) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	if err := c.ready(ctx); err != nil {
		ended, cancel := context.WithCancel(ctx) // a row's error can only come from its statement
		cancel()
		return c.conn.QueryRowContext(ended, query, args...)
	}
	return c.conn.QueryRowContext(ctx, query, args...)
}

var errOuter = errors.New("only the Tx that began the transaction ends it")

// Commit and Rollback mark txConn as a transaction for GORM, whose Transaction then makes a
// savepoint. They do not end the transaction.
func (c *txConn) Commit() error   { return errOuter }
func (c *txConn) Rollback() error { return errOuter }
