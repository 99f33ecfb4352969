package pg

import (
	"context"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Raw is pgx's view of the transaction that Tx began, for COPY and River's InsertTx, which GORM lacks.
// It shares the connection with tx: use one at a time, and close rows first. Its Begin is a
// savepoint; its Commit and Rollback return an error, because Tx ends the transaction. Raw panics for
// a handle that does not come from Tx.
func Raw(tx *gorm.DB) pgx.Tx {
	conn, ok := tx.Statement.ConnPool.(*txConn)
	if !ok {
		panic("pg.Raw: the handle is not that of a transaction begun by Tx")
	}
	return rawTx{conn.outer}
}

// rawTx disables the two methods that end the transaction.
type rawTx struct {
	pgx.Tx
}

func (rawTx) Commit(context.Context) error   { return errOuter }
func (rawTx) Rollback(context.Context) error { return errOuter }
