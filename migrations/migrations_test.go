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

func TestApplyingAgainChangesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t) // migrated once
	applied := func() (rows int) {
		t.Helper()
		if err := db.Pool.QueryRow(t.Context(), "SELECT count(*) FROM goose_db_version").Scan(&rows); err != nil {
			t.Fatal(err)
		}
		return rows
	}
	before := applied()
	if before < 3 { // goose's own 0, the schema, River
		t.Fatalf("%d migrations are recorded", before)
	}
	if err := migrations.Apply(t.Context(), db.Pool); err != nil {
		t.Fatal(err)
	}
	if after := applied(); after != before {
		t.Errorf("%d migrations are recorded, %d before", after, before)
	}
}

func TestServersThatStartTogetherMigrateOnce(t *testing.T) {
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
		"SELECT count(*) FROM (SELECT FROM goose_db_version GROUP BY version_id HAVING count(*) > 1) t").Scan(&twice)
	if err != nil || twice != 0 {
		t.Errorf("%d migrations were applied twice: %v", twice, err)
	}
}

func TestAJobQueueThatWasHalfMigratedIsFinished(t *testing.T) {
	t.Parallel()
	empty := pgtest.New(t, pgtest.Empty())
	migrator, err := rivermigrate.New(riverpgxv5.New(empty.Pool), nil)
	if err != nil {
		t.Fatal(err)
	}
	// As if the server was killed in the middle of migration 2.
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
	// Fails as well when River is upgraded and its new schema is not: see riverVersion.
	if !result.OK {
		t.Errorf("the job queue's schema is not complete: %v", result.Messages)
	}
}
