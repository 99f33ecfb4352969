package pg

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Violates tells whether the error is the violation of the constraint of that name: unique, check,
// foreign key or exclusion (SQLSTATE class 23).
func Violates(err error, constraint string) bool {
	var refused *pgconn.PgError
	return errors.As(err, &refused) && strings.HasPrefix(refused.Code, "23") &&
		constraint != "" && refused.ConstraintName == constraint
}
