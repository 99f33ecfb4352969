package fuzz

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

// glance is how long the test reads an answer that need not end: an event stream, or one to a request whose own length
// is open.
const glance = 100 * time.Millisecond

// FuzzRequest sends any bytes as a request. The head is the request line and the header lines, without Host; $TOKEN in it
// is a manager's token. A head that says nothing about the body's length gets the right one.
func FuzzRequest(f *testing.F) {
	w := newWorld(f)
	for _, seed := range []struct{ head, body string }{
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: application/json", `{"query": "{cases {nodes {id}}}"}`},
		{"POST /graphql HTTP/1.1\nauthorization: bearer $TOKEN\nContent-Type: application/json; charset=UTF-8\nAccept: application/graphql-response+json", `{"query": "query ($n: Int!) {case(number: $n) {id}}", "variables": {"n": 1}, "operationName": null}`},
		{"POST /graphql HTTP/1.1\nContent-Type: application/json", `{"query": "{viewer {user {id}}}"}`},
		{"GET /graphql?query=%7Bviewer%7Buser%7Bid%7D%7D%7D HTTP/1.1\nAuthorization: Bearer $TOKEN", ""},
		{"GET /graphql?query=mutation&extensions=%7B&variables=null HTTP/1.0\nAuthorization: Bearer $TOKEN", ""},
		{"GET /graphql HTTP/1.1\nConnection: Upgrade\nUpgrade: websocket\nSec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: graphql-transport-ws", "\x81\x85\x00\x00\x00\x00hello"},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: application/json\nAccept: text/event-stream", `{"query": "subscription {caseEvents {__typename}}"}`},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n{\"query\": \"mutation ($f: Upload!) {importResponses(input: {file: $f, columns: {score: \\\"a\\\"}}) {import {id}}}\", \"variables\": {\"f\": null}}\r\n--b\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\": [\"variables.f\"]}\r\n--b\r\nContent-Disposition: form-data; name=\"0\"; filename=\"a.csv\"\r\n\r\na\n5\n\r\n--b--\r\n"},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"operations\"\r\n\r\n[{\"query\": \"{viewer {user {id}}}\"}]\r\n--b\r\nContent-Disposition: form-data; name=\"map\"\r\n\r\n{\"0\": [\"variables.files.7\", \"5\", \"\"]}\r\n--b\r\nContent-Disposition: form-data; name=\"0\"; filename=\"a\"\r\n\r\n\r\n--b--\r\n"},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: application/json\nTransfer-Encoding: chunked", "5\r\n{\"a\":\r\n0\r\n\r\n"},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: application/json\nContent-Length: 4", `null`},
		{"POST /graphql HTTP/1.1\nAuthorization: Bearer $TOKEN\nContent-Type: application/json", `{"query": "{__schema {types {fields {name}}}}", "extensions": {"persistedQuery": {"version": 1, "sha256Hash": "x"}}}`},
		{"OPTIONS /graphql HTTP/1.1\nOrigin: https://example.com\nAccess-Control-Request-Method: POST", ""},
		{"HEAD / HTTP/1.1", ""}, {"DELETE /healthz HTTP/1.1", ""}, {"GET /../../etc/passwd HTTP/1.1", ""}, {"\x16\x03\x01", "\x00"},
	} {
		f.Add(seed.head, []byte(seed.body))
	}
	address := strings.TrimPrefix(w.URL, "http://")
	f.Fuzz(func(t *testing.T, head string, body []byte) {
		head = strings.ReplaceAll(head, "$TOKEN", w.Tokens[model.Manager])
		lower := strings.ToLower(head)
		open := strings.Contains(lower, "\n\n") || strings.Contains(lower, "\r\n\r\n")
		for _, name := range []string{"content-length", "transfer-encoding", "expect", "upgrade", "event-stream", "connection"} {
			open = open || strings.Contains(lower, name)
		}
		text := strings.ReplaceAll(strings.ReplaceAll(head, "\r\n", "\n"), "\n", "\r\n") + "\r\nHost: closeloop\r\n"
		if !strings.Contains(lower, "content-length") && !strings.Contains(lower, "transfer-encoding") {
			text += fmt.Sprintf("Content-Length: %d\r\n", len(body))
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		patience := setup.Patience
		if open {
			patience = glance
		}
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			t.Fatal(err)
		}
		// The server may refuse the request and close the connection before it has read all of it.
		_, _ = conn.Write(append([]byte(text+"\r\n"), body...))
		method, _, _ := strings.Cut(head, " ")
		response, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
		if err != nil {
			// A reset may overtake the refusal of a body that the server has not read. An end without an answer is a panic.
			var late net.Error
			if !open && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &late) && late.Timeout()) {
				t.Errorf("no answer: %v\n%q", err, text)
			}
			w.check(t)
			return
		}
		answer, _ := io.ReadAll(response.Body) // a stream ends with the deadline
		_ = response.Body.Close()
		// net/http itself answers another version of HTTP and another encoding in this way.
		ofHTTP := response.StatusCode == http.StatusHTTPVersionNotSupported || response.StatusCode == http.StatusNotImplemented
		if response.StatusCode >= 500 && !ofHTTP || blamesServer(string(answer)) {
			t.Errorf("status %d: %.2000s\n%q\n%q", response.StatusCode, answer, text, body)
		}
		w.check(t)
	})
}
