package live_test

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/live"
)

// stream is an answer of server-sent events.
type stream struct {
	t      *testing.T
	answer *http.Response
	lines  *bufio.Reader
}

// request asks for a stream: by POST where there is a body, else by GET.
func (w *world) request(bearer, query, body string, header http.Header) *stream {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	w.t.Cleanup(cancel)
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.Replace(w.url, "ws", "http", 1)+"/?"+query, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("Authorization", "Bearer "+bearer)
	for name, values := range header {
		r.Header[name] = values
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = answer.Body.Close() })
	return &stream{w.t, answer, bufio.NewReader(answer.Body)}
}

// next is the next event with its lines, without comments; empty at the end.
func (s *stream) next() string {
	s.t.Helper()
	var b strings.Builder
	for {
		line, err := s.lines.ReadString('\n')
		switch {
		case err == io.EOF:
			return b.String()
		case err != nil:
			s.t.Fatal(err)
		case line == "\n" && b.Len() > 0:
			return b.String()
		case line != "\n" && !strings.HasPrefix(line, ":"):
			b.WriteString(line)
		}
	}
}

func (s *stream) expect(events ...string) {
	s.t.Helper()
	for _, want := range events {
		if got := s.next(); got != want {
			s.t.Fatalf("got %q, want %q", got, want)
		}
	}
}

const completed = "event: complete\ndata:\n"

func TestStream(t *testing.T) {
	t.Parallel()
	t.Run("pushes an operation's results and completes", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		s := w.request("ann", "", `{"query":"subscription($n:Int!){count(to:$n)}","variables":{"n":2}}`, nil)
		if kind := s.answer.Header.Get("Content-Type"); s.answer.StatusCode != http.StatusOK || kind != "text/event-stream" {
			t.Fatalf("status %d, %s", s.answer.StatusCode, kind)
		}
		s.expect("event: next\ndata: {\"data\":{\"count\":1}}\n", "event: next\ndata: {\"data\":{\"count\":2}}\n", completed, "")
		if code, _ := w.log.closed(t); code != 1000 {
			t.Errorf("ended with %d", code)
		}
		query := url.Values{"query": {`query($n:String){hello(name:$n)}`}, "variables": {`{"n":"Ann"}`}}
		w.request("ann", query.Encode(), "", nil).expect("event: next\ndata: {\"data\":{\"hello\":\"Ann\"}}\n", completed, "")
		w.request("ann", "", `{"query":"{nope}"}`, nil).expect("event: next\ndata: {\"errors\":[{\"message\":\"Cannot query field \\\"nope\\\" on type \\\"Query\\\".\","+
			"\"locations\":[{\"line\":1,\"column\":2}],\"extensions\":{\"code\":\"GRAPHQL_VALIDATION_FAILED\"}}]}\n", completed)
	})

	t.Run("refuses a mutation by GET", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		change := url.Values{"query": {`mutation{change}`}}.Encode()
		w.request("ann", change, "", nil).expect("event: next\ndata: {\"errors\":[{\"message\":\"GET does not allow mutations: send the mutation by POST\",\"extensions\":{\"code\":\"BAD_USER_INPUT\"}}]}\n", completed)
		if len(w.started) > 0 {
			t.Error("it was")
		}
		w.request("ann", "", `{"query":"mutation{change}"}`, nil).expect("event: next\ndata: {\"data\":{\"change\":1}}\n", completed)
	})

	t.Run("continues after its Last-Event-ID", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, nil)
		w.feed.publish("1", "2")
		const watch = `{"query":"subscription($after:String){feed(after:$after)}","variables":{"after":"p1"}}`
		first := w.request("ann", "", watch, nil)
		first.expect("id: p2\nevent: next\ndata: {\"data\":{\"feed\":\"2\"}}\n")
		w.feed.publish("3")
		first.expect("id: p3\nevent: next\ndata: {\"data\":{\"feed\":\"3\"}}\n")
		_ = first.answer.Body.Close()
		w.log.closed(t)
		w.feed.publish("4")
		again := w.request("ann", "", watch, http.Header{"Last-Event-Id": {"p3"}}) // and not p1
		again.expect("id: p4\nevent: next\ndata: {\"data\":{\"feed\":\"4\"}}\n")
		// It is executed together with those of sockets.
		w.groups(1)
		c := w.signedIn("bob")
		c.follow("1", "p4")
		w.opens(3)
		before := w.executed.Load()
		w.feed.publish("5")
		again.expect("id: p5\nevent: next\ndata: {\"data\":{\"feed\":\"5\"}}\n")
		c.expectFed("1", "5")
		if n := w.executed.Load() - before; n != 1 {
			t.Errorf("it is executed %d times", n)
		}
	})

	t.Run("answers with an error when it cannot begin", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.MaxMessageBytes, o.MaxSockets = 100, 1 })
		for name, test := range map[string]struct {
			bearer, body string
			status       int
		}{
			"a wrong token": {"eve", `{"query":"{hello}"}`, http.StatusUnauthorized},
			"no JSON":       {"ann", `{`, http.StatusBadRequest},
			"no query":      {"ann", `{"query":7}`, http.StatusBadRequest},
			"too long":      {"ann", `{"query":"{hello}"}` + strings.Repeat(" ", 100), http.StatusBadRequest},
		} {
			s := w.request(test.bearer, "", test.body, nil)
			text, _ := io.ReadAll(s.answer.Body)
			if s.answer.StatusCode != test.status || !strings.HasPrefix(string(text), `{"errors":[{"message":`) {
				t.Errorf("%s: status %d: %s", name, s.answer.StatusCode, text)
			}
		}
		w.signedIn("ann")
		if s := w.request("ann", "", `{"query":"{hello}"}`, nil); s.answer.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("one too many: status %d", s.answer.StatusCode)
		}
	})

	t.Run("ends with its session and with the server", func(t *testing.T) {
		t.Parallel()
		over := make(chan struct{})
		w := newWorld(t, func(o *live.Options) {
			o.CheckInterval = 10 * time.Millisecond
			o.Ended = func(context.Context, []string) (ended, changed []string, err error) {
				select {
				case <-over:
					return []string{"ann"}, nil, nil
				default:
					return nil, nil, nil
				}
			}
		})
		anns := w.request("ann", "", `{"query":"subscription{feed}"}`, nil)
		bobs := w.request("bob", "", `{"query":"subscription{feed}"}`, nil)
		w.opens(2)
		close(over)
		anns.expect("event: next\ndata: {\"errors\":[{\"message\":\"the API token is not valid any more: subscribe again with a valid one\",\"extensions\":{\"code\":\"UNAUTHENTICATED\"}}]}\n", completed, "")
		if err := w.live.Close(context.Background()); err != nil {
			t.Fatal(err)
		}
		if got := bobs.next(); !strings.HasPrefix(got, "retry: ") {
			t.Errorf("at the end it says %q", got)
		}
		bobs.expect("") // and no complete: the client is to come back
	})

	t.Run("sends comments to keep the connection alive", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, func(o *live.Options) { o.PingInterval = 20 * time.Millisecond })
		s := w.request("ann", "", `{"query":"subscription{feed}"}`, nil)
		for range 6 {
			if line, err := s.lines.ReadString('\n'); err != nil || line != ":\n" && line != "\n" {
				t.Fatalf("%q, %v", line, err)
			}
		}
	})
}
