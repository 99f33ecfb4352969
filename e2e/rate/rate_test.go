package rate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/model"
)

const rateLimit = `{viewer {rateLimit {limit remaining restoreRate resetAt cost}}}`

// expensive costs some thousand points.
const expensive = `{recoveryReport(groupBy: THEME) {closedCases groups {key}}}`

func TestRateLimit(t *testing.T) {
	t.Parallel()
	t.Run("lets the smallest bucket pay for the most expensive operation", func(t *testing.T) {
		t.Parallel()
		if cost.Max != config.RateLeast {
			t.Errorf("an operation may cost %d, and a bucket may hold %d", cost.Max, config.RateLeast)
		}
	})

	t.Run("says when to come again", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
		full := s.OK(model.Manager, rateLimit, nil).At("viewer.rateLimit")
		if full.Number("limit") != config.RateLeast || full.Number("restoreRate") != 1 || full.Number("cost") < 1 || full.Missing("resetAt") {
			t.Errorf("%v", full.V)
		}
		take(t, s, model.Agent, config.RateLeast-300)
		left := s.OK(model.Agent, rateLimit, nil).Number("viewer.rateLimit.remaining")
		if left > 310 || left <= 0 {
			t.Fatalf("%d points are left of 300", left)
		}
		a := s.Do(model.Agent, expensive, nil)
		if a.Code() != "RATE_LIMITED" || a.Status != http.StatusOK || a.V != nil {
			t.Fatalf("status %d: %s", a.Status, a.Body)
		}
		// The bucket gets one point back each second.
		charges := setup.Tree{V: a.Errors[0].Extensions}.At("cost")
		if says := fmt.Sprintf("your token has %d left", charges.Number("remaining")); !strings.Contains(a.Errors[0].Message, says) {
			t.Errorf("%q, and the charges say that %s", a.Errors[0].Message, says)
		}
		short := float64(charges.Number("requested") - charges.Number("remaining"))
		if wait := a.Errors[0].Extensions["retryAfter"].(float64); short < 100 || wait < short-2 || wait > short+2 {
			t.Errorf("it is to wait %v s for %v points", wait, short)
		}
		again := s.OK(model.Agent, rateLimit, nil)
		if again.Number("viewer.rateLimit.remaining") < left-100 {
			t.Errorf("what was refused has cost: %d points, then %v", left, again.V)
		}
		s.OK(model.Manager, expensive, nil) // another token has its own bucket

		body, err := json.Marshal(vars{"query": expensive})
		if err != nil {
			t.Fatal(err)
		}
		for accept, want := range map[string]int{"": 200, "application/json": 200, "*/*": 200, "application/graphql-response+json": 429} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/graphql", bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Authorization", "Bearer "+s.Tokens[model.Agent])
			if accept != "" {
				request.Header.Set("Accept", accept)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if wait, err := strconv.Atoi(response.Header.Get("Retry-After")); response.StatusCode != want || err != nil || wait < 1 {
				t.Errorf("Accept %q: status %d, not %d; Retry-After %q", accept, response.StatusCode, want, response.Header.Get("Retry-After"))
			}
		}

		take(t, s, model.Agent, 1_000_000)
		c := s.Watch(model.Agent, "", "id case {history(first: 100) {nodes {id case {notes(first: 100) {nodes {id}}}}}}")
		if code := c.Refused(); code != "RATE_LIMITED" {
			t.Errorf("a subscription that the bucket cannot pay: %q", code)
		}
	})

	t.Run("charges a subscription once, and an unpaid write changes nothing", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{10 * config.RateLeast, 1}})
		_, opened := s.Submit(vars{"score": 9})
		if opened != "" {
			t.Fatal("a case")
		}
		c := s.Watch(model.Partner, `(after: "`+s.Cursor()+`")`, "type")
		response, _ := s.Submit(vars{"score": 9})
		s.OK(model.Manager, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`, vars{"input": vars{"subject": vars{"responseId": response}, "note": "Why."}})
		c.Next()
		before := s.OK(model.Partner, rateLimit, nil)
		one := s.OK(model.Manager, `{case(number: 1) {id}}`, nil).Text("case.id")
		for range 20 {
			s.AddNote(one, "Called.")
		}
		for range 20 {
			c.Next()
		}
		after := s.OK(model.Partner, rateLimit, nil)
		// The events come out of memory. Their charges are those of the statements that they need, if any.
		if spent := before.Number("viewer.rateLimit.remaining") - after.Number("viewer.rateLimit.remaining"); spent > 5000 {
			t.Errorf("twenty events cost %d points", spent)
		}

		// Submit until the bucket is empty.
		in := vars{"input": vars{"score": 3, "customer": vars{"firstName": "Ana"}}}
		take(t, s, model.Intake, 10*config.RateLeast-300)
		for {
			responses := s.Count("responses")
			a := s.Do(model.Intake, setup.SubmitResponse, in)
			if a.Code() == "RATE_LIMITED" {
				if n := s.Count("responses"); n != responses {
					t.Error("the refused response is in")
				}
				break
			}
			if len(a.Errors) > 0 || s.Count("responses") != responses+1 {
				t.Fatalf("%s", a.Body)
			}
		}
	})

	// A survey tool may send its responses one by one, even those of a whole year.
	t.Run("lets bursts of responses pass by default", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{0, 1}})
		const rich = `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id externalId score category receivedAt survey comment drivers contactRequested respondedAt}}}`
		a := s.OK(model.Intake, rich, vars{"input": vars{"score": 3, "customer": vars{"firstName": "Ana"}}})
		var answered answer
		if err := json.Unmarshal([]byte(a.Body), &answered); err != nil {
			t.Fatal(err)
		}
		// The estimate decides how many pass at once; what they used settles it, and a busy machine takes longer.
		each := answered.Extensions.Cost.Requested
		limit, restore := new(config.Config).Rate()
		if burst, minute := limit/each, 60*restore/each; each < 1 || burst < 5_000 || minute < 20_000 {
			t.Errorf("a response costs %d: %d pass at once, and %d a minute", each, burst, minute)
		} else {
			t.Logf("a response costs %d: %d pass at once, and %d a minute", each, burst, minute)
		}
	})
}
