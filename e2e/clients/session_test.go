package main

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

func TestAPlaceThatIsNotOfThisFeedIsAFeedReset(t *testing.T) {
	t.Parallel()
	s, other := newServer(t), newServer(t)
	for _, one := range []*testServer{s, other} {
		one.addRule(nil)
		one.submitted(nil)
	}
	known := s.feed()[0].text("cursor")
	raw, err := base64.RawURLEncoding.DecodeString(known)
	nonce, _, ok := strings.Cut(string(raw), ":")
	if err != nil || !ok {
		t.Fatalf("a cursor is %q", raw)
	}
	c := s.signedIn(s.tokens[model.Partner])
	for cursor, want := range map[string]string{
		other.feed()[0].text("cursor"):                                   "FEED_RESET",
		base64.RawURLEncoding.EncodeToString([]byte(nonce + ":1000000")): "FEED_RESET", // not reached yet: a backup was restored
		"elsewhere": "BAD_USER_INPUT",
	} {
		c.subscribe(`subscription {caseEvents(after: "` + cursor + `") {type}}`)
		if code := c.refused(); code != want {
			t.Errorf("over a socket, the place %s is %q, not %s", cursor, code, want)
		}
		if a := s.gql(model.Partner, `query ($after: String) {caseEvents(after: $after) {nodes {type}}}`, vars{"after": cursor}); a.code() != want || a.errors[0].argument() != "after" {
			t.Errorf("in a list, the place %s is %s", cursor, a.body)
		}
	}
	// The socket lives on, and so does a good place.
	s.submitted(nil)
	c.subscribe(`subscription {caseEvents(after: "` + known + `") {type}}`)
	if e := c.next(); e.text("type") != "OPENED" {
		t.Errorf("after the errors: %v", e.v)
	}
}

func TestATokenIsTakenFromTheHeaderOrFromTheFirstMessage(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	good := s.tokens[model.Partner]
	header := http.Header{"Authorization": {"Bearer " + good}}
	for what, c := range map[string]*socket{
		"in the header":                           s.connect(header, nil),
		"as a token in the first message":         s.connect(nil, vars{"token": good}),
		"as a header in the first message":        s.connect(nil, vars{"Authorization": "Bearer " + good}),
		"in the first message, before the header": s.connect(http.Header{"Authorization": {"Bearer wrong"}}, vars{"authorization": "bearer " + good}),
	} {
		if m, err := c.read(); err != nil || m.Type != "connection_ack" {
			t.Errorf("%s: %+v, %v", what, m, err)
		}
	}
	for what, c := range map[string]*socket{
		"none":                         s.connect(nil, vars{}),
		"a wrong one in the header":    s.connect(http.Header{"Authorization": {"Bearer wrong"}}, nil),
		"a wrong one in the message":   s.connect(nil, vars{"token": "closeloop_wrong"}),
		"a wrong one in spite of good": s.connect(header, vars{"token": "closeloop_wrong"}),
		"one that is no text":          s.connect(nil, vars{"token": 7}),
	} {
		if code := c.closed(); code != 4403 {
			t.Errorf("%s: the socket ends with %d, not 4403", what, code)
		}
	}
}

// soon is how fast a socket must notice that its session is over; the program looks once a second.
const soon = 5 * time.Second

func TestASocketEndsWithItsSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	s.submitted(nil)
	for what, test := range map[string]struct {
		end   func(user, token string)
		after int // the status of the same token's next request
	}{
		"the token is revoked": {func(_, token string) {
			s.ok(model.Admin, `mutation ($input: RevokeApiTokenInput!) {revokeApiToken(input: $input) {token {revokedAt}}}`, vars{"input": vars{"id": token}})
		}, http.StatusUnauthorized},
		"the user is not active any more": {func(user, _ string) {
			s.ok(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {casesLeft}}`, vars{"input": vars{"id": user, "active": false}})
		}, http.StatusUnauthorized},
		"the user gets another role": {func(user, _ string) {
			s.ok(model.Admin, `mutation ($input: UpdateUserInput!) {updateUser(input: $input) {casesLeft}}`, vars{"input": vars{"id": user, "role": "INTAKE"}})
		}, http.StatusOK},
		"the token expires": {nil, http.StatusUnauthorized},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			s := s.as(t)
			user := s.ok(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`, vars{"input": newUser()}).text("createUser.user.id")
			input := vars{"userId": user, "name": "board"}
			expires := time.Now().Add(3 * time.Second)
			if test.end == nil {
				input["expiresAt"] = expires.Format(time.RFC3339Nano)
			}
			made := s.ok(model.Admin, `mutation ($input: CreateApiTokenInput!) {createApiToken(input: $input) {secret token {id}}}`, vars{"input": input})
			secret := made.text("createApiToken.secret")
			ends, stays := s.signedIn(secret), s.signedIn(s.tokens[model.Partner])
			for _, c := range []*socket{ends, stays} {
				c.subscribe(`subscription {caseEvents(after: "` + s.place() + `") {note {body}}}`)
			}
			began := time.Now()
			if test.end != nil {
				test.end(user, made.text("createApiToken.token.id"))
			} else {
				began = expires
			}
			if code := ends.closed(); code != 4403 {
				t.Errorf("the socket ends with %d, not 4403", code)
			}
			if took := time.Since(began); took > soon || took < 0 {
				t.Errorf("the socket ends %v after the session", took)
			}
			if a := s.post(secret, []byte(`{"query": "{cases {nodes {id}}}"}`)); a.status != test.after || a.code() == "" {
				t.Errorf("the next request gets status %d: %s", a.status, a.body)
			}
			// Others are not disturbed.
			stays.send(vars{"type": "ping"})
			if m, err := stays.read(); err != nil || m.Type != "pong" {
				t.Errorf("another's socket says %+v, %v", m, err)
			}
		})
	}
}
