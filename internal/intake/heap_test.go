package intake_test

import (
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
)

func TestCustomerRow(t *testing.T) {
	t.Parallel()
	if newWorld(t).Count("SELECT current_setting('server_version_num')::int") < 150000 {
		t.Skip("PostgreSQL before 15 cannot flush what a transaction has counted")
	}
	// updates submits one response, and returns how many new versions of customers' rows the transaction
	// wrote, and how many of them without an index entry.
	updates := func(w *world, in intake.SubmitResponseInput) (all, heapOnly int) {
		w.SubmitAll(intake.SubmitOptions{BeforeCommit: func(tx *gorm.DB, _ []intake.Outcome) error {
			// What a connection counts is added to what it counted before, until that is flushed.
			if err := tx.Exec("SELECT pg_stat_force_next_flush()").Error; err != nil {
				return err
			}
			return tx.Raw("SELECT pg_stat_get_xact_tuples_updated(t), pg_stat_get_xact_tuples_hot_updated(t) FROM (SELECT CAST('customers' AS regclass) AS t) c").
				Row().Scan(&all, &heapOnly)
		}}, intake.Submission{SubmitResponseInput: in})
		return all, heapOnly
	}

	t.Run("gets no index entry with a response that changes only the time of the last one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		in := worktest.From("C-1", 9)
		in.Customer.Email, in.Customer.Company = worktest.Given("ana@example.com"), worktest.Given("Acme")
		updates(w, in)
		for range 20 { // more versions than a page has room for
			if all, heapOnly := updates(w, in); all != 1 || heapOnly != 1 {
				t.Fatalf("%d updates, %d of them heap-only", all, heapOnly)
			}
		}
		w.CheckCopies()
	})

	t.Run("is not written by a response that is older than the last one", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		updates(w, worktest.From("C-1", 9))
		old := worktest.From("C-1", 3)
		old.RespondedAt = new(w.Now().Add(-24 * time.Hour))
		if all, _ := updates(w, old); all != 0 {
			t.Errorf("%d updates", all)
		}
	})

	t.Run("is written whole where its data changes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		updates(w, worktest.From("C-1", 9))
		in := worktest.From("C-1", 3)
		in.Customer.Company = worktest.Given("Acme")
		if all, heapOnly := updates(w, in); all != 1 || heapOnly != 0 {
			t.Errorf("%d updates, %d of them heap-only", all, heapOnly)
		}
		w.CheckCopies()
	})
}
