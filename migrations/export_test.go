package migrations

import (
	"context"

	"github.com/jackc/pgx/v5/pgxpool"
)

// ApplyTo stops after a version, like a server that is killed between two migrations.
func ApplyTo(ctx context.Context, pool *pgxpool.Pool, version int64) error {
	provider, db, err := newProvider(pool)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = provider.UpTo(ctx, version)
	return err
}
