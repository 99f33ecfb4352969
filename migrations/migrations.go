// Package migrations upgrades a database to the schema that this program works with. It owns the
// SQL files beside it, which are never edited once released, and the pinned version of the job
// queue's own schema. It has no downgrades: to go back, restore a backup or add a migration. It
// refuses a database of an unreleased or of a newer closeloop.
package migrations

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

//go:embed *.sql
var files embed.FS

const (
	// Version is the number of the newest migration: the schema version that this program works with.
	Version = 19

	// riverMigration is the number of the migration that creates the job queue's tables.
	riverMigration = 14
	// riverVersion is the version of River's schema that riverMigration installs. A newer River is a
	// migration of its own with the next number, not a change of this one.
	riverVersion = 8

	// lockID is the key of the lock that prevents servers which start together from migrating at
	// the same time. Any number works that no other program uses in the same database.
	lockID = 0x636c6f73656c6f6f // "closeloo"
)

// Apply applies the missing migrations in order, each in a transaction of its own. Several servers
// may call it at once: one works, the others wait. With nothing missing it changes nothing. In a
// database of an unreleased or a newer closeloop it changes nothing either, and its error says so in
// one sentence. The pool needs two connections.
func Apply(ctx context.Context, pool *pgxpool.Pool) error {
	if err := checkOrigin(ctx, pool); err != nil {
		return err
	}
	provider, db, err := newProvider(pool)
	if err != nil {
		return err
	}
	defer db.Close() // the pool stays open
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", explainExtension(ctx, pool, err))
	}
	return nil
}

func newProvider(pool *pgxpool.Pool) (*goose.Provider, *sql.DB, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID), lock.WithLockTimeout(1, 600))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the lock of the migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithTableName(versionTable),
		goose.WithSessionLocker(locker),
		goose.WithGoMigrations(riverTables(pool)),
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	return provider, db, nil
}

// riverTables creates the tables of the job queue. Some of its steps cannot share a transaction, so
// it runs in none; after an interruption it continues where it stopped.
//
// It drops the indexes that serve only lists of jobs, which closeloop does not have: every job got an
// entry in each of them when it was queued, when it started and when it ended.
func riverTables(pool *pgxpool.Pool) *goose.Migration {
	return goose.NewGoMigration(riverMigration, &goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error {
		migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return fmt.Errorf("read the job queue's migrations: %w", err)
		}
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
		if err != nil {
			return fmt.Errorf("migrate the job queue: %w", err)
		}
		if _, err := pool.Exec(ctx, "DROP INDEX IF EXISTS river_job_args_index, river_job_metadata_index, river_job_kind"); err != nil {
			return fmt.Errorf("drop indexes of the job queue: %w", err)
		}
		return nil
	}}, nil)
}

// Fingerprint returns a text that changes with the migrations: databases with the same fingerprint
// have the same schema.
func Fingerprint() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, "river", riverMigration, riverVersion, versionTable)
	err := fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := files.ReadFile(path)
		fmt.Fprintf(sum, "%s %d\n%s", path, len(text), text)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the migrations: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
