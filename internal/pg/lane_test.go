package pg_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestLanes(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t, pgtest.New(t, pgtest.Empty()))
	all := []pg.Lane{pg.Lists, pg.Writes, pg.Reports, pg.SignIn, pg.Feed, pg.CatchUp, pg.Background, pg.Revision}
	open := func(t *testing.T, o pg.Options) *pg.DB {
		db, err := pg.Connect(t.Context(), url, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}

	t.Run("have connections of their own", func(t *testing.T) {
		t.Parallel()
		db := open(t, pg.Options{})
		for range db.Pool.Config().MaxConns {
			conn, err := db.Pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Release()
		}
		for _, lane := range all[1:] {
			if err := db.Lane(lane).Gorm.WithContext(t.Context()).Exec("SELECT 1").Error; err != nil {
				t.Errorf("lane %d, while lists use all of theirs: %v", lane, err)
			}
		}
	})

	t.Run("have sizes that follow from that of writes", func(t *testing.T) {
		t.Parallel()
		for conns, want := range map[int32][]int32{1: {4, 4, 2, 4, 4, 2, 4, 1}, 8: {4, 8, 2, 4, 4, 2, 4, 1}, 32: {16, 32, 4, 4, 4, 4, 8, 1}} {
			db := open(t, pg.Options{MaxConns: conns})
			for i, lane := range all {
				if got := db.Lane(lane).Pool.Config().MaxConns; got != want[i] {
					t.Errorf("with %d connections for writes, lane %d has %d, want %d", conns, lane, got, want[i])
				}
			}
		}
	})

	t.Run("lead to each other and close together", func(t *testing.T) {
		t.Parallel()
		db := open(t, pg.Options{})
		if db.Lane(pg.Lists) != db || db.Lane(pg.Reports).Lane(pg.Feed) != db.Lane(pg.Feed) {
			t.Error("a lane does not lead to the others")
		}
		if err := db.Lane(pg.Reports).Gorm.Exec("SELECT 1").Error; err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
		for _, lane := range all {
			if db.Lane(lane).Pool.Stat().TotalConns() != 0 || db.Lane(lane).Gorm.Exec("SELECT 1").Error == nil {
				t.Errorf("lane %d is open after Close", lane)
			}
		}
	})
}
