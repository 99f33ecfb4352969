package migrations

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	// versionTable records which migrations were applied. Its name distinguishes a released database
	// from an unreleased one: before 0.1.0 the migrations had the numbers 1 to 15 as well, with other
	// content, and were recorded in goose's default table, unreleasedTable. A name survives every kind
	// of dump; a comment on a table does not.
	versionTable    = "goose_schema_version"
	unreleasedTable = "goose_db_version"
	// firstTable existed in every unreleased database from its first migration on. Goose creates
	// versionTable before any other table, so firstTable without versionTable is never a database that
	// a released closeloop is just creating.
	firstTable = "case_events"
)

// checkOrigin refuses a database that these migrations cannot upgrade: a database of an unreleased
// closeloop, and a database that a newer closeloop has upgraded, whose tables this program may
// misread. It accepts all other databases, also empty ones. It only reads and takes no lock,
// because a newer server may upgrade the database at any time, also while this program runs.
func checkOrigin(ctx context.Context, pool *pgxpool.Pool) error {
	// A single statement reads a single snapshot, however far another server's migrations are. The
	// schema is the one in which goose looks for its table and in which the migrations create tables.
	rows, err := pool.Query(ctx, "SELECT tablename::text FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY($1)",
		[]string{versionTable, unreleasedTable, firstTable})
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read the schema's version: %w", err)
	}
	found := map[string]bool{}
	for _, name := range names {
		found[name] = true
	}
	switch {
	case found[versionTable]:
		at, err := newest(ctx, pool, versionTable)
		if err == nil && at > Version {
			err = fmt.Errorf("this database has schema version %d, but this closeloop works with schema version %d: run the newer closeloop "+
				"that upgraded the database, or restore a backup from before the upgrade", at, Version)
		}
		return err
	case found[firstTable]:
		at := "of unknown version"
		if found[unreleasedTable] {
			version, err := newest(ctx, pool, unreleasedTable)
			if err != nil {
				return err
			}
			at = fmt.Sprintf("version %d", version)
		}
		return fmt.Errorf("this database was made by an unreleased version of closeloop (schema %s), which closeloop 0.1.0 and later cannot upgrade: "+
			"export what you need with the version that made it, then start with an empty database", at)
	}
	return nil
}

// newest returns the highest number among the migrations that goose has recorded in the table.
func newest(ctx context.Context, pool *pgxpool.Pool, table string) (version int64, err error) {
	err = pool.QueryRow(ctx, "SELECT coalesce(max(version_id), 0) FROM "+pgx.Identifier{table}.Sanitize()+" WHERE is_applied").Scan(&version)
	if err != nil {
		return 0, fmt.Errorf("read the schema's version: %w", err)
	}
	return version, nil
}
