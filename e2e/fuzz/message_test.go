package fuzz

import (
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// FuzzMessage sends any messages on a socket, one a line; $TOKEN in them is a manager's token. The server must go on to
// answer, or close the socket with a code that does not blame itself.
func FuzzMessage(f *testing.F) {
	w := newWorld(f)
	const (
		sign  = `{"type": "connection_init", "payload": {"token": "$TOKEN"}}` + "\n"
		watch = `{"id": "1", "type": "subscribe", "payload": {"query": "subscription {caseEvents {__typename}}"}}`
	)
	for _, seed := range []string{
		sign + watch, watch, sign + sign, sign + watch + "\n" + watch, sign + watch + "\n" + `{"id": "1", "type": "complete"}` + "\n" + watch,
		sign + `{"id": "2", "type": "subscribe", "payload": {"query": "{cases {nodes {id}}}"}}`,
		sign + `{"id": "2", "type": "subscribe", "payload": {"query": "query ($f: CaseFilter) {cases(filter: $f) {totalCount}}", "variables": {"f": {"or": [{"number": {"eq": 1}}]}}}}`,
		sign + `{"id": "3", "type": "subscribe", "payload": {"query": "subscription ($a: String) {caseEvents(after: $a) {__typename}}", "variables": {"a": "x"}}}`,
		sign + `{"id": "4", "type": "subscribe", "payload": {"query": "subscription {caseSummary {total}}", "operationName": "x"}}`,
		sign + `{"id": "5", "type": "subscribe", "payload": {"query": "subscription {importProgress(id: \"x\") {id}}", "extensions": {"cost": {"dryRun": true}}}}`,
		sign + `{"id": "6", "type": "start", "payload": {"query": "subscription {caseEvents {__typename}}"}}` + "\n" + `{"id": "6", "type": "stop"}`,
		sign + `{"type": "ping", "payload": {"a": [1]}}` + "\n" + `{"type": "pong"}`,
		`{"type": "connection_init", "payload": {"Authorization": "Bearer $TOKEN"}}`, `{"type": "connection_init", "payload": null}`, `{"type": "connection_init", "payload": {"token": 5}}`,
		"null", "[]", "\xff", `{"type": null}`, strings.Repeat("[", 100_000), `{"id": "", "type": "complete"}`, `{"type": "connection_terminate"}`,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	// The codes of a close frame that blame the server.
	blame := []int{websocket.CloseInternalServerErr, 4500}
	f.Fuzz(func(t *testing.T, messages []byte, older bool) {
		protocol := "graphql-transport-ws"
		if older {
			protocol = "graphql-ws"
		}
		dialer := websocket.Dialer{Subprotocols: []string{protocol}, HandshakeTimeout: setup.Patience}
		conn, response, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(w.URL, "http")+"/graphql", http.Header{})
		if err != nil {
			t.Fatalf("connect: %v, %v", response, err)
		}
		defer conn.Close()
		text := strings.ReplaceAll(string(messages), "$TOKEN", w.Tokens[model.Manager])
		for line := range strings.SplitSeq(text, "\n") {
			// The server may have closed the socket at an earlier message.
			if conn.WriteMessage(websocket.TextMessage, []byte(line)) != nil {
				break
			}
		}
		// The server answers a ping at once, after it has read all messages. Operations may answer a little later.
		_ = conn.WriteMessage(websocket.TextMessage, []byte(`{"type": "ping"}`))
		patience := setup.Patience
		if older {
			patience = glance
		}
		if err := conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		heard := older // the older protocol has no ping
		for {
			_, answer, err := conn.ReadMessage()
			var end *websocket.CloseError
			var late net.Error
			switch {
			case errors.As(err, &end) && slices.Contains(blame, end.Code):
				t.Errorf("the socket ends with %d %s after %q", end.Code, end.Text, text)
			case errors.As(err, &late) && late.Timeout() && !heard:
				t.Errorf("the socket neither answers nor ends after %q", text)
			}
			if err != nil {
				break
			}
			if !json.Valid(answer) || blamesServer(string(answer)) {
				t.Errorf("%.2000s\nafter %q", answer, text)
			}
			if heard = heard || strings.Contains(string(answer), `"pong"`); heard {
				_ = conn.SetReadDeadline(time.Now().Add(glance / 2))
			}
		}
		w.check(t)
	})
}
