package pg_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
)

// total adds up what is reported to it.
type total struct {
	mu         sync.Mutex
	statements int
	pg.Usage
}

func (u *total) add(more pg.Usage) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.statements++
	u.Time += more.Time
	u.Rows += more.Rows
}

func TestUsage(t *testing.T) {
	t.Run("reports the time and the rows of a context's statements, in a transaction and outside", func(t *testing.T) {
		t.Parallel()
		var counter pgtest.Counter
		db := table(t, pgtest.WithTracer(&counter))
		counter.Reset()
		var used total
		ctx := pg.WithUsage(t.Context(), used.add)
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			return tx.Exec("INSERT INTO things (id) SELECT generate_series(1, 40)").Error
		})
		if err != nil {
			t.Fatal(err)
		}
		var ids []int
		if err := db.Gorm.WithContext(ctx).Raw("SELECT id FROM things WHERE pg_sleep(0.001) IS NOT NULL").Scan(&ids).Error; err != nil {
			t.Fatal(err)
		}
		if used.Rows != 80 || used.Time < 40*time.Millisecond || used.statements != 4 || counter.Count() != 4 {
			t.Errorf("BEGIN, 40 rows inserted, COMMIT and 40 rows read in at least 40 ms: got %d statements, %+v; the other tracer got %d",
				used.statements, used.Usage, counter.Count())
		}
	})

	t.Run("reports a statement that fails, and none of another context", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		var used total
		ctx := pg.WithUsage(t.Context(), used.add)
		if err := db.Gorm.WithContext(ctx).Exec("SELECT 1 / (length(pg_sleep(0.01)::text) * 0)").Error; err == nil {
			t.Fatal("a division by zero succeeded")
		}
		if used.statements != 1 || used.Time < 10*time.Millisecond {
			t.Errorf("got %d statements, %+v, want one of at least 10 ms", used.statements, used.Usage)
		}
		_ = count(t, db)
		if used.statements != 1 {
			t.Error("a statement of another context was reported")
		}
		pg.UsageOf(ctx)(pg.Usage{Rows: 5})
		pg.UsageOf(context.Background())(pg.Usage{Rows: 7})
		if used.Rows != 5 {
			t.Errorf("work that another goroutine reported: got %d rows, want 5", used.Rows)
		}
	})

	t.Run("reports statements once that cannot be prepared", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		var used total
		p := pg.NewPipeline(db.Gorm.WithContext(pg.WithUsage(t.Context(), used.add)))
		p.Query("find nothing", "SELECT FROM nowhere", nil, func(pgx.Rows) error { return nil })
		if err := p.Send(); err == nil {
			t.Fatal("a table that does not exist was read")
		}
		if used.statements != 1 {
			t.Errorf("got %d statements, want 1", used.statements)
		}
	})

	t.Run("does not count the wait for a connection", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		var releases []func()
		for range db.Pool.Config().MaxConns {
			c, err := db.Pool.Acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			releases = append(releases, c.Release)
		}
		const wait = 300 * time.Millisecond
		time.AfterFunc(wait, func() {
			for _, release := range releases {
				release()
			}
		})
		var used total
		began := time.Now()
		if err := db.Gorm.WithContext(pg.WithUsage(pg.WithClient(t.Context(), "caller"), used.add)).Exec("SELECT 1").Error; err != nil {
			t.Fatal(err)
		}
		if waited := time.Since(began); waited < wait || used.Time > waited-wait/2 || used.statements != 1 {
			t.Errorf("a statement that waited %s for a connection: got %+v", waited, used.Usage)
		}
	})

	t.Run("reports batches and COPY", func(t *testing.T) {
		t.Parallel()
		db := table(t)
		var used total
		ctx := pg.WithUsage(t.Context(), used.add)
		err := db.Tx(ctx, func(tx *gorm.DB) error {
			things := pgx.CopyFromSlice(100, func(i int) ([]any, error) { return []any{i}, nil })
			if _, err := pg.Raw(tx).CopyFrom(ctx, pgx.Identifier{"things"}, []string{"id"}, things); err != nil {
				return err
			}
			var batch pgx.Batch
			for id := range 3 {
				batch.Queue("UPDATE things SET n = n + 1 WHERE id = $1", id)
			}
			return pg.Raw(tx).SendBatch(ctx, &batch).Close()
		})
		if err != nil || used.Rows != 103 || used.statements != 4 {
			t.Errorf("BEGIN, 100 rows copied, a batch of 3 rows, COMMIT: got %d statements, %+v, %v", used.statements, used.Usage, err)
		}
	})
}
