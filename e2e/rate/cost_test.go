package rate

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

func TestCostOnEveryTransport(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
	s.AddRule(nil)
	s.Submit(nil)
	const query = `{cases(first: 50) {totalCount nodes {id customer {displayName}}} viewer {rateLimit {limit remaining restoreRate cost}}}`
	const report = `: recoveryReport(groupBy: THEME) {closedCases groups {key}} `
	const dear = `{a` + report + `b` + report + `c` + report + `d` + report + `e` + report + `f` + report + `}`
	for name, send := range transports(s) {
		t.Run(name, func(t *testing.T) {
			// One token pays for all transports, so that these tests run one after the other.
			a := send(t, vars{"query": query}, nil)
			var data struct {
				Viewer struct {
					RateLimit struct {
						Limit, Remaining, Cost int
						RestoreRate            float64
					}
				}
			}
			if err := json.Unmarshal(a.Data, &data); err != nil {
				t.Fatal(err)
			}
			asked, c := data.Viewer.RateLimit, a.Extensions.Cost
			if c == nil || c.Remaining == nil || c.Requested != asked.Cost || c.Requested < 5 || c.Actual < 2 || c.Limit != asked.Limit || c.RestoreRate != asked.RestoreRate || c.Limit != config.RateLeast {
				t.Fatalf("extensions.cost is %+v, and viewer.rateLimit %+v", c, asked)
			}
			// The bucket gets one point back each second.
			if settled := min(c.Limit, asked.Remaining+c.Requested-c.Actual); *c.Remaining < settled || *c.Remaining > settled+60 {
				t.Errorf("%d points remain after %d were settled by %d, with %d before", *c.Remaining, c.Requested, c.Actual, asked.Remaining)
			}

			refused := send(t, vars{"query": dear}, nil)
			if len(refused.Errors) != 1 || refused.Errors[0].Extensions.Code != "QUERY_TOO_COSTLY" || string(refused.Data) != "null" && refused.Data != nil {
				t.Fatalf("a dear query: %+v", refused)
			}
			c = refused.Errors[0].Extensions.Cost
			if c == nil || c.Requested < 30_000 || c.Actual != 0 || c.Remaining == nil {
				t.Errorf("a refused query has the charges %+v", c)
			}
			if whole := refused.cost(name); whole == nil || whole.Requested != c.Requested {
				t.Errorf("extensions.cost of the answer is %+v", whole)
			}
		})
	}
}

