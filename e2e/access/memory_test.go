package access

import (
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Two servers have the caller in memory. A change by one of them counts there at once, and on the other within a second.
func TestChangedAccessCountsOnEveryServerWithinASecond(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mutation string // of $user and $token
		after    string // the answer to a caller; empty: they are signed out
	}{
		"of a revoked token":  {`mutation ($token: ID!) {revokeApiToken(input: {tokenId: $token}) {token {id}}}`, ""},
		"of an inactive user": {`mutation ($user: ID!) {updateUser(input: {userId: $user, active: false}) {user {id}}}`, ""},
		"of a changed role":   {`mutation ($user: ID!) {updateUser(input: {userId: $user, role: STAKEHOLDER}) {user {id}}}`, `STAKEHOLDER`},
		"of a changed scope":  {`mutation ($user: ID!) {updateUser(input: {userId: $user, scope: {ownCasesOnly: true}}) {user {id}}}`, `"ownCasesOnly":true`},
		"of personal data":    {`mutation ($user: ID!) {updateUser(input: {userId: $user, personalData: false}) {user {id}}}`, `"personalData":false`},
		"of a rotated token":  {"rotate", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newThings(t)
			user := w.AddUser("clerk", vars{"role": "AGENT"})
			token := w.OK("clerk", `{viewer {token {id}}}`, nil).Text("viewer.token.id")
			other := w.Second(t)
			ask := func(s *setup.Server) string {
				a := s.Do("clerk", `{viewer {user {role personalData scope {ownCasesOnly}}}}`, nil)
				if a.Status == 401 {
					return ""
				}
				return string(a.Body)
			}
			before := ask(w.Server)
			if before == "" || ask(other) == "" || strings.Contains(before, c.after) && c.after != "" {
				t.Fatalf("before the change: %s", before)
			}
			if c.mutation == "rotate" {
				w.OK("clerk", `mutation {rotateToken(input: {}) {secret}}`, nil)
			} else {
				w.OK(model.Admin, c.mutation, map[bool]vars{true: {"token": token}, false: {"user": user}}[strings.Contains(c.mutation, "$token")])
			}
			time.Sleep(time.Second) // what the promise is about
			there, here := ask(other), ask(w.Server)
			if (there == "") != (c.after == "") || !strings.Contains(there, c.after) {
				t.Errorf("a second later, the other server answers %q", there)
			}
			if (here == "") != (c.after == "") || !strings.Contains(here, c.after) {
				t.Errorf("the server itself answers %q", here)
			}
		})
	}

	t.Run("and at once where it was made", func(t *testing.T) {
		t.Parallel()
		w := newThings(t)
		user := w.AddUser("clerk", vars{"role": "AGENT"})
		for i, role := range []string{"MANAGER", "AGENT", "PARTNER", "AGENT", "STAKEHOLDER"} {
			w.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {user {id}}}`, vars{"input": vars{"userId": user, "role": role}})
			if got := w.OK("clerk", `{viewer {user {role}}}`, nil).Text("viewer.user.role"); got != role {
				t.Errorf("right after change %d to %s, the role is %s", i, role, got)
			}
		}
		token := w.OK("clerk", `{viewer {token {id}}}`, nil).Text("viewer.token.id")
		w.OK(model.Admin, `mutation ($input: RevokeApiTokenInput!) {revokeApiToken(input: $input) {token {id}}}`, vars{"input": vars{"tokenId": token}})
		if a := w.Do("clerk", `{viewer {user {role}}}`, nil); a.Status != 401 {
			t.Errorf("right after the revocation: %s", a.Body)
		}
	})
}

// Not parallel, because it counts statements.
func TestKnownCallerCostsNoStatement(t *testing.T) {
	var counter pgtest.Counter
	w := newThings(t, setup.Options{Tracer: &counter, Still: true})
	number := w.OK(model.Agent, `{cases {nodes {number}}}`, nil).Number("cases.nodes.0.number")
	for query, statement := range map[string]string{
		`{viewer {user {role}}}`:                                    "",
		`query ($number: Int!) {case(number: $number) {id status}}`: `FROM cases`,
	} {
		v := vars{}
		if strings.Contains(query, "$number") {
			v["number"] = number
		}
		w.OK(model.Agent, query, v)
		counter.Reset()
		for range 50 {
			w.OK(model.Agent, query, v)
		}
		cases := 0
		for _, sent := range counter.Statements() {
			switch {
			case statement != "" && strings.Contains(sent, statement):
				cases++
			case sent != "SELECT revision FROM configuration": // twice a second, for all
				t.Errorf("%s costs %s", query, sent)
			}
		}
		if want := map[bool]int{true: 50}[statement != ""]; cases != want {
			t.Errorf("%s: %d statements for 50 requests", query, cases)
		}
	}
}
