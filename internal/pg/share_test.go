package pg_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// sleepers counts the statements that sleep in PostgreSQL.
func sleepers(t *testing.T, db *pg.DB) (n int) {
	t.Helper()
	err := db.Pool.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT pg_sleep%'`).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// await waits until as many statements sleep.
func await(t *testing.T, db *pg.DB, want int) {
	t.Helper()
	for began := time.Now(); sleepers(t, db) != want; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			t.Fatalf("%d statements sleep, want %d", sleepers(t, db), want)
		}
	}
}

func sleep(ctx context.Context, db *pg.DB) error {
	return db.Gorm.WithContext(ctx).Exec("SELECT pg_sleep(60)").Error
}

func TestOneByOne(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Empty())
	ctx, cancel := context.WithCancel(pg.OneByOne(pg.WithClient(t.Context(), "heavy")))
	var running sync.WaitGroup
	for _, lane := range []pg.Lane{pg.Lists, pg.Lists, pg.Reports} {
		running.Go(func() { _ = sleep(ctx, db.Lane(lane)) })
	}
	await(t, db, 1)
	running.Go(func() { _ = sleep(pg.WithClient(ctx, "another token of the same operation"), db) })
	time.Sleep(50 * time.Millisecond) // for whatever would run beside it
	await(t, db, 1)
	cancel()
	running.Wait()
	again := pg.OneByOne(pg.WithClient(t.Context(), "heavy"))
	for range 2 {
		if err := db.Gorm.WithContext(again).Exec("SELECT 1").Error; err != nil {
			t.Error(err)
		}
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	t.Run("leave room for others, whatever a caller runs", func(t *testing.T) {
		t.Parallel()
		for _, lane := range []pg.Lane{pg.Lists, pg.Reports} {
			db := pgtest.New(t, pgtest.Empty(), pgtest.WithLimits(pg.Limits{List: time.Hour, Report: time.Hour, Wait: time.Hour})).Lane(lane)
			share := int(db.Pool.Config().MaxConns) / 2
			ctx, cancel := context.WithCancel(pg.WithClient(t.Context(), "greedy"))
			var greedy sync.WaitGroup
			for range 10 {
				greedy.Go(func() {
					if err := sleep(ctx, db); !errors.Is(err, context.Canceled) {
						t.Error(err)
					}
				})
			}
			await(t, db, share)
			for range 20 {
				if err := db.Gorm.WithContext(pg.WithClient(t.Context(), "modest")).Exec("SELECT 1").Error; err != nil {
					t.Error(err)
				}
			}
			if n := sleepers(t, db); n != share {
				t.Errorf("%d statements of one caller run at a time, want %d", n, share)
			}
			cancel()
			greedy.Wait()
			await(t, db, 0)
		}
	})

	t.Run("hold for transactions, and are given back after a panic", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty(), pgtest.WithLimits(pg.Limits{Share: 1, Wait: 50 * time.Millisecond}))
		ctx := pg.WithClient(t.Context(), "a")
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			return errors.Join(tx.Exec("SELECT 1").Error, db.Tx(ctx, func(*gorm.DB) error { return nil }))
		})
		if !pg.Busy(err) || !pg.Unavailable(err) || pg.TimedOut(err) {
			t.Errorf("a second connection of a caller with a share of one: %v", err)
		}
		func() {
			defer func() { _ = recover() }()
			_ = db.Tx(ctx, func(*gorm.DB) error { panic("no") })
		}()
		if err := db.Tx(ctx, func(tx *gorm.DB) error { return tx.Exec("SELECT 1").Error }); err != nil {
			t.Errorf("after the transactions: %v", err)
		}
	})

	t.Run("do not bind closeloop's own work, which does not use the connections for callers", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty(), pgtest.WithLimits(pg.Limits{Share: 1, Wait: time.Millisecond, List: 10 * time.Millisecond, Write: 10 * time.Millisecond}))
		ofCallers := func() int64 { return db.Pool.Stat().AcquireCount() + db.Lane(pg.Writes).Pool.Stat().AcquireCount() }
		before := ofCallers()
		err := db.Tx(t.Context(), func(tx *gorm.DB) error {
			return errors.Join(tx.Exec("SELECT pg_sleep(0.1)").Error, db.Gorm.WithContext(t.Context()).Exec("SELECT pg_sleep(0.1)").Error)
		})
		if err != nil {
			t.Error(err)
		}
		if after := ofCallers(); after != before {
			t.Errorf("it used %d connections for callers", after-before)
		}
		if used := db.Lane(pg.Background).Pool.Stat().AcquireCount(); used != 2 {
			t.Errorf("it used %d connections for background work, want 2", used)
		}
	})
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	const limit = 100 * time.Millisecond
	limits := pg.Limits{List: limit, Report: limit, Write: 2 * limit}

	t.Run("end lists and reports in PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty(), pgtest.WithLimits(limits))
		for _, lane := range []pg.Lane{pg.Lists, pg.Reports} {
			if err := sleep(pg.WithClient(t.Context(), "a"), db.Lane(lane)); !pg.TimedOut(err) || pg.Busy(err) {
				t.Errorf("lane %d: %v", lane, err)
			}
		}
		if n := sleepers(t, db); n != 0 {
			t.Errorf("%d statements still run", n)
		}
	})

	t.Run("roll a long statement of a write back", func(t *testing.T) {
		t.Parallel()
		db := table(t, pgtest.WithLimits(limits))
		err := db.Tx(pg.WithClient(t.Context(), "a"), func(tx *gorm.DB) error {
			return errors.Join(insert(tx, 1), tx.Exec("SELECT pg_sleep(60)").Error)
		})
		if !pg.TimedOut(err) || count(t, db) != 0 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
		await(t, db, 0)
	})

	t.Run("roll a write of many short statements back", func(t *testing.T) {
		t.Parallel()
		db := table(t, pgtest.WithLimits(limits))
		err := db.Tx(pg.WithClient(t.Context(), "a"), func(tx *gorm.DB) error {
			for i := 0; ; i++ {
				if err := errors.Join(insert(tx, i), tx.Exec("SELECT pg_sleep(0.02)").Error); err != nil {
					return err
				}
			}
		})
		if !pg.TimedOut(err) || count(t, db) != 0 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
	})

	t.Run("let a write take longer than a list, and one without a limit longer than any", func(t *testing.T) {
		t.Parallel()
		db := table(t, pgtest.WithLimits(pg.Limits{List: limit, Write: time.Minute}))
		short := table(t, pgtest.WithLimits(pg.Limits{List: limit, Write: limit}))
		slow := func(tx *gorm.DB) error { return errors.Join(insert(tx, 1), tx.Exec("SELECT pg_sleep(0.3)").Error) }
		if err := db.Tx(pg.WithClient(t.Context(), "a"), slow); err != nil || count(t, db) != 1 {
			t.Errorf("%d rows: %v", count(t, db), err)
		}
		if err := short.Tx(pg.WithoutTimeLimit(pg.WithClient(t.Context(), "a")), slow); err != nil || count(t, short) != 1 {
			t.Errorf("without a limit, %d rows: %v", count(t, short), err)
		}
	})

	t.Run("are no error of the write when the caller leaves", func(t *testing.T) {
		t.Parallel()
		db := table(t, pgtest.WithLimits(pg.Limits{Write: time.Hour}))
		ctx, cancel := context.WithCancel(pg.WithClient(t.Context(), "a"))
		left := make(chan error, 1)
		go func() {
			left <- db.Tx(ctx, func(tx *gorm.DB) error { return errors.Join(insert(tx, 1), tx.Exec("SELECT pg_sleep(60)").Error) })
		}()
		await(t, db, 1)
		cancel()
		if err := <-left; !errors.Is(err, context.Canceled) || pg.TimedOut(err) {
			t.Errorf("error: %v", err)
		}
		await(t, db, 0)
		if n := count(t, db); n != 0 {
			t.Errorf("%d rows", n)
		}
	})

	t.Run("come with a single process for each statement", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t, pgtest.Empty())
		if err := db.Gorm.Exec("ALTER DATABASE " + db.Pool.Config().ConnConfig.Database + " SET max_parallel_workers_per_gather = 2").Error; err != nil {
			t.Fatal(err)
		}
		fresh, err := pg.Connect(t.Context(), pgtest.URL(t, db), pg.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer fresh.Close()
		for lane, want := range map[pg.Lane]string{pg.Lists: "0", pg.Writes: "0", pg.Reports: "0", pg.Background: "2"} {
			var got string
			if err := fresh.Lane(lane).Pool.QueryRow(t.Context(), "SHOW max_parallel_workers_per_gather").Scan(&got); err != nil || got != want {
				t.Errorf("lane %d has %s workers, want %s: %v", lane, got, want, err)
			}
		}
	})
}