// Whatever an operation is refused for, its answer says what it has cost and what is left.
func TestCostOfRefusals(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
	for name, send := range transports(s) {
		t.Run(name, func(t *testing.T) {
			for _, refused := range []vars{
				{"query": `{nope}`},
				{"query": `{`},
				{"query": `{cases(first: "x") {totalCount}}`},
				{"query": `{case(number: 4294967296) {id}}`},
				{"query": `query A {viewer {user {id}}} query B {viewer {user {id}}}`},
				{"query": `{viewer {user {id}}}`, "extensions": vars{"persistedQuery": vars{"version": 2, "sha256Hash": "x"}}},
			} {
				a := send(t, refused, nil)
				if c := a.cost(name); len(a.Errors) == 0 || c == nil || c.Requested != 0 || c.Actual != 0 || c.Remaining == nil || c.Limit != config.RateLeast || c.RestoreRate != 1 {
					t.Errorf("%v has the charges %+v, and the errors %+v", refused, c, a.Errors)
				}
			}
		})
	}
	for query, code := range map[string]string{`{users(first: 1) {nodes {id}}}`: "FORBIDDEN", `{nope}`: "GRAPHQL_VALIDATION_FAILED"} {
		if a := s.Do(model.Intake, query, nil); a.Code() != code || !strings.Contains(a.Body, `"extensions":{"cost":{"requested":0,"actual":0,"remaining":`) {
			t.Error(a.Body)
		}
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
	const query = `{cases(first: 50) {totalCount nodes {id}}}`
	const mutation = `mutation {submitResponse(input: {score: 3, customer: {firstName: "Ana"}}) {created}}`
	const subscription = `subscription {caseEvents {node {type}}}`
	byHeader := http.Header{"Closeloop-Dry-Run": {"true"}}
	byExtension := vars{"cost": vars{"dryRun": true}}
	for name, send := range transports(s) {
		t.Run(name, func(t *testing.T) {
			want := send(t, vars{"query": query}, nil).Extensions.Cost.Requested
			before := s.OK(model.Admin, rateLimit, nil).Number("viewer.rateLimit.remaining")
			operations := []string{query}
			if name != "GET" { // it is for queries
				operations = append(operations, subscription, mutation)
			}
			for _, operation := range operations {
				for _, a := range []answer{
					send(t, vars{"query": operation}, byHeader),
					send(t, vars{"query": operation, "extensions": byExtension}, nil),
				} {
					c := a.Extensions.Cost
					if len(a.Errors) > 0 || string(a.Data) != "null" && a.Data != nil || c == nil || c.Actual != 0 || c.Remaining == nil || c.Requested < 1 || operation == query && c.Requested != want {
						t.Errorf("a dry run of %s: %s, %+v, %+v, want the price %d", operation, a.Data, a.Errors, c, want)
					}
				}
			}
			if n := s.Count("responses"); n != 0 {
				t.Errorf("dry runs left %d responses", n)
			}
			after := s.OK(model.Admin, rateLimit, nil)
			if spent := before - after.Number("viewer.rateLimit.remaining"); spent > after.Number("viewer.rateLimit.cost") {
				t.Errorf("dry runs cost %d points", spent)
			}

			for what, a := range map[string]answer{
				"a header of another value":     send(t, vars{"query": query}, http.Header{"Closeloop-Dry-Run": {"1"}}),
				"an extension of another value": send(t, vars{"query": query, "extensions": vars{"cost": vars{"dryRun": "true"}}}, nil),
				"an extension that is a text":   send(t, vars{"query": query, "extensions": vars{"cost": "dry"}}, nil),
				"an empty header":               send(t, vars{"query": query}, http.Header{"Closeloop-Dry-Run": {""}}),
				"another case":                  send(t, vars{"query": query, "extensions": vars{"cost": vars{"dryrun": true}}}, nil),
				"another entry beside it":       send(t, vars{"query": query, "extensions": vars{"cost": vars{"dryRun": false, "dry": true}}}, nil),
				"null":                          send(t, vars{"query": query, "extensions": vars{"cost": vars{"dryRun": nil}}}, nil),
				"null for the object":           send(t, vars{"query": query, "extensions": vars{"cost": nil}}, nil),
				"nothing":                       send(t, vars{"query": query, "extensions": vars{"cost": vars{}}}, nil),
			} {
				if c := a.cost(name); c == nil || c.Requested != 0 || c.Actual != 0 || c.Remaining == nil || c.Limit != config.RateLeast || c.RestoreRate != 1 {
					t.Errorf("%s has the charges %+v", what, c)
				}
				if len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "BAD_USER_INPUT" || a.Data != nil && string(a.Data) != "null" {
					t.Errorf("%s: %+v", what, a)
				}
			}
			if a := send(t, vars{"query": query, "extensions": vars{"cost": vars{"dryRun": false}}}, http.Header{"Closeloop-Dry-Run": {"false"}}); len(a.Errors) > 0 || string(a.Data) == "null" {
				t.Errorf("no dry run: %+v", a)
			}
		})
	}

	t.Run("is free of charge with an empty bucket, and says what is refused", func(t *testing.T) {
		post := transports(s)["POST"]
		for _, dear := range []string{`{customers(first: 100) {nodes {cases(first: 100) {nodes {notes(first: 100) {nodes {id}}}}}}}`, `{nope}`} {
			if a := post(t, vars{"query": dear}, byHeader); len(a.Errors) == 0 || a.Data != nil {
				t.Errorf("a dry run of %s: %+v", dear, a)
			}
		}
		take(t, s, model.Admin, 1_000_000)
		if a := post(t, vars{"query": query}, nil); len(a.Errors) != 1 || a.Errors[0].Extensions.Code != "RATE_LIMITED" {
			t.Fatalf("an empty bucket: %+v", a)
		}
		if a := post(t, vars{"query": query}, byHeader); len(a.Errors) > 0 || a.Extensions.Cost == nil || *a.Extensions.Cost.Remaining >= 0 {
			t.Errorf("a dry run with a debt: %+v", a)
		}
	})
}

// take takes points from the bucket of the role's token; there may be a debt of a minute at most.
func take(t *testing.T, s *setup.Server, role model.Role, points int) {
	t.Helper()
	var id model.ApiTokenID
	if err := s.App.DB.Gorm.Raw("SELECT id FROM api_tokens WHERE hash = ?", auth.Hash(s.Tokens[role])).Scan(&id).Error; err != nil {
		t.Fatal(err)
	}
	s.App.Rate.Settle(id, points)
}

func TestSettlement(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Rate: [2]config.Number{config.RateLeast, 1}})
	s.AddRule(nil)
	s.Submit(nil)
	charges := func(role model.Role, query string) (remaining int, c paid) {
		t.Helper()
		a := s.OK(role, query, nil)
		var decoded answer
		if err := json.Unmarshal([]byte(a.Body), &decoded); err != nil || decoded.Extensions.Cost == nil {
			t.Fatalf("%v: %s", err, a.Body)
		}
		return *decoded.Extensions.Cost.Remaining, *decoded.Extensions.Cost
	}

	t.Run("gives back what a dear estimate did not use", func(t *testing.T) {
		t.Parallel()
		before, _ := charges(model.Agent, rateLimit)
		// There is one case, where there could be fifty thousand.
		left, c := charges(model.Agent, expensive)
		if c.Requested < 5000 || c.Actual >= c.Requested || left < before-c.Actual || left > before-c.Actual+60 {
			t.Errorf("charges %+v, and %d points remain of %d", c, left, before)
		}
	})

	t.Run("takes more where a statement is slower than its estimate", func(t *testing.T) {
		t.Parallel()
		_, err := s.App.DB.Pool.Exec(t.Context(), `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.5); RETURN NEW; END';
			CREATE TRIGGER slow BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION slow()`)
		if err != nil {
			t.Fatal(err)
		}
		one := s.OK(model.Manager, `{cases(first: 1) {nodes {id}}}`, nil).Text("cases.nodes.0.id")
		before, _ := charges(model.Manager, rateLimit)
		left, c := charges(model.Manager, `mutation {addNote(input: {caseId: "`+one+`", body: "Called."}) {note {id}}}`)
		if c.Requested > 1000 || c.Actual < 5000 || left > before-c.Actual+60 {
			t.Errorf("charges %+v, and %d points remain of %d", c, left, before)
		}
		// A write that fails is settled as well.
		a := s.Do(model.Manager, `mutation {addNote(input: {caseId: "`+one+`", body: ""}) {note {id}}}`, nil)
		var failed answer
		if err := json.Unmarshal([]byte(a.Body), &failed); err != nil || len(failed.Errors) == 0 || failed.Extensions.Cost == nil || *failed.Extensions.Cost.Remaining < left-failed.Extensions.Cost.Actual {
			t.Errorf("a write that fails: %v, %s", err, a.Body)
		}
	})

	t.Run("charges the statements of a watched figure to those who watch it", func(t *testing.T) {
		t.Parallel()
		before, _ := charges(model.Partner, rateLimit)
		c := s.SignIn(s.Tokens[model.Partner])
		c.Subscribe(`subscription {caseSummary {open overdue}}`)
		m, err := c.Read()
		if err != nil || m.Type != "next" {
			t.Fatalf("%+v, %v", m, err)
		}
		got := setup.Tree{V: m.Payload}.At("extensions.cost")
		if got.Number("requested") < 1 || got.Number("actual") < 1 || got.Number("limit") != config.RateLeast {
			t.Errorf("the charges of the first figures are %v", got.V)
		}
		left, own := charges(model.Partner, rateLimit)
		if left >= before+60 || left > before-got.Number("actual")+60 || own.Actual > 200 {
			t.Errorf("%d points remain of %d after figures of %d", left, before, got.Number("actual"))
		}
	})
}
