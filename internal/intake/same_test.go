package intake_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/intake"
)

// The test submits the same responses to two databases, one by one to the first and in batches to the second, and compares
// the databases table by table. It uses 2,000 responses, or 20,000 with CLOSELOOP_LONG=1.
func TestBatchHasTheSameResultAsSingleResponses(t *testing.T) {
	t.Parallel()
	n := 2000
	if os.Getenv("CLOSELOOP_LONG") == "1" {
		n = 20_000
	}
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	single, batched := newTwin(t), newTwin(t)
	random := rand.New(rand.NewPCG(seed, 0))
	for done := 0; done < n; {
		batch := make([]intake.Submission, min(n-done, 1+random.IntN([]int{3, 100, 500}[random.IntN(3)])))
		for i := range batch {
			batch[i] = anyResponse(random, done+i, n, single.Now())
		}
		done += len(batch)

		var ones []intake.Outcome
		for _, s := range batch {
			ones = append(ones, single.submitOne(s))
		}
		many, err := intake.New(batched.Work).SubmitAll(t.Context(), batched.Agent, batch, intake.SubmitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			if a, b := describe(ones[i]), describe(many[i]); a != b {
				t.Fatalf("response %d of %d has a different result:\nalone:      %s\nin a batch: %s", i, len(batch), a, b)
			}
		}
		actionSeed := random.Uint64()
		for _, w := range []*twin{single, batched} {
			w.act(rand.New(rand.NewPCG(actionSeed, 0)))
			w.Later(7 * time.Minute)
		}
		if done == n || random.IntN(1+n/500) == 0 {
			compareTables(t, single.tables(), batched.tables())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	batched.CheckCopies()
	for table, least := range map[string]int{"responses": 8, "customers": 3, "cases": 4, "case_events": 12, "notifications": 4, "response_themes": 2,
		"case_escalations": 1, "passives": 1} {
		if rows := batched.Count("SELECT count(*) FROM " + table); rows < n*least/25 {
			t.Errorf("%s has %d rows, want at least %d: the random responses cover too little", table, rows, n*least/25)
		}
	}
	for kind, sql := range map[string]string{
		"customers found by address that got an external id": "SELECT count(*) FROM case_events WHERE changed @> '[\"customer.externalId\"]'",
		"customers identified by name":                       "SELECT count(*) FROM customers WHERE name_key IS NOT NULL",
		"erased responses":                                   "SELECT count(*) FROM erased_response_ids",
		"corrected scores":                                   "SELECT count(*) FROM case_events WHERE changed @> '[\"response.score\"]'",
		"comments that came later":                           "SELECT count(*) FROM case_events WHERE changed @> '[\"response.comment\"]'",
		"responses of several submissions":                   "SELECT count(*) FROM responses WHERE length(statements) > 16",
		"details changed on a case with events before":       "SELECT count(*) FROM case_events WHERE type = 'DETAILS_CHANGED' AND version > 3",
		"cases assigned in turn":                             "SELECT turn FROM rules WHERE strategy = 'ROUND_ROBIN'",
		"cases assigned by load":                             "SELECT count(*) FROM cases c JOIN case_rules x ON x.case_id = c.id AND x.ordinal = 0 JOIN rules r ON r.id = x.rule_id WHERE r.strategy = 'LEAST_BUSY' AND c.assignee_id IS NOT NULL",
		"cases with a calendar":                              "SELECT count(*) FROM cases WHERE calendar_id IS NOT NULL",
		"responses matched by a theme":                       "SELECT count(*) FROM response_rules x JOIN rules r ON r.id = x.rule_id WHERE r.name = 'theme'",
		"responses matched by times":                         "SELECT count(*) FROM response_rules x JOIN rules r ON r.id = x.rule_id WHERE r.name = 'times'",
		"cases assigned to the fallback user":                "SELECT count(*) FROM cases c JOIN case_rules x ON x.case_id = c.id AND x.ordinal = 0 JOIN rules r ON r.id = x.rule_id WHERE c.assignee_id = r.fallback_user_id",
		"addresses shared by customers":                      "SELECT count(*) FROM (SELECT FROM customers GROUP BY email_fold HAVING email_fold IS NOT NULL AND count(*) > 1) x",
	} {
		if count := batched.Count(sql); count < 3 {
			t.Errorf("%s: want at least 3, got %d", kind, count)
		}
	}
}
