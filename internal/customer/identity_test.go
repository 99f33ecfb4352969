package customer_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	t.Run("makes one customer of many first responses at once", func(t *testing.T) {
		t.Parallel()
		for name, of := range map[string]func(i int) intake.Submission{
			"by external id": func(int) intake.Submission {
				return intake.Submission{SubmitResponseInput: worktest.From("c-1", 5)}
			},
			"by address, in any case": func(i int) intake.Submission {
				address := "Ana@X.example"
				if i%2 == 0 {
					address = strings.ToUpper(address)
				}
				return intake.Submission{SubmitResponseInput: intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{Email: worktest.Given(address)}}}
			},
			"by name": func(int) intake.Submission {
				in := intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{FirstName: worktest.Given("Ana")}}
				return intake.Submission{SubmitResponseInput: in, NameKey: "ana|BR"}
			},
			"by address, some with the id": func(i int) intake.Submission {
				in := intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{Email: worktest.Given("ana@x.example")}}
				if i%3 == 0 {
					in.Customer.ExternalID = new("c-1")
				}
				return intake.Submission{SubmitResponseInput: in}
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				customers := make([]model.CustomerID, 24)
				worktest.AtOnce(len(customers), func(i int) {
					outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, []intake.Submission{of(i)}, intake.SubmitOptions{})
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
					t.Errorf("customers of the responses: want 1, got %d", len(same))
				}
				w.Counts(map[string]int{"customers": 1, "responses": len(customers)})
				if n := w.Deadlocks.Load(); n != 0 {
					t.Errorf("deadlocks: want 0, got %d", n)
				}
			})
		}
	})

	// Several ids share one address. Each id is a customer of its own; no update is lost.
	t.Run("makes one customer for each id that shares an address", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Submit(intake.SubmitResponseInput{Score: 5, Customer: &customer.CustomerInput{Email: worktest.Given("office@x.example")}})
		worktest.AtOnce(12, func(i int) {
			in := worktest.From(fmt.Sprintf("c-%d", i%6), 5)
			in.Customer.Email = worktest.Given("office@x.example")
			if _, err := intake.New(w.Work).Submit(t.Context(), w.Agent, in); err != nil {
				t.Errorf("submit %d: %v", i, err)
			}
		})
		w.Counts(map[string]int{"customers": 6, "responses": 13})
		if n := w.Count("SELECT count(DISTINCT external_id) FROM customers"); n != 6 {
			t.Errorf("external ids: want 6, got %d", n)
		}
	})

	t.Run("does not deadlock on batches in opposite order", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		w.Rule("detractors", func(r *model.Rule) { r.Scores = []int{3} })
		const customers, rounds = 10, 3
		for i := range customers {
			w.Submit(worktest.From(fmt.Sprintf("c-%d", i), 3))
		}
		batch := func(backward bool, country string) []intake.Submission {
			list := make([]intake.Submission, customers)
			for i := range list {
				in := worktest.From(fmt.Sprintf("c-%d", i), 9)
				in.Customer.Country = worktest.Given(country)
				list[i] = intake.Submission{SubmitResponseInput: in}
			}
			if backward {
				slices.Reverse(list)
			}
			return list
		}
		for range rounds {
			w.Later(time.Minute)
			worktest.AtOnce(4, func(i int) {
				country := []string{"BR", "DE", "FR", "NL"}[i]
				outcomes, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch(i%2 == 0, country), intake.SubmitOptions{})
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
		if n := w.Deadlocks.Load(); n != 0 {
			t.Errorf("deadlocks: want 0, got %d", n)
		}
		w.Counts(map[string]int{"customers": customers, "responses": customers + rounds*4*customers, "cases": customers})
		// The last batch set the country of all customers, so they all have the same one.
		if n := w.Count("SELECT count(DISTINCT country) FROM customers"); n != 1 {
			t.Errorf("countries of the customers: want 1, got %d", n)
		}
		w.CheckCopies()
	})

	// Two batches that name the same customers by different identities have no advisory lock in common, so that their row
	// locks can deadlock. PostgreSQL ends one transaction, which is retried, and both batches are saved.
	t.Run("saves both batches that identify the customers differently", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		const customers = 8
		byID, byAddress := make([]intake.Submission, customers), make([]intake.Submission, customers)
		for i := range customers {
			id, address := fmt.Sprintf("c-%d", i), fmt.Sprintf("c-%d@x.example", i)
			in := worktest.From(id, 5)
			in.Customer.Email = worktest.Given(address)
			w.Submit(in)
			byID[i] = intake.Submission{SubmitResponseInput: worktest.From(id, 5)}
			byAddress[customers-1-i] = intake.Submission{
				SubmitResponseInput: intake.SubmitResponseInput{Score: 6, Customer: &customer.CustomerInput{Email: worktest.Given(address)}},
			}
		}
		worktest.AtOnce(2, func(i int) {
			if _, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, [][]intake.Submission{byID, byAddress}[i], intake.SubmitOptions{}); err != nil {
				t.Errorf("batch %d: %v", i, err)
			}
		})
		w.Counts(map[string]int{"customers": customers, "responses": 3 * customers})
	})

	t.Run("locks more identities than one statement takes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		batch := make([]intake.Submission, 350)
		for i := range batch {
			in := worktest.From(fmt.Sprintf("c-%d", i), 5)
			in.ExternalID, in.Customer.Email = new(fmt.Sprintf("r-%d", i)), worktest.Given(fmt.Sprintf("c-%d@x.example", i))
			batch[i] = intake.Submission{SubmitResponseInput: in}
		}
		worktest.AtOnce(2, func(int) {
			if _, err := intake.New(w.Work).SubmitAll(t.Context(), w.Agent, batch, intake.SubmitOptions{}); err != nil {
				t.Error(err)
			}
		})
		w.Counts(map[string]int{"customers": len(batch), "responses": len(batch)})
		if n := w.Deadlocks.Load(); n != 0 {
			t.Errorf("deadlocks: want 0, got %d", n)
		}
	})
}
