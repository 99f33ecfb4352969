package sharing

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

const (
	look = "SELECT pg_current_snapshot()::text WHERE NOT pg_is_in_recovery()"
	list = `query List($first: Int!) {cases(first: $first) {nodes {number customer {displayName} assignee {name}} totalCount}}`
)

var five = vars{"first": 5}

// counted is a server whose statements are counted, apart from those that find callers and look for changes.
type counted struct {
	*setup.Server
	pgtest.Counter
}

func newCounted(t *testing.T, share string) *counted {
	c := &counted{}
	c.Server = setup.NewServer(t, setup.Options{Tracer: &c.Counter, Still: true, HTTP: config.HTTP{ShareAnswers: share}})
	c.AddRule(nil)
	c.Submit(nil)
	return c
}

// reads returns the statements that a call sends.
func (c *counted) reads(call func()) (reads []string) {
	c.Reset()
	call()
	for _, statement := range c.Statements() {
		if statement != look && !strings.Contains(statement, "pg_notify") && !strings.Contains(statement, "FROM configuration") && !strings.Contains(statement, `"api_tokens"`) && !strings.HasPrefix(statement, `SELECT * FROM "users" WHERE id = $1`) {
			reads = append(reads, statement)
		}
	}
	return reads
}

// data is the part of an answer without its charges.
func data(body string) string {
	text, _, _ := strings.Cut(body, `,"extensions"`)
	return text
}

// Not parallel, because they count statements.
func TestEqualQueries(t *testing.T) {
	c := newCounted(t, "yes")
	ask := func(role model.Role, query string, v vars) func() { return func() { c.OK(role, query, v) } }
	// again wants a call to read nothing. What runs in the background, and PostgreSQL itself, commits too: then it reads, and is
	// made again.
	again := func(t *testing.T, what string, call func()) {
		t.Helper()
		var reads []string
		for range 50 {
			if reads = c.reads(call); len(reads) == 0 {
				return
			}
		}
		t.Errorf("%s reads %q", what, reads)
	}
	anew := func(t *testing.T, what string, call func()) {
		t.Helper()
		if reads := c.reads(call); len(reads) == 0 {
			t.Errorf("%s reads nothing", what)
		}
	}

	t.Run("read nothing while nothing changes", func(t *testing.T) {
		first := c.OK(model.Manager, list, five)
		var second *setup.Answer
		again(t, "the second", func() { second = c.OK(model.Manager, list, five) })
		if data(second.Body) != data(first.Body) || !strings.Contains(first.Body, `"totalCount":1`) {
			t.Errorf("%s, then %s", first.Body, second.Body)
		}
		if !strings.Contains(second.Body, `"actual":0,`) || strings.Count(second.Body, "extensions") != 1 || !strings.Contains(second.Body, `"extensions":{"cost":{"requested":`) {
			t.Errorf("the charges are %s", second.Body)
		}
		c.Submit(nil)
		anew(t, "one after a change", ask(model.Manager, list, five))
		if got := c.OK(model.Manager, list, five); got.Number("cases.totalCount") != 2 {
			t.Errorf("after a change: %s", got.Body)
		}
		again(t, "one after that", ask(model.Manager, list, five))
	})

	t.Run("are those of equal variables, operation and rights", func(t *testing.T) {
		c.OK(model.Manager, list, five)
		anew(t, "another variable", ask(model.Manager, list, vars{"first": 6}))
		anew(t, "another document", ask(model.Manager, list+" ", five))
		anew(t, "another role", ask(model.Agent, list, five))
		c.AddUser("colleague", vars{"role": "MANAGER"})
		c.AddUser("partner of NL", vars{"role": "PARTNER", "scope": vars{"customer": vars{"country": vars{"eq": "NL"}}}})
		again(t, "a colleague with the same rights", func() {
			c.Reset()
			c.OK(model.Manager, list, five)
			c.Reset()
			c.OK("colleague", list, five)
		})
		c.OK(model.Partner, list, five)
		if got := c.OK("partner of NL", list, five); got.Number("cases.totalCount") != 0 {
			t.Errorf("a partner with a scope gets %s", got.Body)
		}
	})

	t.Run("are the caller's own where they ask for what is the caller's", func(t *testing.T) {
		const mine = `query ($f: CaseFilter) {cases(filter: $f) {totalCount}}`
		filter := vars{"f": vars{"mine": true}}
		c.OK(model.Manager, mine, filter)
		again(t, "the caller's second", ask(model.Manager, mine, filter))
		anew(t, "a colleague's", ask("colleague", mine, filter))
		for _, role := range []model.Role{model.Manager, "colleague"} {
			for range 2 {
				if got := c.OK(role, `{viewer {user {id}}}`, nil).Text("viewer.user.id"); got != c.Users[role] {
					t.Errorf("%s is %s, not %s", role, got, c.Users[role])
				}
			}
		}
	})

	t.Run("read again where the time counts", func(t *testing.T) {
		for _, query := range []string{`{cases {nodes {overdue}}}`, `{cases {nodes {timeSinceOpen}}}`, `{cases(filter: {openedAt: {withinLast: "P1D"}}) {totalCount}}`, `{followUpReport {overdueNow}}`} {
			c.OK(model.Manager, query, nil)
			anew(t, query, ask(model.Manager, query, nil))
		}
	})

	t.Run("fail again if they have failed", func(t *testing.T) {
		for range 2 {
			if got := c.Do(model.Manager, `{cases(after: "x") {totalCount}}`, nil); got.Code() != "BAD_USER_INPUT" {
				t.Errorf("got %s", got.Body)
			}
		}
	})

	t.Run("have one audit entry each if they export", func(t *testing.T) {
		customer := c.OK(model.Manager, `{customers(first: 1) {nodes {id}}}`, nil).Text("customers.nodes.0.id")
		for range 3 {
			c.OK(model.Admin, `query ($id: ID!) {exportCustomer(id: $id)}`, vars{"id": customer})
		}
		got := c.OK(model.Admin, `{auditEvents(filter: {action: [CUSTOMER_EXPORTED]}) {totalCount}}`, nil)
		if n := got.Number("auditEvents.totalCount"); n != 3 {
			t.Errorf("%d exports are in the audit", n)
		}
	})

	t.Run("run once if they wait together", func(t *testing.T) {
		c.Submit(nil)
		alone := len(c.reads(ask(model.Manager, list, vars{"first": 7})))
		together := func(first int) []string {
			return c.reads(func() {
				var all sync.WaitGroup
				for range 32 {
					all.Go(func() {
						if got := c.Do(model.Manager, list, vars{"first": first}); got.Number("cases.totalCount") != 3 {
							t.Errorf("got %s", got.Body)
						}
					})
				}
				all.Wait()
			})
		}
		var reads []string
		for try := range 20 { // what commits in the background, as in again, makes some of them run anew
			if reads = together(10 + try); len(reads) <= 2*alone {
				return
			}
		}
		t.Errorf("32 callers read %d times, one %d: %q", len(reads), alone, reads)
	})

	t.Run("come once over a socket", func(t *testing.T) {
		socket := c.SignIn(c.Tokens[model.Manager])
		ask := func() {
			socket.Send(vars{"id": "1", "type": "subscribe", "payload": vars{"query": list, "variables": five}})
			for _, want := range []string{"next", "complete"} {
				if m, err := socket.Read(); err != nil || m.Type != want {
					t.Fatalf("%+v, %v, want %s", m, err, want)
				}
			}
		}
		ask()
		again(t, "the second", ask)
	})

	t.Run("are refused to a token that was revoked", func(t *testing.T) {
		c.AddUser("leaver", vars{"role": "MANAGER"})
		c.OK("leaver", list, five)
		c.OK("leaver", list, five)
		c.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{"userId": c.Users["leaver"], "active": false}})
		c.OK(model.Manager, list, five)
		if got := c.Do("leaver", list, five); got.Status != http.StatusUnauthorized {
			t.Errorf("got %d: %s", got.Status, got.Body)
		}
	})
}

