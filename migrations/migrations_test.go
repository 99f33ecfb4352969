package migrations_test

import (
	"context"
	"sync"
	"testing"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/migrations"
)

// applied returns the number of recorded migrations, without goose's own row 0, and the newest number.
func applied(t *testing.T, db *pg.DB) (rows, newest int) {
	t.Helper()
	err := db.Pool.QueryRow(t.Context(), "SELECT count(*) FILTER (WHERE version_id > 0), max(version_id) FROM goose_schema_version").Scan(&rows, &newest)
	if err != nil {
		t.Fatal(err)
	}
	return rows, newest
}

func TestApply(t *testing.T) {
	t.Parallel()

	t.Run("changes nothing when applied again", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t) // migrated once
		before := tables(t, db)
		if err := migrations.Apply(t.Context(), db.Pool); err != nil {
			t.Fatal(err)
		}
		if after := tables(t, db); after != before {
			t.Errorf("the database was changed:\n%s\nbefore:\n%s", after, before)
		}
		if rows, _ := applied(t, db); rows != migrations.Version {
			t.Errorf("%d migrations are recorded, not %d", rows, migrations.Version)
		}
	})

	t.Run("migrates once when servers start together", func(t *testing.T) {
		t.Parallel()
		empty := pgtest.New(t, pgtest.Empty())
		var servers sync.WaitGroup
		for range 4 {
			servers.Go(func() {
				own, err := pg.Connect(context.Background(), pgtest.URL(t, empty), pg.Options{})
				if err != nil {
					t.Error(err)
					return
				}
				defer own.Close()
				if err := migrations.Apply(context.Background(), own.Pool); err != nil {
					t.Error(err)
				}
			})
		}
		servers.Wait()
		var twice int
		err := empty.Pool.QueryRow(t.Context(),
			"SELECT count(*) FROM (SELECT FROM goose_schema_version GROUP BY version_id HAVING count(*) > 1) t").Scan(&twice)
		if err != nil || twice != 0 {
			t.Errorf("%d migrations were applied twice: %v", twice, err)
		}
		if rows, _ := applied(t, empty); rows != migrations.Version {
			t.Errorf("%d migrations are recorded, not %d", rows, migrations.Version)
		}
	})

	t.Run("goes on after the last migration of a server that was killed", func(t *testing.T) {
		t.Parallel()
		empty := pgtest.New(t, pgtest.Empty())
		const killed = 7 // the log is there, and not all tables that need it
		if err := migrations.ApplyTo(t.Context(), empty.Pool, killed); err != nil {
			t.Fatal(err)
		}
		if rows, newest := applied(t, empty); rows != killed || newest != killed {
			t.Fatalf("%d migrations are recorded, the newest %d", rows, newest)
		}
		if err := migrations.Apply(t.Context(), empty.Pool); err != nil {
			t.Fatal(err)
		}
		if rows, newest := applied(t, empty); rows != migrations.Version || newest != migrations.Version {
			t.Errorf("%d migrations are recorded, the newest %d", rows, newest)
		}
	})

	t.Run("finishes a job queue that was half migrated", func(t *testing.T) {
		t.Parallel()
		empty := pgtest.New(t, pgtest.Empty())
		migrator, err := rivermigrate.New(riverpgxv5.New(empty.Pool), nil)
		if err != nil {
			t.Fatal(err)
		}
		// As if the server was killed in the middle of the job queue's migration.
		if _, err := migrator.Migrate(t.Context(), rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: 4}); err != nil {
			t.Fatal(err)
		}
		if err := migrations.Apply(t.Context(), empty.Pool); err != nil {
			t.Fatal(err)
		}
		result, err := migrator.Validate(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		// This also fails when River was upgraded without its new schema: see riverVersion.
		if !result.OK {
			t.Errorf("the job queue's schema is not complete: %v", result.Messages)
		}
	})
}

// Version is a constant, because some callers have no database; it must match the files.
func TestVersion(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	if rows, newest := applied(t, db); newest != migrations.Version || rows != newest {
		t.Errorf("%d migrations are recorded, the newest %d; Version is %d", rows, newest, migrations.Version)
	}
}
