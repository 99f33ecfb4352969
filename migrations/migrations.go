// Package migrations brings a database to the schema that this program works with. It owns the SQL
// files beside it, which are never edited once applied, and the pinned version of the job queue's
// own schema. It refuses to go down: a step back is a restore, or a migration forward.
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
	// riverVersion is River's schema that migration 2 installs. A newer River is a migration of its
	// own with the next number, not a change of this one.
	riverVersion = 8
	// lockID keeps servers that start together from migrating together; any number that no other
	// program uses in the same database.
	lockID = 0x636c6f73656c6f6f // "closeloo"
)

// Apply applies what is missing, in order, each migration in a transaction of its own. Several
// servers may call it at once: one works, the others wait. With nothing missing it changes nothing.
// The pool needs two connections.
func Apply(ctx context.Context, pool *pgxpool.Pool) error {
	provider, db, err := provide(pool)
	if err != nil {
		return err
	}
	defer db.Close() // the pool stays open
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate the database: %w", withoutTrigrams(ctx, pool, err))
	}
	return nil
}

func provide(pool *pgxpool.Pool) (*goose.Provider, *sql.DB, error) {
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(lockID), lock.WithLockTimeout(1, 600))
	if err != nil {
		return nil, nil, fmt.Errorf("prepare the lock of the migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files,
		goose.WithSessionLocker(locker),
		goose.WithGoMigrations(river(pool), filters()),
		goose.WithExcludeNames([]string{filtersFile}), // filters applies it
		goose.WithDisableGlobalRegistry(true),
		goose.WithSlog(slog.New(slog.DiscardHandler)),
	)
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("read the migrations: %w", err), db.Close())
	}
	return provider, db, nil
}

// river is migration 2: the tables of the job queue. Some of its steps cannot share a transaction,
// so that it runs in none; begun and not finished, it goes on where it stopped.
func river(pool *pgxpool.Pool) *goose.Migration {
	return goose.NewGoMigration(2, &goose.GoFunc{RunDB: func(ctx context.Context, _ *sql.DB) error {
		migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			return fmt.Errorf("read the job queue's migrations: %w", err)
		}
		_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, &rivermigrate.MigrateOpts{TargetVersion: riverVersion})
		if err != nil {
			return fmt.Errorf("migrate the job queue: %w", err)
		}
		return nil
	}}, nil)
}

// Fingerprint changes with the migrations: databases of one fingerprint have one schema.
func Fingerprint() (string, error) {
	sum := sha256.New()
	fmt.Fprintln(sum, "river", riverVersion)
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
