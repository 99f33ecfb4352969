package intake_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/intake"
)

// The same responses, each alone and many at once, into two databases: afterwards these are the same, table by table.
// CLOSELOOP_LONG=1 takes 20,000 of them.
func TestBatchHasTheSameResultAsSingleResponses(t *testing.T) {
	t.Parallel()
	n := 2000
	if os.Getenv("CLOSELOOP_LONG") == "1" {
		n = 20_000
	}
	seed := rand.Uint64()
	t.Logf("the seed is %d", seed)
	alone, together := newTwin(t), newTwin(t)
	random := rand.New(rand.NewPCG(seed, 0))
	for done := 0; done < n; {
		batch := make([]intake.Submission, min(n-done, 1+random.IntN([]int{3, 100, 500}[random.IntN(3)])))
		for i := range batch {
			batch[i] = anyResponse(random, done+i, n, alone.Now())
		}
		done += len(batch)

		var one []intake.Outcome
		for _, s := range batch {
			one = append(one, alone.alone(s))
		}
		many, err := intake.New(together.Work).SubmitAll(t.Context(), together.Agent, batch, intake.SubmitOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for i := range batch {
			if a, b := answer(one[i]), answer(many[i]); a != b {
				t.Fatalf("of %d, number %d was answered with\n%s\nalone, and with\n%s\nin a batch", len(batch), i, a, b)
			}
		}
		between := random.Uint64()
		for _, w := range []*twin{alone, together} {
			w.between(rand.New(rand.NewPCG(between, 0)))
			w.Later(7 * time.Minute)
		}
		if done == n || random.IntN(1+n/500) == 0 {
			equal(t, alone.tables(), together.tables())
		}
		if t.Failed() {
			t.FailNow()
		}
	}
	together.CheckCopies()
	for table, least := range map[string]int{"responses": 8, "customers": 3, "cases": 4, "case_events": 12, "notifications": 4, "response_themes": 2,
		"case_escalations": 1, "passives": 1} {
		if rows := together.Count("SELECT count(*) FROM " + table); rows < n*least/20 {
			t.Errorf("only %d rows of %s: the responses do too little to tell anything", rows, table)
		}
	}
	for kind, sql := range map[string]string{
		"found by address, known by id from then on": "SELECT count(*) FROM case_events WHERE changed @> '[\"customer.externalId\"]'",
		"known by name":               "SELECT count(*) FROM customers WHERE name_key IS NOT NULL",
		"erased":                      "SELECT count(*) FROM erased_response_ids",
		"changed with several cases":  "SELECT count(*) FROM case_events WHERE type = 'DETAILS_CHANGED' AND version > 3",
		"chosen for, in turn":         "SELECT turn FROM rules WHERE strategy = 'ROUND_ROBIN'",
		"chosen for, by load":         "SELECT count(*) FROM cases c JOIN case_rules x ON x.case_id = c.id AND x.ordinal = 0 JOIN rules r ON r.id = x.rule_id WHERE r.strategy = 'LEAST_BUSY' AND c.assignee_id IS NOT NULL",
		"opened in working hours":     "SELECT count(*) FROM cases WHERE calendar_id IS NOT NULL",
		"matched by a theme":          "SELECT count(*) FROM response_rules x JOIN rules r ON r.id = x.rule_id WHERE r.name = 'theme'",
		"matched by times":            "SELECT count(*) FROM response_rules x JOIN rules r ON r.id = x.rule_id WHERE r.name = 'times'",
		"left to the fallback":        "SELECT count(*) FROM cases c JOIN case_rules x ON x.case_id = c.id AND x.ordinal = 0 JOIN rules r ON r.id = x.rule_id WHERE c.assignee_id = r.fallback_user_id",
		"addresses of many customers": "SELECT count(*) FROM (SELECT FROM customers GROUP BY email_fold HAVING email_fold IS NOT NULL AND count(*) > 1) x",
	} {
		if together.Count(sql) < 3 {
			t.Errorf("hardly any were %s", kind)
		}
	}
}
