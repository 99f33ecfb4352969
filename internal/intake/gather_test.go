package intake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/worktest"
)

// crowd is callers that submit responses while a lock of the test keeps their transactions from ending.
type crowd struct {
	*world
	in      *intake.Intake
	counter pgtest.Counter
	unlock  func()
	all     sync.WaitGroup
	mu      sync.Mutex
	errs    map[string]error // by external id
	outs    map[string]*intake.SubmitResponsePayload
}

func newCrowd(t *testing.T) *crowd {
	t.Helper()
	c := &crowd{errs: map[string]error{}, outs: map[string]*intake.SubmitResponsePayload{}}
	c.world = &world{worktest.NewWithAgent(t, pgtest.WithTracer(&c.counter))}
	c.Rule("all", nil)
	c.in = intake.New(c.Work)
	tx, err := c.DB.Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE responses IN EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	c.unlock = sync.OnceFunc(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
	t.Cleanup(c.unlock)
	return c
}

// submit starts calls that submit a response each.
func (c *crowd) submit(ctx context.Context, ids ...string) {
	for _, id := range ids {
		c.all.Go(func() {
			in := worktest.From("C-"+id, 3)
			in.ExternalID = &id
			out, err := c.in.Submit(ctx, c.Agent, in)
			c.mu.Lock()
			defer c.mu.Unlock()
			c.errs[id], c.outs[id] = err, out
		})
	}
}

// blocked waits until so many transactions wait for the lock.
func (c *crowd) blocked(n int) {
	c.T.Helper()
	for c.Count(`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) < n {
		if c.T.Context().Err() != nil {
			c.T.FailNow()
		}
	}
}

// fill begins as many transactions as a token can have, so that every other call waits.
func (c *crowd) fill() {
	c.T.Helper()
	for i, id := range names(intake.MostRunning) {
		c.submit(c.T.Context(), id)
		c.blocked(i + 1)
	}
}

// finish lets all transactions go on, waits for the calls, and checks that those that succeeded have their own response
// stored once, and the others none. It returns how many transactions there were.
func (c *crowd) finish() int {
	c.T.Helper()
	c.unlock()
	c.all.Wait()
	begun := 0
	for _, sql := range c.counter.Statements() {
		if strings.HasPrefix(strings.ToLower(sql), "begin") {
			begun++
		}
	}
	for id, err := range c.errs {
		stored, want := c.Count("SELECT count(*) FROM responses WHERE external_id = $1", id), 1
		if err != nil {
			want = 0
		}
		if stored != want {
			c.T.Errorf("%s is stored %d times, and its call returned %v", id, stored, err)
		}
		if out := c.outs[id]; err == nil && (*out.Response.ExternalID != id || !out.Created || out.Case == nil || *out.Case.ResponseID != out.Response.ID) {
			c.T.Errorf("the call of %s got %+v", id, out)
		}
	}
	c.CheckCopies()
	return begun
}

func names(n int) (ids []string) {
	for i := range n {
		ids = append(ids, fmt.Sprintf("R-%d", i))
	}
	return ids
}

func TestCallsThatWaitShareATransaction(t *testing.T) {
	t.Parallel()
	t.Run("and each gets its own outcome", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t)
		calls := 6 * intake.MostRunning
		c.submit(t.Context(), names(calls)...)
		c.blocked(1)
		if begun := c.finish(); begun > calls/2 {
			t.Errorf("%d transactions for %d calls", begun, calls)
		}
		for id, err := range c.errs {
			if err != nil {
				t.Errorf("%s: %v", id, err)
			}
		}
	})

	t.Run("with the same response, which is stored once", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t)
		c.fill()
		var twins sync.WaitGroup
		var created sync.Map
		for i := range 3 {
			twins.Go(func() {
				in := worktest.From("C-twin", 3)
				in.ExternalID = new("twin")
				out, err := c.in.Submit(t.Context(), c.Agent, in)
				if err != nil {
					t.Errorf("a twin: %v", err)
				} else if out.Created {
					created.Store(i, true)
				}
			})
		}
		c.finish()
		twins.Wait()
		n := 0
		created.Range(func(any, any) bool { n++; return true })
		if n != 1 || c.Count("SELECT count(*) FROM responses WHERE external_id = 'twin'") != 1 {
			t.Errorf("%d calls have created the response", n)
		}
	})

	// The calls that wait find as many transactions as there may be. Then all but one of these end.
	t.Run("and go on beside one that cannot", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t)
		c.unlock()
		c.Must(`CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			PERFORM pg_advisory_xact_lock_shared(CASE WHEN NEW.external_id = 'R-0' THEN 42 ELSE 43 END); RETURN NEW; END $$`)
		c.Must("CREATE TRIGGER hold BEFORE INSERT ON responses FOR EACH ROW EXECUTE FUNCTION hold()")
		release := func(key int) func() {
			tx, err := c.DB.Pool.Begin(t.Context())
			if err == nil {
				_, err = tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock($1)", key)
			}
			if err != nil {
				t.Fatal(err)
			}
			return sync.OnceFunc(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
		}
		first, others := release(42), release(43)
		defer others()
		defer first()
		c.fill()
		c.submit(t.Context(), "last")
		time.Sleep(2 * intake.HeldUpFor) // it asks whether it may begin, and may not
		others()
		for c.Count("SELECT count(*) FROM responses WHERE external_id = 'last'") == 0 {
			if t.Context().Err() != nil {
				t.FailNow()
			}
		}
		first()
		c.finish()
	})

	// trigger makes every transaction with the response "bad" run a statement, which also counts the tries.
	trigger := func(c *crowd, when, statement string) {
		c.unlock()
		c.Must("CREATE SEQUENCE tries")
		c.Must("CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM nextval('tries'); " + statement + "; RETURN NEW; END $$")
		c.Must("CREATE CONSTRAINT TRIGGER refuse AFTER INSERT ON responses " + when + " FOR EACH ROW WHEN (NEW.external_id = 'bad') EXECUTE FUNCTION refuse()")
	}
	for when, timing := range map[string]string{"a statement": "", "the commit": "DEFERRABLE INITIALLY DEFERRED"} {
		t.Run("but not the error of another call, in "+when, func(t *testing.T) {
			t.Parallel()
			c := newCrowd(t)
			trigger(c, timing, "RAISE EXCEPTION 'no'")
			c.submit(t.Context(), append(names(4*intake.MostRunning), "bad")...)
			c.finish()
			for id, err := range c.errs {
				if (err != nil) != (id == "bad") {
					t.Errorf("%s: %v", id, err)
				}
			}
			if tries := c.Count("SELECT last_value FROM tries"); tries > 2 {
				t.Errorf("the response was tried %d times", tries)
			}
		})
	}

	t.Run("and try nothing again where nobody knows whether it was committed", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t)
		trigger(c, "DEFERRABLE INITIALLY DEFERRED", "PERFORM pg_terminate_backend(pg_backend_pid())")
		c.submit(t.Context(), append(names(4*intake.MostRunning), "bad")...)
		c.finish()
		if err := c.errs["bad"]; !pg.Unavailable(err) {
			t.Errorf("the connection broke at the commit: %v", err)
		}
		if tries := c.Count("SELECT last_value FROM tries"); tries != 1 {
			t.Errorf("the response was tried %d times", tries)
		}
	})

	t.Run("and a call that gives up while it waits leaves nothing", func(t *testing.T) {
		t.Parallel()
		c := newCrowd(t)
		c.fill()
		ctx, cancel := context.WithCancel(t.Context())
		var late sync.WaitGroup
		late.Go(func() {
			in := worktest.From("C-late", 3)
			in.ExternalID = new("late")
			if _, err := c.in.Submit(ctx, c.Agent, in); !errors.Is(err, context.Canceled) {
				t.Errorf("the call returned %v", err)
			}
		})
		cancel()
		late.Wait()
		c.finish()
		if n := c.Count("SELECT count(*) FROM responses WHERE external_id = 'late'"); n != 0 {
			t.Errorf("%d responses", n)
		}
	})
}
