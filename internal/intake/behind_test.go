package intake_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
)

// running is a batch that is saved by a goroutine of its own.
type running struct {
	batch    []intake.Submission
	outcomes []intake.Outcome
	err      error
	ended    chan struct{}
}

// start saves a batch behind another one, if there is one.
func (w *world) start(in *intake.Intake, before *running, batch ...intake.Submission) *running {
	r := &running{batch: batch, ended: make(chan struct{})}
	var o intake.SubmitOptions
	if before != nil {
		o.Behind = &intake.Behind{Batch: before.batch, Committed: before.committed}
		o.BeforeCommit = func(*gorm.DB, []intake.Outcome) error {
			select {
			case <-before.ended:
			default:
				w.T.Error("a batch commits before the one before it")
			}
			return nil
		}
	}
	go func() {
		defer close(r.ended)
		r.outcomes, r.err = in.SubmitAll(w.T.Context(), w.Agent, batch, o)
	}()
	return r
}

func (r *running) committed(ctx context.Context) error {
	select {
	case <-r.ended:
		return r.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r *running) wait(t *testing.T) []intake.Outcome {
	t.Helper()
	<-r.ended
	if r.err != nil {
		t.Fatal(r.err)
	}
	return r.outcomes
}

// The test submits the same responses to two databases, in batches one after the other to the first and in batches that overlap to the
// second, and compares the databases. It uses 2,000 responses, or 20,000 with CLOSELOOP_LONG=1.
func TestOverlappingBatchesHaveTheSameResult(t *testing.T) {
	t.Parallel()
	n := 2000
	if os.Getenv("CLOSELOOP_LONG") == "1" {
		n = 20_000
	}
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	serial, overlapped := newTwin(t), newTwin(t)
	serial.order, overlapped.order = []string{}, []string{}
	one, other := intake.New(serial.Work), intake.New(overlapped.Work)
	random := rand.New(rand.NewPCG(seed, 0))
	var flying []*running
	var want [][]intake.Outcome
	settle := func() {
		t.Helper()
		got := flying[0].wait(t)
		for i := range got {
			if a, b := describe(want[0][i]), describe(got[i]); a != b {
				t.Fatalf("response %d of %d has a different result:\nalone:  %s\nbehind: %s", i, len(got), a, b)
			}
		}
		serial.saw(want[0])
		overlapped.saw(got)
		flying, want = flying[1:], want[1:]
	}
	for done := 0; done < n; {
		batch := make([]intake.Submission, min(n-done, 1+random.IntN([]int{3, 30, 100}[random.IntN(3)])))
		for i := range batch {
			batch[i] = anyResponse(random, done+i, n, serial.Now())
		}
		done += len(batch)
		outcomes, err := one.SubmitAll(t.Context(), serial.Agent, batch, intake.SubmitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(flying) == 2 {
			settle()
		}
		var before *running
		if len(flying) > 0 {
			before = flying[0]
		}
		flying, want = append(flying, overlapped.start(other, before, batch...)), append(want, outcomes)
		if done == n || random.IntN(10) == 0 {
			for len(flying) > 0 {
				settle()
			}
			actionSeed := random.Uint64()
			for _, w := range []*twin{serial, overlapped} {
				w.act(rand.New(rand.NewPCG(actionSeed, 0)))
				w.Later(7 * time.Minute)
			}
		}
	}
	compareTables(t, withoutNumbers(serial.tables()), withoutNumbers(overlapped.tables()))
	overlapped.CheckCopies()
}

// saw keeps the order in which new responses were submitted.
func (w *twin) saw(outcomes []intake.Outcome) {
	for _, o := range outcomes {
		if o.SubmitResponsePayload != nil && o.Created {
			w.order = append(w.order, o.Response.ID.UUID.String())
		}
	}
}

// withoutNumbers leaves out the numbers of customers: those of a batch are not in the order of its responses if it overlaps with
// another one.
func withoutNumbers(tables map[string][]string) map[string][]string {
	for name, rows := range tables {
		for i, row := range rows {
			if name == "customers" || strings.Contains(row, `"snapshot"`) {
				rows[i] = customerNumber.ReplaceAllString(row, "$1")
			}
		}
	}
	return tables
}

// customerNumber is the number of a customer in its own row, and in the row of an event.
var customerNumber = regexp.MustCompile(`(^\{"id": "customers \d+"[^{}]*?|"customer": \{[^{}]*?)"number": \d+`)

func TestBatchBehindAnother(t *testing.T) {
	t.Parallel()
	from := func(id string, score int) intake.Submission { return submission(worktest.From(id, score)) }

	t.Run("is found and saved meanwhile, and committed after it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := intake.New(w.Work)
		bar := w.Gate.Hold(`INSERT INTO "responses"`)
		first := w.start(in, nil, from("a", 1))
		<-bar.Reached
		saved := w.Gate.Hold(`INSERT INTO "responses"`)
		second := w.start(in, first, from("b", 1), from("a", 9))
		<-saved.Reached
		close(saved.Open)
		close(bar.Open)
		first.wait(t)
		second.wait(t)
		w.Counts(map[string]int{"responses": 3, "customers": 2})
	})

	t.Run("fails with it", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		failed := errors.New("the disk failed")
		o := intake.SubmitOptions{Behind: &intake.Behind{
			Batch: []intake.Submission{from("a", 1)}, Committed: func(context.Context) error { return failed },
		}}
		for _, batch := range [][]intake.Submission{{from("b", 1)}, {from("a", 1)}, {from("a", 1), from("b", 1)}} {
			if _, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, o); !errors.Is(err, failed) {
				t.Errorf("the error is %v", err)
			}
		}
		w.Counts(map[string]int{"responses": 0, "customers": 0})
	})

	t.Run("gives way where one customer has two identities, and each batch names another", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := intake.New(w.Work)
		both := worktest.From("a", 9)
		both.Customer.Email = worktest.Given("a@x.example")
		w.Submit(both)
		byMail := intake.SubmitResponseInput{Score: 3, Customer: &customer.CustomerInput{Email: worktest.Given("a@x.example"), Company: worktest.Given("Second")}}
		bar := w.Gate.Hold("share_configuration") // the first batch has no lock yet
		first := w.start(in, nil, from("a", 5))
		<-bar.Reached
		found := w.Gate.Hold("share_configuration")
		second := w.start(in, first, submission(byMail), from("b", 1))
		<-found.Reached
		close(found.Open)
		close(bar.Open)
		first.wait(t)
		second.wait(t)
		var order []int
		if err := w.DB.Gorm.Raw("SELECT score FROM responses WHERE customer_id = (SELECT id FROM customers WHERE external_id = 'a') ORDER BY id").Scan(&order).Error; err != nil {
			t.Fatal(err)
		}
		if len(order) != 3 || order[1] != 5 || order[2] != 3 {
			t.Errorf("the responses have come in the order %v", order)
		}
	})

	t.Run("releases its locks when it has waited for long", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		waits := 0
		o := intake.SubmitOptions{Behind: &intake.Behind{Batch: []intake.Submission{from("a", 1)}, Committed: func(ctx context.Context) error {
			waits++
			if waits == 1 {
				<-ctx.Done()
				return ctx.Err()
			}
			if n := w.Count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"); n != 0 {
				t.Errorf("%d locks are held", n)
			}
			return nil
		}}}
		outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, []intake.Submission{from("b", 1)}, o)
		if err != nil || !outcomes[0].Created || waits != 2 {
			t.Errorf("%+v, %v, after %d waits", outcomes, err, waits)
		}
	})

	t.Run("keeps the order of one customer's responses that name different identities", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := intake.New(w.Work)
		both := worktest.From("a", 9)
		both.Customer.Email = worktest.Given("a@x.example")
		w.Submit(both)
		later := worktest.From("", 3)
		later.Customer = &customer.CustomerInput{Email: worktest.Given("a@x.example"), Company: worktest.Given("Later")}
		earlier := worktest.From("a", 3)
		earlier.Customer.Company = worktest.Given("Earlier")
		bar := w.Gate.Hold("SELECT share_configuration()")
		first := w.start(in, nil, from("a", 8), from("c", 1))
		<-bar.Reached
		second := w.start(in, first, submission(earlier), submission(later), from("b", 1))
		close(bar.Open)
		first.wait(t)
		second.wait(t)
		var company string
		if err := w.DB.Gorm.Raw("SELECT company FROM customers WHERE external_id = 'a'").Scan(&company).Error; err != nil || company != "Later" {
			t.Errorf("the company is %q, %v", company, err)
		}
	})
}

func submission(in intake.SubmitResponseInput) intake.Submission {
	return intake.Submission{SubmitResponseInput: in}
}