func TestSharingSwitchedOff(t *testing.T) {
	c := newCounted(t, "no")
	for range 2 {
		if reads := c.reads(func() { c.OK(model.Manager, list, five) }); len(reads) == 0 {
			t.Error("a query reads nothing")
		}
	}
	for _, statement := range c.Statements() {
		if statement == look {
			t.Error("it looks for changes")
		}
	}
}

// A query by GET has an entity tag, which stays while the data does.
func TestEntityTag(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	dry := false
	get := func(query, tag string) (int, string, string) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/graphql?query="+url.QueryEscape(query), nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+s.Tokens[model.Manager])
		if tag != "" {
			request.Header.Set("If-None-Match", tag)
		}
		if dry {
			request.Header.Set("Closeloop-Dry-Run", "true")
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, response.Header.Get("ETag"), string(body)
	}
	const query = `{cases {totalCount}}`
	status, tag, body := get(query, "")
	if status != http.StatusOK || !strings.HasPrefix(tag, `W/"`) || !strings.Contains(body, `"totalCount":0`) {
		t.Fatalf("%d, %s, %s", status, tag, body)
	}
	for range 2 {
		if status, again, body := get(query, `"other", `+tag); status != http.StatusNotModified || again != tag || body != "" {
			t.Errorf("the same: %d, %s, %s", status, again, body)
		}
	}
	s.Submit(nil)
	if status, again, body := get(query, tag); status != http.StatusOK || again == tag || !strings.Contains(body, `"totalCount":1`) {
		t.Errorf("after a change: %d, %s, %s", status, again, body)
	}
	if status, tag, _ := get(`{case(number: "x") {id}}`, ""); tag != "" {
		t.Errorf("a refusal, %d, has the tag %s", status, tag)
	}
	dry = true
	if status, tag, body := get(query, "*"); tag != "" || status != http.StatusOK || !strings.Contains(body, `"requested"`) {
		t.Errorf("a dry run, %d, has the tag %s: %s", status, tag, body)
	}
}
