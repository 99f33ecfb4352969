package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Raw is pgx's view of the transaction that Tx began, for what GORM cannot do: COPY, and River's
// InsertTx. It shares the connection with tx: use one at a time, and close rows first. Its Begin is
// a savepoint; its Commit and Rollback are errors, for the transaction is Tx's to end. Raw panics
// for a handle that no Tx gave out.
func Raw(tx *gorm.DB) pgx.Tx {
	conn, ok := tx.Statement.ConnPool.(*txConn)
	if !ok {
		panic("pg.Raw: the handle is not that of a transaction begun by Tx")
	}
	return rawTx{conn.outer}
}

// rawTx takes the two methods away that end the transaction.
type rawTx struct {
	pgx.Tx
}

func (rawTx) Commit(context.Context) error   { return errOuter }
func (rawTx) Rollback(context.Context) error { return errOuter }
