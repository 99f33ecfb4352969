package rate

import (
	"bufio"
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// paid are the charges of an answer.
type paid struct {
	Requested, Actual int
	Remaining         *int
	Limit             int
	RestoreRate       float64
}

// answer is an answer over any transport, as a client sees it.
type answer struct {
	Data   json.RawMessage
	Errors []struct {
		Extensions struct {
			Code       string
			RetryAfter int
			Cost       *paid
		}
	}
	Extensions struct{ Cost *paid }
}

// cost is where the transport has the charges of an answer without data.
func (a answer) cost(transport string) *paid {
	if !strings.HasPrefix(transport, "graphql-") { // no sub-protocol of WebSocket, whose errors have room for no more
		return a.Extensions.Cost
	}
	if len(a.Errors) == 0 {
		return nil
	}
	return a.Errors[0].Extensions.Cost
}

// transports send one operation of the role and return its first answer; header is that of the request or the upgrade.
func transports(s *setup.Server) map[string]func(t *testing.T, operation vars, header http.Header) answer {
	call := func(t *testing.T, method, address string, body []byte, header http.Header) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, address, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Authorization", "Bearer "+s.Tokens[model.Admin])
		for name := range header {
			request.Header.Set(name, header.Get(name))
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	encode := func(v any) []byte {
		text, err := json.Marshal(v)
		if err != nil {
			panic(err)
		}
		return text
	}
	decode := func(t *testing.T, text []byte) (a answer) {
		t.Helper()
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		return a
	}
	body := func(t *testing.T, response *http.Response) answer {
		t.Helper()
		var text bytes.Buffer
		if _, err := text.ReadFrom(response.Body); err != nil {
			t.Fatal(err)
		}
		return decode(t, text.Bytes())
	}
	socket := func(protocol, begin, data string) func(*testing.T, vars, http.Header) answer {
		return func(t *testing.T, operation vars, header http.Header) answer {
			t.Helper()
			dialer := websocket.Dialer{Subprotocols: []string{protocol}}
			conn, _, err := dialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", header)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for _, m := range []vars{{"type": "connection_init", "payload": vars{"token": s.Tokens[model.Admin]}}, {"id": "1", "type": begin, "payload": operation}} {
				if err := conn.WriteJSON(m); err != nil {
					t.Fatal(err)
				}
			}
			for {
				var m struct {
					Type    string
					Payload json.RawMessage
				}
				if err := conn.ReadJSON(&m); err != nil {
					t.Fatal(err)
				}
				switch {
				case m.Type == data:
					return decode(t, m.Payload)
				case m.Type == "error" && m.Payload[0] == '{': // the older protocol has an object with the errors
					return decode(t, m.Payload)
				case m.Type == "error":
					return decode(t, encode(vars{"errors": m.Payload}))
				}
			}
		}
	}
	return map[string]func(*testing.T, vars, http.Header) answer{
		"POST": func(t *testing.T, operation vars, header http.Header) answer {
			t.Helper()
			return body(t, call(t, http.MethodPost, s.URL+"/graphql", encode(operation), header))
		},
		"GET": func(t *testing.T, operation vars, header http.Header) answer {
			t.Helper()
			values := url.Values{"query": {operation["query"].(string)}}
			if extensions, ok := operation["extensions"]; ok {
				values.Set("extensions", string(encode(extensions)))
			}
			return body(t, call(t, http.MethodGet, s.URL+"/graphql?"+values.Encode(), nil, header))
		},
		"multipart": func(t *testing.T, operation vars, header http.Header) answer {
			t.Helper()
			var form bytes.Buffer
			w := multipart.NewWriter(&form)
			_ = w.WriteField("operations", string(encode(operation)))
			_ = w.WriteField("map", "{}")
			_ = w.Close()
			header = header.Clone()
			if header == nil {
				header = http.Header{}
			}
			header.Set("Content-Type", w.FormDataContentType())
			return body(t, call(t, http.MethodPost, s.URL+"/graphql", form.Bytes(), header))
		},
		"server-sent events": func(t *testing.T, operation vars, header http.Header) answer {
			t.Helper()
			header = header.Clone()
			if header == nil {
				header = http.Header{}
			}
			header.Set("Accept", "text/event-stream")
			lines := bufio.NewScanner(call(t, http.MethodPost, s.URL+"/graphql", encode(operation), header).Body)
			for lines.Scan() {
				if data, is := strings.CutPrefix(lines.Text(), "data: "); is {
					return decode(t, []byte(data))
				}
			}
			t.Fatalf("the stream ended: %v", lines.Err())
			return answer{}
		},
		"graphql-transport-ws": socket("graphql-transport-ws", "subscribe", "next"),
		"graphql-ws":           socket("graphql-ws", "start", "data"),
	}
}
