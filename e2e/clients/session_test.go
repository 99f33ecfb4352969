package clients

import (
	"encoding/base64"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestForeignCursor(t *testing.T) {
	t.Parallel()
	s, other := setup.NewServer(t), setup.NewServer(t)
	for _, one := range []*setup.Server{s, other} {
		one.AddRule(nil)
		one.Submit(nil)
	}
	known := s.Events()[0].Text("cursor")
	raw, err := base64.RawURLEncoding.DecodeString(known)
	nonce, _, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		t.Fatalf("a cursor is %q", raw)
	}
	c := s.SignIn(s.Tokens[model.Partner])
	for cursor, want := range map[string]string{
		other.Events()[0].Text("cursor"):                                 "FEED_RESET",
		base64.RawURLEncoding.EncodeToString([]byte(nonce + ":1000000")): "FEED_RESET", // past the end, as after restoring a backup
		"elsewhere": "BAD_USER_INPUT",
	} {
		c.Subscribe(`subscription {caseEvents(after: "` + cursor + `") {node {type}}}`)
		if code := c.Refused(); code != want {
			t.Errorf("over a socket, the place %s is %q, not %s", cursor, code, want)
		}
		if a := s.Do(model.Partner, `query ($after: String) {caseEvents(after: $after) {nodes {type}}}`, vars{"after": cursor}); a.Code() != want || a.Errors[0].Argument() != "after" {
			t.Errorf("in a list, the place %s is %s", cursor, a.Body)
		}
	}
	// The socket stays open, and a good cursor works.
	s.Submit(nil)
	c.Subscribe(`subscription {caseEvents(after: "` + known + `") {node {type}}}`)
	if e := c.Next(); e.Text("type") != "OPENED" {
		t.Errorf("after the errors: %v", e.V)
	}
}

func TestTokenPlaces(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	good := s.Tokens[model.Partner]
	header := http.Header{"Authorization": {"Bearer " + good}}
	for what, c := range map[string]*setup.Socket{
		"in the header":                           s.Connect(header, nil),
		"as a token in the first message":         s.Connect(nil, vars{"token": good}),
		"as a header in the first message":        s.Connect(nil, vars{"Authorization": "Bearer " + good}),
		"in the first message, before the header": s.Connect(http.Header{"Authorization": {"Bearer wrong"}}, vars{"authorization": "bearer " + good}),
	} {
		if m, err := c.Read(); err != nil || m.Type != "connection_ack" {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
	for what, c := range map[string]*setup.Socket{
		"none":                         s.Connect(nil, vars{}),
		"a wrong one in the header":    s.Connect(http.Header{"Authorization": {"Bearer wrong"}}, nil),
		"a wrong one in the message":   s.Connect(nil, vars{"token": "closeloop_wrong"}),
		"a wrong one in spite of good": s.Connect(header, vars{"token": "closeloop_wrong"}),
		"one that is no text":          s.Connect(nil, vars{"token": 7}),
	} {
		if code := c.Closed(); code != 4403 {
			t.Errorf("%s: the socket ends with %d, not 4403", what, code)
		}
	}
}

// soon is within how many seconds of the server's clock a socket must end with its session. The program looks once a
// second.
const soon = 5

func TestSessionEnd(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	s.Submit(nil)
	for what, test := range map[string]struct {
		end   func(user, token string)
		after int // HTTP status of the next request with the same token
	}{
		"the token is revoked": {func(_, token string) {
			s.OK(model.Admin, `mutation ($input: RevokeApiTokenInput!) {revokeApiToken(input: $input) {token {revokedAt}}}`, vars{"input": vars{"tokenId": token}})
		}, http.StatusUnauthorized},
		"the user is not active any more": {func(user, _ string) {
			s.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {casesLeft}}`, vars{"input": vars{"userId": user, "active": false}})
		}, http.StatusUnauthorized},
		"the user gets another role": {func(user, _ string) {
			s.OK(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {casesLeft}}`, vars{"input": vars{"userId": user, "role": "INTAKE"}})
		}, http.StatusOK},
		"the token expires": {nil, http.StatusUnauthorized},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := s.As(t)
			began := time.Now()
			user := s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`, vars{"input": setup.UserInput()}).Text("createUser.user.id")
			after := s.Cursor()
			lifetime := 3*time.Second + 10*time.Since(began) // of the token that expires: the socket must open before that, however slow the machine
			open := func(token string) *setup.Socket {
				c := s.SignIn(token)
				c.Subscribe(`subscription {caseEvents(after: "` + after + `") {node {note {body}}}}`)
				return c
			}
			input := vars{"userId": user, "name": "board"}
			var expires time.Time
			if test.end == nil {
				expires = time.Now().Add(lifetime)
				input["expiresAt"] = expires.Format(time.RFC3339Nano)
			}
			made := s.OK(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret token {id}}}`, vars{"input": input})
			secret := made.Text("createApiToken.secret")
			ends, stays := open(secret), open(s.Tokens[model.Partner])
			within := soon
			if test.end != nil {
				test.end(user, made.Text("createApiToken.token.id"))
			} else {
				within += int(math.Ceil(time.Until(expires).Seconds()))
			}
			clock := s.StartClock()
			want := 4403
			if test.after == http.StatusOK {
				want = 4511
			}
			if code := ends.Closed(); code != want {
				t.Errorf("the socket ends with %d, not %d", code, want)
			}
			if took := clock.Seconds(); took > within {
				t.Errorf("the socket ends %d seconds later, not within %d", took, within)
			}
			if early := time.Until(expires); early > 0 {
				t.Errorf("the socket ends %v before its token expires", early)
			}
			if a := s.Post(secret, []byte(`{"query": "{cases {nodes {id}}}"}`)); a.Status != test.after || a.Code() == "" {
				t.Errorf("the next request gets status %d: %s", a.Status, a.Body)
			}
			// Other sockets stay open.
			stays.Send(vars{"type": "ping"})
			if m, err := stays.Read(); err != nil || m.Type != "pong" {
				t.Errorf("another's socket says %+v, %v", m, err)
			}
		})
	}
}
