package protocol

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/persisted"
	"github.com/closeloop/closeloop/model"
)

func apq(hash string, version int) vars {
	return vars{"persistedQuery": vars{"version": version, "sha256Hash": hash}}
}

func body(t *testing.T, v vars) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// problem is the first error's message and code.
func problem(t *testing.T, text json.RawMessage) (message, code string) {
	t.Helper()
	var list []struct {
		Message    string
		Extensions struct{ Code string }
	}
	if len(text) > 0 {
		if err := json.Unmarshal(text, &list); err != nil {
			t.Fatal(err)
		}
	}
	if len(list) == 0 {
		return "", ""
	}
	return list[0].Message, list[0].Extensions.Code
}

func as(s *setup.Server, role model.Role, r request) request {
	r.authorization = "Bearer " + s.Tokens[role]
	return r
}

func TestAutomaticPersistedQueries(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	const text = `query Me { viewer { user { role } } }`
	hash := persisted.Hash(text)
	get := request{method: http.MethodGet, query: url.Values{"extensions": {body(t, apq(hash, 1))}, "operationName": {"Me"}}.Encode()}
	byHash, whole := post(body(t, vars{"extensions": apq(hash, 1)})), post(body(t, vars{"query": text, "extensions": apq(hash, 1)}))
	is := func(name string, a answer, status int, message, code string) {
		t.Helper()
		gotMessage, gotCode := problem(t, a.tree["errors"])
		if _, data := a.tree["data"]; a.status != status || gotMessage != message || gotCode != code || data != (message == "") {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}

	is("POST of an unknown hash", send(t, s, byHash), 200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
	is("GET of an unknown hash", send(t, s, get), 200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
	newer := get
	newer.accept = mediaGraph
	is("GET of an unknown hash, newer type", send(t, s, newer), 400, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
	is("a wrong hash", send(t, s, post(body(t, vars{"query": "{ __typename }", "extensions": apq(hash, 1)}))), 200,
		"extensions.persistedQuery.sha256Hash must be the SHA-256 of the query, in lower-case hexadecimal", "BAD_USER_INPUT")
	is("a wrong hash has stored nothing", send(t, s, byHash), 200, "PersistedQueryNotFound", "PERSISTED_QUERY_NOT_FOUND")
	is("another version", send(t, s, post(body(t, vars{"query": text, "extensions": apq(hash, 2)}))), 200, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
	is("a version that is a text", send(t, s, post(body(t, vars{"query": text, "extensions": vars{"persistedQuery": vars{"version": "1", "sha256Hash": hash}}}))), 200, "PersistedQueryNotSupported", "PERSISTED_QUERY_NOT_SUPPORTED")
	is("no hash", send(t, s, post(`{"extensions": {"persistedQuery": {"version": 1}}}`)), 200,
		`extensions.persistedQuery must be an object such as {"version": 1, "sha256Hash": "…"}`, "BAD_USER_INPUT")

	is("the text with its hash", send(t, s, whole), 200, "", "")
	for name, r := range map[string]request{"POST": byHash, "GET": get} {
		for _, role := range []model.Role{model.Admin, model.Partner} {
			if a := send(t, s, as(s, role, r)); !strings.Contains(a.body, `"role":"`+string(role)+`"`) {
				t.Errorf("%s as %s: status %d: %s", name, role, a.status, a.body)
			}
		}
	}

	t.Run("are checked for each caller's role", func(t *testing.T) {
		t.Parallel()
		s := s.As(t)
		const closed = `{ users(first: 1) { nodes { id } } }`
		if a := send(t, s, post(body(t, vars{"query": closed, "extensions": apq(persisted.Hash(closed), 1)}))); a.tree["data"] == nil {
			t.Fatal(a.body)
		}
		a := send(t, s, as(s, model.Intake, post(body(t, vars{"extensions": apq(persisted.Hash(closed), 1)}))))
		if _, code := problem(t, a.tree["errors"]); code != "FORBIDDEN" {
			t.Error(a.body)
		}
		stranger := byHash
		stranger.authorization = "Bearer none"
		if a := send(t, s, stranger); a.status != http.StatusUnauthorized {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	})

	t.Run("work on sockets and streams", func(t *testing.T) {
		t.Parallel()
		s := s.As(t)
		const text = `subscription { caseEvents { node { type } } }`
		c := s.SignIn(s.Tokens[model.Agent])
		for i, payload := range []vars{{"extensions": apq(persisted.Hash(text), 1)}, {"query": text, "extensions": apq(persisted.Hash(text), 1)}, {"extensions": apq(persisted.Hash(text), 1)}} {
			c.Send(vars{"id": string(rune('a' + i)), "type": "subscribe", "payload": payload})
			for i == 1 && strings.Contains(send(t, s, post(body(t, vars{"extensions": apq(persisted.Hash(text), 1)}))).body, "PersistedQueryNotFound") {
				// operations of a socket run at the same time: the next one must find the text of this one
			}
			if i > 0 {
				continue
			}
			if m, err := c.Read(); err != nil || m.Type != "error" || !strings.Contains(body(t, vars{"": m.Payload}), "PersistedQueryNotFound") {
				t.Fatalf("%+v, %v", m, err)
			}
		}
		c.Send(vars{"id": "q", "type": "subscribe", "payload": vars{"extensions": apq(hash, 1)}})
		if m, err := c.Read(); err != nil || m.ID != "q" || m.Type != "next" {
			t.Fatalf("%+v, %v", m, err)
		}
		if m, err := c.Read(); err != nil || m.Type != "complete" {
			t.Fatalf("%+v, %v", m, err)
		}
		response := s.OK(model.Admin, `mutation ($input: SubmitResponseInput!) { submitResponse(input: $input) { response { id } } }`, vars{"input": vars{"score": 1, "customer": vars{"email": "kim@example.com"}}}).Text("submitResponse.response.id")
		s.OK(model.Admin, `mutation ($input: OpenCaseInput!) { openCase(input: $input) { case { id } } }`, vars{"input": vars{"subject": vars{"responseId": response}, "note": "Why."}})
		got := map[string]bool{}
		for len(got) < 2 {
			m, err := c.Read()
			if err != nil || m.Type != "next" {
				t.Fatalf("%+v, %v", m, err)
			}
			got[m.ID] = true
		}
		stream := byHash
		stream.accept = "text/event-stream"
		if text := receive(t, s, stream).body; !strings.Contains(text, `"role":"ADMIN"`) {
			t.Errorf("a stream got %s", text)
		}
	})
}

func TestRegisteredDocuments(t *testing.T) {
	t.Parallel()
	const text, subscription = `query Me { viewer { user { role } } }`, `subscription { caseEvents { node { type } } }`
	s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{RegisteredOnly: "PARTNER"}})
	if _, err := s.App.Registered.Add(t.Context(), auth.System("persisted add"), []persisted.Document{{ID: "me", Body: text}, {ID: "feed", Body: subscription}, {ID: "change", Body: mutation}}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]request{
		"documentId":            post(body(t, vars{"documentId": "me"})),
		"id":                    post(body(t, vars{"id": "me", "query": nil, "variables": vars{}})),
		"GET":                   {method: http.MethodGet, query: url.Values{"documentId": {"me"}}.Encode()},
		"a hash":                post(body(t, vars{"extensions": apq(persisted.Hash(text), 1)})),
		"an id in place of it":  post(body(t, vars{"extensions": apq("me", 1)})),
		"the text itself":       post(body(t, vars{"query": text})),
		"the text with the id":  post(body(t, vars{"query": text, "documentId": "me"})),
		"the text and its hash": post(body(t, vars{"query": text, "extensions": apq(persisted.Hash(text), 1)})),
	} {
		for _, role := range []model.Role{model.Partner, model.Agent} {
			if a := send(t, s, as(s, role, r)); !strings.Contains(a.body, `"role":"`+string(role)+`"`) {
				t.Errorf("%s as %s: status %d: %s", name, role, a.status, a.body)
			}
		}
	}

	const other = `{ viewer { user { id } } }`
	for name, test := range map[string]struct {
		role model.Role
		body vars
		code string
	}{
		"an unknown id":                            {model.Agent, vars{"documentId": "none"}, "PERSISTED_QUERY_NOT_FOUND"},
		"another text with the id":                 {model.Agent, vars{"documentId": "me", "query": other}, "BAD_USER_INPUT"},
		"an id that is no text":                    {model.Agent, vars{"documentId": 7}, "BAD_USER_INPUT"},
		"an unknown id, of a bound role":           {model.Partner, vars{"documentId": "none"}, "DOCUMENT_NOT_REGISTERED"},
		"another text, of a bound role":            {model.Partner, vars{"query": other}, "DOCUMENT_NOT_REGISTERED"},
		"another text and hash, of a bound role":   {model.Partner, vars{"query": other, "extensions": apq(persisted.Hash(other), 1)}, "DOCUMENT_NOT_REGISTERED"},
		"an unknown hash, of a bound role":         {model.Partner, vars{"extensions": apq(persisted.Hash(other), 1)}, "DOCUMENT_NOT_REGISTERED"},
		"introspection by a bound role":            {model.Partner, vars{"query": "{ __schema { types { name } } }"}, "DOCUMENT_NOT_REGISTERED"},
		"another text with an id, of a bound role": {model.Partner, vars{"documentId": "me", "query": other}, "BAD_USER_INPUT"},
	} {
		a := send(t, s, as(s, test.role, post(body(t, test.body))))
		if _, code := problem(t, a.tree["errors"]); code != test.code || a.tree["data"] != nil {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
	}

	for name, values := range map[string]url.Values{"the text": {"query": {mutation}}, "an id": {"documentId": {"change"}}} {
		for _, accept := range []string{"", "text/event-stream"} {
			a := send(t, s, as(s, model.Partner, request{method: http.MethodGet, accept: accept, query: values.Encode()}))
			if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != "POST" {
				t.Errorf("GET of a mutation by %s, Accept %q: status %d: %s", name, accept, a.status, a.body)
			}
		}
	}

	c := s.SignIn(s.Tokens[model.Partner])
	c.Send(vars{"id": "1", "type": "subscribe", "payload": vars{"query": other}})
	if m, err := c.Read(); err != nil || m.Type != "error" || !strings.Contains(body(t, vars{"": m.Payload}), "DOCUMENT_NOT_REGISTERED") {
		t.Errorf("a socket of a bound role: %+v, %v", m, err)
	}
	c.Send(vars{"id": "2", "type": "subscribe", "payload": vars{"documentId": "me"}})
	if m, err := c.Read(); err != nil || m.Type != "next" {
		t.Errorf("a socket with a registered document: %+v, %v", m, err)
	}
}

func TestPersistedQueriesSwitchedOff(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{PersistedQueries: "no"}})
	for _, v := range []vars{{"extensions": apq(persisted.Hash(query), 1)}, {"query": query, "extensions": apq(persisted.Hash(query), 1)}} {
		a := send(t, s, post(body(t, v)))
		if message, code := problem(t, a.tree["errors"]); message != "PersistedQueryNotSupported" || code != "PERSISTED_QUERY_NOT_SUPPORTED" {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
}
