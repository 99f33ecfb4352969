package sharing

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

const (
	servers = 3
	writers = 16
	readers = 16
)

// board is what writers say that they have written, after their writes were acknowledged.
type board struct {
	cases   []string
	notes   []atomic.Int64 // of each case
	changes []atomic.Int64 // of each case's status
}

// No answer is older than its request: three servers share answers while 16 writers write through all of them, and 16 readers
// ask each for what they were told had been written. Meanwhile the scopes of readers change: none gets what the scope before
// would have shown. A short run, or a minute with CLOSELOOP_LONG=1.
func TestNoAnswerIsOlderThanItsRequest(t *testing.T) {
	s := setup.NewServer(t)
	all := []*setup.Server{s}
	for range servers - 1 {
		all = append(all, s.Second(t))
	}
	long := 4 * time.Second
	if os.Getenv("CLOSELOOP_LONG") == "1" {
		long = time.Minute
	}
	hammer(t, all, long)
}

func hammer(t *testing.T, all []*setup.Server, long time.Duration) {
	s := all[0]
	s.AddRule(nil)
	const cases = 8
	b := &board{notes: make([]atomic.Int64, cases), changes: make([]atomic.Int64, cases)}
	for i := range cases {
		_, opened := s.Submit(vars{"customer": vars{"firstName": fmt.Sprint("Kim ", i), "country": []string{"NL", "BR"}[i%2]}})
		b.cases = append(b.cases, opened)
	}
	var asked, wrong atomic.Int64
	fail := func(format string, args ...any) {
		if wrong.Add(1) < 10 {
			t.Errorf(format, args...)
		}
	}
	any := func() *setup.Server { return all[rand.IntN(len(all))] }
	end := time.Now().Add(long)
	var running sync.WaitGroup
	for w := range writers {
		running.Go(func() {
			of := w % cases
			for time.Now().Before(end) {
				a := any().Do(model.Manager, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": b.cases[of], "body": "a note"}})
				if len(a.Errors) > 0 {
					fail("a write failed: %s", a.Body)
					return
				}
				b.notes[of].Add(1)
				if w == of { // one writer changes the status of each case
					status := []model.CaseStatus{model.InProgress, model.Open}[b.changes[of].Load()%2]
					a := any().Do(model.Manager, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {status}}}`,
						vars{"input": vars{"caseId": b.cases[of], "status": status, "note": "because"}})
					if len(a.Errors) > 0 {
						fail("a write failed: %s", a.Body)
						return
					}
					b.notes[of].Add(1) // its note
					b.changes[of].Add(1)
				}
				time.Sleep(time.Duration(rand.IntN(40)) * time.Millisecond) // so that there are times without a change
			}
		})
	}
	for range readers {
		running.Go(func() {
			for time.Now().Before(end) {
				of := rand.IntN(cases)
				least, server := b.notes[of].Load(), any()
				a := server.Do(model.Manager, `query ($id: ID!) {case: node(id: $id) {... on Case {notes(first: 1) {totalCount}}}}`, vars{"id": b.cases[of]})
				if got := a.Number("case.notes.totalCount"); int64(got) < least || len(a.Errors) > 0 {
					fail("%d notes after %d were written: %s", got, least, a.Body)
				}
				var leastOf [cases]int64
				for i := range cases {
					leastOf[i] = b.notes[i].Load()
				}
				list := any().Do(model.Agent, `{cases(first: 100) {nodes {id version notes(first: 1) {totalCount}}}}`, nil)
				for _, c := range list.List("cases.nodes") {
					for i, id := range b.cases {
						if id == c.Text("id") && int64(c.Number("notes.totalCount")) < leastOf[i] {
							fail("a list has %d notes after %d were written", c.Number("notes.totalCount"), leastOf[i])
						}
					}
				}
				if len(list.List("cases.nodes")) != cases {
					fail("a list has %d cases of %d: %s", len(list.List("cases.nodes")), cases, list.Body)
				}
				asked.Add(2)
			}
		})
	}
	running.Go(func() { scopes(all, b, end, fail) })
	running.Wait()
	t.Logf("%d questions, %d notes", asked.Load(), total(b.notes))
	if asked.Load() < readers || total(b.notes) < writers {
		t.Error("too little happened")
	}
}

// scopes gives a user one scope after the other. A second after each change, no server shows a case outside of it.
func scopes(all []*setup.Server, b *board, end time.Time, fail func(string, ...any)) {
	s := all[0]
	for n := 0; time.Now().Before(end); n++ {
		country := []string{"NL", "BR"}[n%2]
		a := s.Do(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{
			"userId": s.Users[model.Partner], "scope": vars{"customer": vars{"country": vars{"eq": country}}}}})
		if len(a.Errors) > 0 {
			fail("the scope was not changed: %s", a.Body)
			return
		}
		time.Sleep(time.Second) // by then a change counts on all servers
		for until := time.Now().Add(time.Second / 2); time.Now().Before(until); {
			for _, server := range all {
				list := server.Do(model.Partner, `{cases(first: 100) {nodes {customer {country}}}}`, nil)
				for _, c := range list.List("cases.nodes") {
					if c.Text("customer.country") != country {
						fail("a viewer whose scope is %s gets %s", country, list.Body)
					}
				}
				if len(list.List("cases.nodes")) == 0 {
					fail("a viewer whose scope is %s gets %s", country, list.Body)
				}
			}
		}
	}
}

func total(of []atomic.Int64) (n int64) {
	for i := range of {
		n += of[i].Load()
	}
	return n
}
