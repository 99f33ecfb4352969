package rate

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/cost"
	"github.com/closeloop/closeloop/model"
)

func TestReadingALongDocument(t *testing.T) {
	t.Parallel()
	padding := "#" + strings.Repeat("x", 40<<10) // a comment
	dear := func(name string) string {           // longer than what is kept
		var b strings.Builder
		for i := range 450 {
			fmt.Fprintf(&b, "%s%d: topThemes(first: 1) {responses} ", name, i)
		}
		return "{" + b.String() + "}"
	}
	points := func(document string) int {
		text, _ := cost.Reading(len(document), 0)
		return text
	}
	input := func(variables string) int {
		_, points := cost.Reading(0, len(variables))
		return points
	}

	for name, send := range transports(setup.NewServer(t, setup.Options{Rate: [2]config.Number{1_000_000, 1}})) {
		if name == "GET" { // no address is so long
			continue
		}
		t.Run("is charged once by "+name, func(t *testing.T) {
			document := `{viewer {user {id}}} ` + padding + name
			first, second := send(t, vars{"query": document}, nil).Extensions.Cost, send(t, vars{"query": document}, nil).Extensions.Cost
			if first == nil || second == nil || first.Requested != second.Requested || first.Actual < points(document) || second.Actual >= points(document) {
				t.Errorf("the first time costs %+v, the second %+v", first, second)
			}
		})
		t.Run("is charged where the operation is refused by "+name, func(t *testing.T) {
			document := dear(strings.NewReplacer("-", "_", " ", "_").Replace(name))
			for range 2 { // the second time it is remembered
				began := time.Now()
				refused := send(t, vars{"query": document}, nil)
				if took := time.Since(began); name == "POST" && took < 100*time.Millisecond {
					t.Errorf("it was refused after %v", took)
				}
				if len(refused.Errors) != 1 || refused.Errors[0].Extensions.Code != "QUERY_TOO_COSTLY" {
					t.Fatalf("%+v", refused)
				}
				if c := refused.Errors[0].Extensions.Cost; c == nil || c.Requested <= cost.Max || c.Actual != points(document) {
					t.Errorf("charges %+v, want %d points for reading", c, points(document))
				}
			}
			if a := send(t, vars{"query": `{viewer {user {id}}} ` + padding + name}, nil); len(a.Errors) > 0 {
				t.Errorf("another document is refused: %+v", a.Errors)
			}
		})
	}

	t.Run("is charged for variables until the operation is paid", func(t *testing.T) {
		t.Parallel()
		send := transports(setup.NewServer(t, setup.Options{Rate: [2]config.Number{1_000_000, 1}}))["POST"]
		ask := func(query string, conditions int, condition string) answer {
			list := "[" + strings.TrimSuffix(strings.Repeat(condition+",", conditions), ",") + "]"
			return send(t, vars{"query": query, "variables": vars{"f": vars{"or": json.RawMessage(list)}}}, nil)
		}
		const list = `query ($f: ResponseFilter) {responses(first: 1, filter: $f) {totalCount}}`
		before := send(t, vars{"query": rateLimit}, nil).Extensions.Cost.Remaining
		good := ask(list, 100, `{"score": {"eq": 3}}`)
		if c := good.Extensions.Cost; len(good.Errors) > 0 || c == nil || c.Actual > 1000 || *before-*c.Remaining != c.Actual {
			t.Errorf("an operation that is paid: %+v, after %d points remained", good, *before)
		}
		for range 2 {
			dear := ask(list, 600, `{"comment": {"contains": "ad#"}}`)
			if len(dear.Errors) != 1 || dear.Errors[0].Extensions.Code != "QUERY_TOO_COSTLY" || dear.Extensions.Cost == nil || dear.Extensions.Cost.Actual < input(strings.Repeat(`{"comment":{"contains":"ad#"}}`, 600)) {
				t.Errorf("a filter that is too costly: %+v", dear)
			}
		}
		began := time.Now()
		wrong := ask(list, 600, `{"comment": {"contains": 5}}`)
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("a long filter that is wrong was refused after %v", took)
		}
		if len(wrong.Errors) == 0 || wrong.Extensions.Cost == nil || wrong.Extensions.Cost.Actual < input(strings.Repeat(`{"comment":{"contains":5}}`, 600)) {
			t.Errorf("a filter that is wrong: %+v", wrong)
		}
	})

	t.Run("is refused before it is read, and not at once, when the bucket is empty", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
		body, err := json.Marshal(vars{"query": `{this is no document ` + padding})
		if err != nil {
			t.Fatal(err)
		}
		if a := s.Post(s.Tokens[model.Partner], body); a.Code() != "GRAPHQL_PARSE_FAILED" {
			t.Errorf("with a full bucket: %s", a.Body)
		}
		take(t, s, model.Partner, config.RateLeast)
		began := time.Now()
		if a := s.Post(s.Tokens[model.Partner], body); a.Code() != "RATE_LIMITED" || a.Errors[0].Extensions["retryAfter"].(float64) < 900 ||
			!strings.Contains(a.Body, "reading this operation costs ") || !strings.Contains(a.Body, " at least") || strings.Contains(a.Body, "ask for less") {
			t.Errorf("with an empty bucket: %s", a.Body)
		}
		if took := time.Since(began); took < 100*time.Millisecond {
			t.Errorf("it was refused after %v", took)
		}
	})

	t.Run("is part of the wait that a refusal names, so that the operation runs after it", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
		send := transports(s)["POST"]
		long := func(name string) string {
			return `{` + strings.Repeat(`a: viewer {user {id}} `, 400) + `responses(first: 100) {nodes {id}}} #` + name
		}
		charges := send(t, vars{"query": long("first")}, nil).Extensions.Cost
		if charges == nil {
			t.Fatal("the operation does not run")
		}
		reading := points(long("again"))
		take(t, s, model.Admin, *charges.Remaining-reading-charges.Requested/2)
		a := send(t, vars{"query": long("again")}, nil)
		wait := charges.Requested - charges.Requested/2 + reading - 2 // two seconds for this test
		if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "RATE_LIMITED" || a.Errors[0].Extensions.RetryAfter < wait {
			t.Errorf("it costs %d points, reading it %d, and the wait is less than %d s: %+v", charges.Requested, reading, wait, a.Errors)
		}
	})
}
