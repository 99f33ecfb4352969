package rate

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// lockCases makes every statement that reads cases wait, until unlock is called.
func lockCases(t *testing.T, s *setup.Server) (unlock func()) {
	t.Helper()
	tx, err := s.App.DB.Lane(pg.Background).Pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), "LOCK TABLE cases IN ACCESS EXCLUSIVE MODE"); err != nil {
		t.Fatal(err)
	}
	return sync.OnceFunc(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) })
}

// awaitWaiting waits until as many statements wait for the locked table in PostgreSQL.
func awaitWaiting(t *testing.T, s *setup.Server, want int) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		var n int
		err := s.App.DB.Lane(pg.SignIn).Pool.QueryRow(t.Context(),
			"SELECT count(*) FROM pg_locks l JOIN pg_database d ON d.oid = l.database WHERE d.datname = current_database() AND NOT granted").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		if n == want {
			return
		}
		if time.Since(began) > setup.Patience {
			t.Fatalf("%d statements wait for a lock, want %d", n, want)
		}
	}
}

// cancellable sends an operation, and returns when it has been answered or ctx has ended.
func cancellable(ctx context.Context, s *setup.Server, role model.Role, query string) {
	body, _ := json.Marshal(vars{"query": query})
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.T.Error(err)
		return
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.Tokens[role])
	if response, err := http.DefaultClient.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
	}
}

func TestShares(t *testing.T) {
	t.Parallel()
	t.Run("keep a token that fills its own from others, and end with its client", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{List: time.Hour, Report: time.Hour, Wait: time.Hour}})
		s.Submit(nil)
		feed := s.Watch(model.Manager, "", "type")
		defer lockCases(t, s)()
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		var greedy sync.WaitGroup
		for range 10 {
			greedy.Go(func() {
				cancellable(ctx, s, model.Agent, `{a: cases {nodes {id}} b: cases {nodes {id}} c: caseSummary {total}}`)
			})
		}
		awaitWaiting(t, s, 3) // of four connections for requests two, and of two for reports one

		if n := len(s.OK(model.Manager, `{customers {nodes {id}}}`, nil).List("customers.nodes")); n != 1 {
			t.Errorf("another token finds %d customers", n)
		}
		s.OK(model.Manager, `{npsReport {responses}}`, nil)
		s.OK(model.Admin, `mutation ($input: UpdateSettingsInput!) {updateSettings(input: $input) {settings {currency}}}`, vars{"input": vars{"currency": "USD"}})
		if response, err := http.Get(s.URL + "/healthz"); err != nil || response.StatusCode != http.StatusOK {
			t.Errorf("the health check says %v, %v", response, err)
		}
		s.OK(model.Manager, `{caseEvents(first: 1) {edges {cursor}}}`, nil)
		awaitWaiting(t, s, 3)

		leave()
		greedy.Wait()
		awaitWaiting(t, s, 0)
		feed.Close()
	})

	t.Run("let a token run one heavy operation at a time, and of that one field", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{List: time.Hour, Wait: time.Hour}})
		defer lockCases(t, s)()
		ctx, leave := context.WithCancel(t.Context())
		var greedy sync.WaitGroup
		defer greedy.Wait()
		defer leave()
		const heavy, light = `{cases(first: 100) {nodes {notes(first: 50) {nodes {body}}}} more: cases {nodes {number}}}`, `{cases {nodes {id}}}`
		for range 5 {
			greedy.Go(func() { cancellable(ctx, s, model.Agent, heavy) })
		}
		awaitWaiting(t, s, 1)
		greedy.Go(func() { cancellable(ctx, s, model.Agent, light) })
		awaitWaiting(t, s, 2) // the share of four connections
		greedy.Go(func() { cancellable(ctx, s, model.Manager, heavy) })
		awaitWaiting(t, s, 3)
		greedy.Go(func() { cancellable(ctx, s, model.Manager, light) })
		awaitWaiting(t, s, 4)
	})

	t.Run("bound how long a heavy operation waits for its turn", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{List: time.Hour, Wait: 100 * time.Millisecond}})
		defer lockCases(t, s)()
		ctx, leave := context.WithCancel(t.Context())
		var greedy sync.WaitGroup
		defer greedy.Wait()
		defer leave()
		greedy.Go(func() {
			cancellable(ctx, s, model.Agent, `{cases(first: 100) {nodes {notes(first: 50) {nodes {body}}}}}`)
		})
		awaitWaiting(t, s, 1)
		a := s.Do(model.Agent, `{customers(first: 100) {nodes {cases(first: 60) {nodes {id}}}}}`, nil)
		if a.Code() != "UNAVAILABLE" || a.Errors[0].Extensions["retryAfter"] != 1.0 || bytes.Contains([]byte(a.Body), []byte(`"data"`)) {
			t.Errorf("%s", a.Body)
		}
	})

	t.Run("bound how long a statement waits for a connection", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{Share: 1, List: time.Hour, Wait: 100 * time.Millisecond}})
		defer lockCases(t, s)()
		ctx, leave := context.WithCancel(t.Context())
		var greedy sync.WaitGroup
		defer greedy.Wait()
		defer leave()
		greedy.Go(func() { cancellable(ctx, s, model.Agent, `{cases {nodes {id}}}`) })
		awaitWaiting(t, s, 1)
		a := s.Do(model.Agent, `{customers {nodes {id}}}`, nil)
		if a.Code() != "UNAVAILABLE" || a.Errors[0].Extensions["retryAfter"] != 1.0 {
			t.Errorf("%s", a.Body)
		}
	})

	t.Run("of one connection are enough for everything", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{Share: 1, Wait: time.Minute, List: time.Minute, Report: time.Minute, Write: time.Minute}})
		s.AddRule(nil)
		response, opened := s.Submit(nil)
		feed := s.Watch(model.Manager, "", "type case {number customer {displayName} history(first: 5) {nodes {id}}}")
		summary := s.WatchSummary(model.Manager, "{}")
		operations := []struct {
			query string
			v     vars
		}{
			{`{cases(first: 10) {totalCount feedCursor nodes {customer {displayName} response {score themes {name}} rules {name} notes(first: 5) {nodes {body author {name}}} history(first: 5) {nodes {id}}}}}`, nil},
			{`{a: followUpReport(groupBy: COUNTRY) {cases groups {label}} b: npsReport(groupBy: MONTH) {responses groups {label}} c: caseSummary {total} d: recoveryReport {closedCases}}`, nil},
			{`{caseEvents(first: 10) {edges {cursor} nodes {id case {number}}} rules {name} users {nodes {name}}}`, nil},
			{`query ($id: ID!) {node(id: $id) {... on Response {comment customer {cases {nodes {number}}}}}}`, vars{"id": response}},
			{`mutation ($input: AddNoteInput!) {addNote(input: $input) {note {body} case {history(first: 5) {nodes {id}}}}}`, vars{"input": vars{"caseId": opened, "body": "x"}}},
			{`mutation ($input: AssignCasesInput!) {assignCases(input: $input) {cases {id}}}`, vars{"input": vars{"cases": []vars{{"caseId": opened}}, "assigneeId": s.Users[model.Agent]}}},
			{`mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {response {id}}}}`, vars{"input": vars{"responses": []vars{{"score": 1, "customer": vars{"email": "a@example.com"}}, {"score": 9, "customer": vars{"email": "b@example.com"}}}}}},
		}
		var all sync.WaitGroup
		for i := range 3 {
			for _, o := range operations {
				all.Go(func() {
					if a := s.Do(model.Admin, o.query, o.v); len(a.Errors) > 0 || a.Status != http.StatusOK {
						t.Errorf("%d. %s: %s", i, o.query, a.Body)
					}
				})
			}
		}
		all.Wait()
		feed.Next()
		summary.NextSummary()
		s.OK(model.Admin, `mutation ($input: EraseCustomerInput!) {eraseCustomer(input: $input) {customer {id}}}`,
			vars{"input": vars{"customerId": s.OK(model.Manager, `query ($id: ID!) {node(id: $id) {... on Response {customer {id}}}}`, vars{"id": response}).Text("node.customer.id")}})
	})
}

