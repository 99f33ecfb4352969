package job_test

import (
	"context"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

const (
	restAfter = 200 * time.Millisecond
	patience  = 30 * time.Second
)

// work runs a runtime whose mails do nothing, until the test ends.
func (w *world) work() {
	w.t.Helper()
	r, err := job.NewRuntime(w.db.Pool, job.RuntimeOptions{PollEvery: 10 * time.Millisecond, RestAfter: restAfter},
		func(workers *river.Workers, queues map[string]river.QueueConfig) error {
			queues[river.QueueDefault] = river.QueueConfig{MaxWorkers: 1}
			return river.AddWorkerSafely(workers, river.WorkFunc(func(context.Context, *river.Job[job.SendMail]) error { return nil }))
		})
	if err != nil {
		w.t.Fatal(err)
	}
	r.Start(context.WithoutCancel(w.t.Context()))
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := r.Stop(ctx); err != nil {
			w.t.Errorf("stop the runtime: %v", err)
		}
	})
}

// until waits until a query counts so many.
func (w *world) until(n int, sql string, args ...any) {
	w.t.Helper()
	for began := time.Now(); w.count(sql, args...) != n; time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > patience {
			w.t.Fatalf("%s never counts %d", sql, n)
		}
	}
}

// River's leader is in the database while River runs, and leaves when it stops.
const leaders = "SELECT count(*) FROM river_leader"

func TestRuntime(t *testing.T) {
	t.Parallel()
	t.Run("rests without jobs, and works the next ones", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.work()
		for range 3 {
			response := w.response()
			w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at})
			w.until(1, leaders)
			w.until(0, "SELECT count(*) FROM river_job")
			w.until(0, leaders)
		}
	})

	t.Run("never begins without jobs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.work()
		for range 20 {
			time.Sleep(10 * time.Millisecond)
			if w.count(leaders)+w.count("SELECT count(*) FROM river_queue") != 0 {
				t.Fatal("River has run")
			}
		}
	})

	for state, due := range map[string]string{
		"available": "now()", "running": "now()", "scheduled": "now()", "retryable": "now() + interval '100 ms'", "scheduled later": "now() + interval '100 ms'",
	} {
		t.Run("begins for a job that is "+state, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			response := w.response()
			w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at})
			if _, err := w.db.Pool.Exec(t.Context(), "UPDATE river_job SET state = split_part($1, ' ', 1)::river_job_state, attempted_at = now(), scheduled_at = "+due, state); err != nil {
				t.Fatal(err)
			}
			w.work()
			w.until(1, leaders)
		})
	}

	for _, state := range []string{"scheduled", "cancelled", "discarded"} {
		t.Run("rests beside a job that is "+state, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			response := w.response()
			w.mail(model.Notification{Kind: model.NotifyNewResponse, To: "ana@example.com", ResponseID: &response, CreatedAt: at})
			if _, err := w.db.Pool.Exec(t.Context(), `UPDATE river_job SET state = $1::river_job_state, scheduled_at = now() + interval '1 hour',
				finalized_at = CASE WHEN $1 <> 'scheduled' THEN now() END`, state); err != nil {
				t.Fatal(err)
			}
			w.work()
			for range 20 {
				time.Sleep(10 * time.Millisecond)
				if w.count(leaders) != 0 {
					t.Fatal("River has run")
				}
			}
		})
	}
}
