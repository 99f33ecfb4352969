package casework_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/model"
)

func TestManyFirstResponsesOfOneCustomerMakeOneCustomer(t *testing.T) {
	t.Parallel()
	for name, of := range map[string]func(i int) casework.Submission{
		"by external id": func(int) casework.Submission {
			return casework.Submission{SubmitResponseInput: from("c-1", 5)}
		},
		"by address, in any case": func(i int) casework.Submission {
			address := "Ana@X.example"
			if i%2 == 0 {
				address = strings.ToUpper(address)
			}
			return casework.Submission{SubmitResponseInput: casework.SubmitResponseInput{Score: 5, Customer: &casework.CustomerInput{Email: text(address)}}}
		},
		"by name": func(int) casework.Submission {
			in := casework.SubmitResponseInput{Score: 5, Customer: &casework.CustomerInput{FirstName: text("Ana")}}
			return casework.Submission{SubmitResponseInput: in, NameKey: "ana|BR"}
		},
		"by address, some with the id": func(i int) casework.Submission {
			in := casework.SubmitResponseInput{Score: 5, Customer: &casework.CustomerInput{Email: text("ana@x.example")}}
			if i%3 == 0 {
				in.Customer.ExternalID = new("c-1")
			}
			return casework.Submission{SubmitResponseInput: in}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			customers := make([]model.CustomerID, 24)
			atOnce(len(customers), func(i int) {
				outcomes, err := w.work.SubmitAll(t.Context(), w.agent, []casework.Submission{of(i)}, casework.SubmitOptions{})
				if err == nil {
					err = outcomes[0].Fault
				}
				if err != nil {
					t.Errorf("submit %d: %v", i, err)
					return
				}
				customers[i] = outcomes[0].Response.CustomerID
			})
			if same := slices.Compact(customers); len(same) != 1 {
				t.Errorf("of %d customers", len(same))
			}
			w.counts(map[string]int{"customers": 1, "responses": len(customers)})
			if n := w.deadlocks.Load(); n != 0 {
				t.Errorf("%d deadlocks", n)
			}
		})
	}
}

// One address, several ids: each id is a customer of its own, and none is lost.
func TestManyIDsWithOneAddressAreAsManyCustomers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.submit(casework.SubmitResponseInput{Score: 5, Customer: &casework.CustomerInput{Email: text("office@x.example")}})
	atOnce(12, func(i int) {
		in := from(fmt.Sprintf("c-%d", i%6), 5)
		in.Customer.Email = text("office@x.example")
		if _, err := w.work.SubmitResponse(t.Context(), w.agent, in); err != nil {
			t.Errorf("submit %d: %v", i, err)
		}
	})
	w.counts(map[string]int{"customers": 6, "responses": 13})
	if n := w.count("SELECT count(DISTINCT external_id) FROM customers"); n != 6 {
		t.Errorf("%d ids", n)
	}
}

func TestBatchesInOppositeOrderDoNotWaitForEachOtherInACircle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rule("detractors", func(r *model.Rule) { r.Scores = []int{3} })
	const customers, rounds = 10, 3
	for i := range customers {
		w.submit(from(fmt.Sprintf("c-%d", i), 3))
	}
	batch := func(backward bool, country string) []casework.Submission {
		list := make([]casework.Submission, customers)
		for i := range list {
			in := from(fmt.Sprintf("c-%d", i), 9)
			in.Customer.Country = text(country)
			list[i] = casework.Submission{SubmitResponseInput: in}
		}
		if backward {
			slices.Reverse(list)
		}
		return list
	}
	for range rounds {
		w.later(time.Minute)
		atOnce(4, func(i int) {
			country := []string{"BR", "DE", "FR", "NL"}[i]
			outcomes, err := w.work.SubmitAll(t.Context(), w.agent, batch(i%2 == 0, country), casework.SubmitOptions{})
			if err != nil {
				t.Errorf("batch %d: %v", i, err)
			}
			for _, o := range outcomes {
				if o.Fault != nil {
					t.Errorf("batch %d: %v", i, o.Fault)
				}
			}
		})
	}
	if n := w.deadlocks.Load(); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
	w.counts(map[string]int{"customers": customers, "responses": customers + rounds*4*customers, "cases": customers})
	// The last batch in moved all of its customers: they are all where one batch put them.
	if n := w.count("SELECT count(DISTINCT country) FROM customers"); n != 1 {
		t.Errorf("the customers are in %d countries", n)
	}
	w.recount()
}

// Two batches that know the same customers by different identities take no lock in common before the rows. PostgreSQL
// breaks the circle, and the transaction is tried again: both go in.
func TestBatchesThatKnowTheirCustomersByOtherNamesBothGoIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const customers = 8
	byID, byAddress := make([]casework.Submission, customers), make([]casework.Submission, customers)
	for i := range customers {
		id, address := fmt.Sprintf("c-%d", i), fmt.Sprintf("c-%d@x.example", i)
		known := from(id, 5)
		known.Customer.Email = text(address)
		w.submit(known)
		byID[i] = casework.Submission{SubmitResponseInput: from(id, 5)}
		byAddress[customers-1-i] = casework.Submission{
			SubmitResponseInput: casework.SubmitResponseInput{Score: 6, Customer: &casework.CustomerInput{Email: text(address)}},
		}
	}
	atOnce(2, func(i int) {
		if _, err := w.work.SubmitAll(t.Context(), w.agent, [][]casework.Submission{byID, byAddress}[i], casework.SubmitOptions{}); err != nil {
			t.Errorf("batch %d: %v", i, err)
		}
	})
	w.counts(map[string]int{"customers": customers, "responses": 3 * customers})
}

func TestABatchOfMoreIdentitiesThanOneStatementTakesLocksThemAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	batch := make([]casework.Submission, 350)
	for i := range batch {
		in := from(fmt.Sprintf("c-%d", i), 5)
		in.ExternalID, in.Customer.Email = new(fmt.Sprintf("r-%d", i)), text(fmt.Sprintf("c-%d@x.example", i))
		batch[i] = casework.Submission{SubmitResponseInput: in}
	}
	atOnce(2, func(int) {
		if _, err := w.work.SubmitAll(t.Context(), w.agent, batch, casework.SubmitOptions{}); err != nil {
			t.Error(err)
		}
	})
	w.counts(map[string]int{"customers": len(batch), "responses": len(batch)})
	if n := w.deadlocks.Load(); n != 0 {
		t.Errorf("%d deadlocks", n)
	}
}
