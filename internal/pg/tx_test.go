package pg_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func table(t *testing.T, opts ...pgtest.Option) *pg.DB {
	t.Helper()
	db := pgtest.New(t, append(opts, pgtest.Empty())...)
	err := db.Gorm.Exec("CREATE TABLE things (id int CONSTRAINT things_key PRIMARY KEY, n int NOT NULL DEFAULT 0)").Error
	if err != nil {
		t.Fatal(err)
	}
	return db
}

func count(t *testing.T, db *pg.DB) int {
	t.Helper()
	var n int
	if err := db.Gorm.Raw("SELECT count(*) FROM things").Scan(&n).Error; err != nil {
		t.Fatal(err)
	}
	return n
}

func insert(tx *gorm.DB, id int) error {
	return tx.Exec("INSERT INTO things (id) VALUES (?)", id).Error
}

func TestTx(t *testing.T) {
	t.Run("commits as a whole", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			if n := count(t, db); n != 0 {
				t.Errorf("another connection sees %d rows before the commit", n)
			}
			return insert(tx, 2)
		})
		if err != nil || count(t, db) != 2 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
	})

	t.Run("rolls back after an error or a panic and frees the connection", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		mine := errors.New("mine")
		if err := db.Tx(t.Context(), func(tx *gorm.DB) error { return errors.Join(insert(tx, 1), mine) }); !errors.Is(err, mine) {
			t.Errorf("error: %v", err)
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = db.Tx(t.Context(), func(tx *gorm.DB) error { panic(insert(tx, 1)) })
		}()
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows are left", n)
		}
		if n := db.Lane(pg.Background).Pool.Stat().AcquiredConns(); n != 0 {
			t.Errorf("%d connections were not returned to the pool", n)
		}
	})

	t.Run("rolls back when its context ends", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		ctx, cancel := context.WithCancel(t.Context())
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			cancel()
			return nil
		})
		if !errors.Is(err, context.Canceled) || count(t, db) != 0 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
	})

	t.Run("does not break the connection when its context ends", func(t *testing.T) {
		db := pgtest.New(t)
		for range 200 {
			ctx, cancel := context.WithCancel(context.Background())
			err := db.Tx(ctx, func(tx *gorm.DB) error {
				if err := tx.Exec("SELECT 1").Error; err != nil {
					return err
				}
				cancel()
				return tx.Exec("SELECT 2").Error
			})
			if err == nil {
				t.Fatal("no error")
			}
			cancel()
		}
	})

	t.Run("retries after a deadlock", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		for id := range 2 {
			if err := insert(db.Gorm, id); err != nil {
				t.Fatal(err)
			}
		}
		var both sync.WaitGroup
		var began atomic.Int32
		bothLocked := make(chan struct{})
		for first := range 2 {
			both.Go(func() {
				err := db.Tx(t.Context(), func(tx *gorm.DB) error {
					if err := tx.Exec("UPDATE things SET n = n + 1 WHERE id = ?", first).Error; err != nil {
						return err
					}
					if began.Add(1) == 2 {
						close(bothLocked)
					}
					<-bothLocked // each has locked the row that the other updates next
					return tx.Exec("UPDATE things SET n = n + 1 WHERE id = ?", 1-first).Error
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		if n := began.Load(); n < 3 {
			t.Errorf("there was no deadlock: %d tries", n)
		}
		var sum int
		if err := db.Gorm.Raw("SELECT sum(n) FROM things").Scan(&sum).Error; err != nil || sum != 4 {
			t.Errorf("counted %d, want 4: %v", sum, err)
		}
	})

	t.Run("returns a conflict after five tries", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		tries := 0
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			tries++
			return tx.Exec("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40001'; END $$").Error
		})
		if err == nil || tries != 5 {
			t.Errorf("%d tries: %v", tries, err)
		}
	})

	t.Run("does not retry other errors", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		tries := 0
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			tries++
			return errors.Join(insert(tx, 1), insert(tx, 1))
		})
		if tries != 1 || !pg.Violates(err, "things_key") {
			t.Errorf("%d tries: %v", tries, err)
		}
	})

	t.Run("nests as a savepoint", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			if err := insert(tx, 1); err != nil {
				return err
			}
			err := tx.Transaction(func(inner *gorm.DB) error { return errors.Join(insert(inner, 2), insert(inner, 2)) })
			if !pg.Violates(err, "things_key") {
				t.Errorf("inner error: %v", err)
			}
			return tx.Transaction(func(inner *gorm.DB) error { return insert(inner, 3) })
		})
		if err != nil || count(t, db) != 2 {
			t.Errorf("%d rows, want 1 and 3: %v", count(t, db), err)
		}
	})
}

func TestViolates(t *testing.T) {
	t.Parallel()
	db := table(t)
	err := db.Gorm.Exec(`ALTER TABLE things ADD CONSTRAINT small CHECK (n < 10), ADD parent int CONSTRAINT has_parent REFERENCES things`).Error
	if err != nil {
		t.Fatal(err)
	}
	for sql, constraint := range map[string]string{
		"INSERT INTO things VALUES (1, 10)":   "small",
		"INSERT INTO things VALUES (1, 1, 7)": "has_parent",
		"INSERT INTO things VALUES (1), (1)":  "things_key",
	} {
		err := db.Gorm.Exec(sql).Error
		for _, name := range []string{"small", "has_parent", "things_key", ""} {
			if got := pg.Violates(err, name); got != (name == constraint) {
				t.Errorf("%s violates %q: %t", sql, name, got)
			}
		}
	}
	if pg.Violates(nil, "small") || pg.Violates(errors.New("small"), "small") {
		t.Error("nil or an error without a SQLSTATE counts as a violation")
	}
}
