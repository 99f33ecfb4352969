package pg

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Violates reports whether the error is a violation of the named constraint: unique, check, foreign
// key or exclusion (SQLSTATE class 23).
func Violates(err error, constraint string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Code, "23") &&
		constraint != "" && refused.ConstraintName == constraint
}

// Refused reports whether the error is PostgreSQL's own answer to a statement or to a commit, or that of a statement that
// could not be sent: the transaction is rolled back.
func Refused(err error) bool {
	var refused *pgconn.PgError
	var unsent pgx.ErrPreprocessingBatch
	return (errors.As(err, &refused) || errors.As(err, &unsent)) && !Unavailable(err)
}
