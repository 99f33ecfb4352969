package protocol

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

func TestSubscription(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	stream := func(t *testing.T, query string) string {
		t.Helper()
		r := post(operation(query))
		r.accept, r.authorization = "text/event-stream", "Bearer "+s.Tokens[model.Agent]
		return receive(t, s, r).body
	}

	t.Run("is refused without exactly one root field", func(t *testing.T) {
		for _, query := range []string{
			`subscription {caseEvents {cursor} b: caseEvents {cursor}}`,
			`subscription {caseEvents @skip(if: true) {cursor}}`,
			`subscription ($no: Boolean = false) {caseEvents @include(if: $no) {cursor}}`,
			`subscription {...f ...g} fragment f on Subscription {caseEvents {cursor}} fragment g on Subscription {b: caseEvents {cursor}}`,
			`subscription {__typename}`,
		} {
			c := s.SignIn(s.Tokens[model.Agent])
			c.Subscribe(query)
			if code := c.Refused(); code != "GRAPHQL_VALIDATION_FAILED" {
				t.Errorf("%s on a socket: code %s", query, code)
			}
			c.Close()
			if body := stream(t, query); !strings.Contains(body, `"code":"GRAPHQL_VALIDATION_FAILED"`) {
				t.Errorf("%s as a stream: %s", query, body)
			}
		}
	})

	t.Run("begins with one that is asked for twice, or whose other is skipped", func(t *testing.T) {
		_, on := s.Submit(vars{"score": 3, "customer": vars{"email": "kim@x.example"}})
		after := s.Cursor()
		s.AddNote(on, "Called.")
		for _, query := range []string{
			`subscription {caseEvents(after: %[1]q) {cursor} caseEvents(after: %[1]q) {node {type}}}`,
			`subscription {caseEvents(after: %[1]q) {cursor node {type}} b: caseEvents @skip(if: true) {cursor}}`,
		} {
			c := s.SignIn(s.Tokens[model.Agent])
			c.Subscribe(fmt.Sprintf(query, after))
			if e := c.Next(); e.Text("type") != "NOTE_ADDED" {
				t.Errorf("%s: %v", query, e.V)
			}
			c.Close()
		}
	})

	t.Run("names its root field in the path of an error", func(t *testing.T) {
		_, on := s.Submit(vars{"score": 3, "customer": vars{"email": "kim@x.example"}})
		after := s.Cursor()
		s.AddNote(on, "Called.")
		c := s.SignIn(s.Tokens[model.Partner])
		c.Subscribe(fmt.Sprintf(`subscription {e: caseEvents(after: %q) {node {actor {scope {ownCasesOnly}}}}}`, after))
		m, err := c.Read()
		if err != nil || m.Type != "next" {
			t.Fatalf("no event: %+v, %v", m, err)
		}
		e := setup.Tree{V: m.Payload}
		if path := fmt.Sprint(e.At("errors.0.path").V); path != "[e node actor scope]" {
			t.Errorf("path %s of %v", path, m.Payload)
		}
	})
}

// A broken frame is closed with the code that docs/errors.md has for it.
func TestBrokenFrames(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for name, frame := range map[string]string{"an unmasked frame": "\x81\x02{}", "an unknown opcode": "\x83\x80\x00\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dialer := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
			conn, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", nil)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn.NetConn(), frame); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(setup.Patience))
			if _, _, err := conn.ReadMessage(); !websocket.IsCloseError(err, 1002) {
				t.Errorf("got %v, want 1002", err)
			}
		})
	}
}
