package migrations

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// explainExtension replaces the error of PostgreSQL by one that says what to do, where the extension
// that filters need cannot be created.
func explainExtension(ctx context.Context, pool *pgxpool.Pool, err error) error {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return err
	}
	var exists bool
	if pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm')").Scan(&exists) != nil {
		return err
	}
	switch {
	case exists && refused.Code == "42704": // its operators are not found
		return fmt.Errorf("the extension pg_trgm is in a schema that is not on the role's search_path: move it with ALTER EXTENSION pg_trgm SET SCHEMA public, then start again: %w", err)
	case !exists && refused.Code == "42501": // insufficient_privilege
		return fmt.Errorf("the database's role may not create the extension pg_trgm, which filters need: let a superuser run CREATE EXTENSION pg_trgm in this database, then start again: %w", err)
	case !exists && (refused.Code == "58P01" || refused.Code == "0A000"): // its files are missing
		return fmt.Errorf("PostgreSQL has no extension pg_trgm, which filters need: install its contrib package, then start again: %w", err)
	}
	return err
}
