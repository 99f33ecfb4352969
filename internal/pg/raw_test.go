package pg_test

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestRaw(t *testing.T) {
	t.Parallel()
	t.Run("is the same transaction for every handle", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		stop := errors.New("stop")
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			handles := map[string]*gorm.DB{
				"tx": tx, "session": tx.Session(&gorm.Session{}), "new": tx.Session(&gorm.Session{NewDB: true}),
				"context": tx.WithContext(context.Background()), "debug": tx.Debug(), "where": tx.Where("id = 1"),
			}
			for name, handle := range handles {
				var seen int
				if err := pg.Raw(handle).QueryRow(t.Context(), "SELECT count(*) FROM things").Scan(&seen); err != nil || seen != 1 {
					t.Errorf("%s: %d rows, %v", name, seen, err)
				}
			}
			if err := tx.Transaction(func(inner *gorm.DB) error {
				_, err := pg.Raw(inner).Exec(t.Context(), "INSERT INTO things VALUES (2)")
				return err
			}); err != nil {
				return err
			}
			return stop
		})
		if !errors.Is(err, stop) || count(t, db) != 0 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
	})

	t.Run("copies and makes savepoints but does not end the transaction", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		ctx := t.Context()
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			raw := pg.Raw(tx)
			n, err := raw.CopyFrom(ctx, pgx.Identifier{"things"}, []string{"id"}, pgx.CopyFromRows([][]any{{1}, {2}}))
			if err != nil || n != 2 {
				return errors.Join(err, errors.New("COPY"))
			}
			kept, err := raw.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := kept.Exec(ctx, "INSERT INTO things VALUES (3)"); err != nil {
				return err
			}
			if err := kept.Commit(ctx); err != nil {
				return err
			}
			undone, err := raw.Begin(ctx)
			if err != nil {
				return err
			}
			if _, err := undone.Exec(ctx, "INSERT INTO things VALUES (1)"); !pg.Violates(err, "things_key") {
				t.Errorf("error: %v", err)
			}
			if err := undone.Rollback(ctx); err != nil {
				return err
			}
			if raw.Commit(ctx) == nil || raw.Rollback(ctx) == nil || tx.Session(&gorm.Session{NewDB: true}).Commit().Error == nil {
				t.Error("do could end the transaction")
			}
			return insert(tx, 4)
		})
		if err != nil || count(t, db) != 4 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
	})

	t.Run("inserts River's jobs with the commit only", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		client, err := river.NewClient(riverpgxv5.New(db.Pool), &river.Config{})
		if err != nil {
			t.Fatal(err)
		}
		stop := errors.New("stop")
		for _, end := range []error{nil, stop} {
			err := db.Tx(t.Context(), func(tx *gorm.DB) error {
				if _, err := client.InsertTx(t.Context(), pg.Raw(tx), mail{To: "ada"}, nil); err != nil {
					return err
				}
				_, err := client.InsertManyTx(t.Context(), pg.Raw(tx), []river.InsertManyParams{{Args: mail{To: "bob"}}, {Args: mail{To: "eve"}}})
				return errors.Join(err, end)
			})
			if !errors.Is(err, end) {
				t.Fatal(err)
			}
		}
		var jobs int
		if err := db.Gorm.Raw("SELECT count(*) FROM river_job").Scan(&jobs).Error; err != nil || jobs != 3 {
			t.Errorf("%d jobs, want the 3 that were committed: %v", jobs, err)
		}
	})

	t.Run("panics outside a transaction", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		defer func() {
			if recover() == nil {
				t.Error("Raw did not panic")
			}
		}()
		pg.Raw(db.Gorm)
	})
}

type mail struct {
	To string `json:"to"`
}

func (mail) Kind() string { return "mail" }