func TestTimeLimits(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{Limits: &pg.Limits{List: 3 * time.Second, Report: 3 * time.Second, Write: 4 * time.Second}})
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	unlock := lockCases(t, s)
	defer unlock()
	var all sync.WaitGroup
	for what, o := range map[string]struct {
		query string
		v     vars
	}{
		"a list":        {`{cases {nodes {id}}}`, nil},
		"a nested list": {`{customers {nodes {cases {nodes {id}}}}}`, nil},
		"a report":      {`{followUpReport {cases}}`, nil},
		"a write":       {`mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": opened, "body": "x"}}},
	} {
		all.Go(func() {
			a := s.Do(model.Manager, o.query, o.v)
			if a.Status != http.StatusOK || a.Code() != "TIMEOUT" || inside.MatchString(a.Body) {
				t.Errorf("%s: status %d: %s", what, a.Status, a.Body)
			}
		})
	}
	c := s.SignIn(s.Tokens[model.Manager])
	c.Subscribe(`{cases {nodes {id}}}`)
	m, err := c.Read()
	if text, _ := json.Marshal(m.Payload); err != nil || !bytes.Contains(text, []byte("TIMEOUT")) {
		t.Errorf("over a socket: %s, %v", text, err)
	}
	all.Wait()
	awaitWaiting(t, s, 0)
	unlock()
	if n := s.Count("notes"); n != 0 {
		t.Errorf("%d notes are left of a write that was rolled back", n)
	}
	s.OK(model.Manager, `{cases {nodes {id}}}`, nil)
}
