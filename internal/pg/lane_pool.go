package pg

import (
	"context"
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"
)

// lanePool is the connections of a lane for GORM. Find and pipelines take them without database/sql.
type lanePool struct {
	*sql.DB
	lane *connector
}

var (
	_ gorm.ConnPool       = lanePool{}
	_ gorm.GetDBConnector = lanePool{}
)

// GetDBConn implements gorm.GetDBConnector.
func (p lanePool) GetDBConn() (*sql.DB, error) { return p.DB, nil }

const connTries = 3

// withConn lends do a connection. What a broken connection cannot have sent is tried on another one, as database/sql does it.
func (p lanePool) withConn(ctx context.Context, do func(*pgx.Conn) error) error {
	for try := 1; ; try++ {
		err := p.lane.lend(ctx, do)
		if try == connTries || !pgconn.SafeToRetry(err) {
			return err
		}
	}
}

// send sends statements together. PostgreSQL runs none of those that follow one that fails.
func (p lanePool) send(ctx context.Context, statements []queued) error {
	return p.withConn(ctx, func(conn *pgx.Conn) error {
		batch := new(pgx.Batch)
		for _, s := range statements {
			batch.Queue(s.sql, s.args...)
		}
		return readAnswers(conn.SendBatch(ctx, batch), statements)
	})
}

// readAnswers reads the answers to statements, up to the first that has failed.
func readAnswers(answers pgx.BatchResults, statements []queued) (err error) {
	for i := 0; i < len(statements) && err == nil; i++ {
		err = statements[i].answer(answers)
	}
	if closed := answers.Close(); err == nil { // else it repeats the error
		err = closed
	}
	return err
}
