package protocol

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
)

const page = "https://board.example.com"

// usual are headers that clients of GraphQL send, sorted and in lower case, as browsers list them in a preflight.
const usual = "accept,apollo-require-preflight,apollographql-client-name,apollographql-client-version,authorization,content-type,last-event-id,traceparent,x-apollo-operation-name,x-requested-with"

func preflight(t *testing.T, s *setup.Server, origin string) http.Header {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, s.URL+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Origin", origin)
	r.Header.Set("Access-Control-Request-Method", http.MethodPost)
	r.Header.Set("Access-Control-Request-Headers", usual)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusNoContent || answer.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("a preflight gets status %d, %v", answer.StatusCode, answer.Header)
	}
	return answer.Header
}

func dial(t *testing.T, s *setup.Server, origin string) int {
	t.Helper()
	d := websocket.Dialer{Subprotocols: []string{"graphql-transport-ws"}}
	conn, answer, err := d.DialContext(t.Context(), "ws"+strings.TrimPrefix(s.URL, "http")+"/graphql", http.Header{"Origin": {origin}})
	if err == nil {
		_ = conn.Close()
	}
	if answer == nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func TestOrigins(t *testing.T) {
	t.Parallel()
	t.Run("are all allowed by default, without credentials", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		h := preflight(t, s, page)
		if h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Headers") != usual || h.Get("Access-Control-Allow-Methods") != http.MethodPost ||
			h.Get("Access-Control-Max-Age") == "" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%v", h)
		}
		if vary := strings.Join(h.Values("Vary"), ", "); !strings.Contains(vary, "Access-Control-Request-Headers") || !strings.Contains(vary, "Access-Control-Request-Method") {
			t.Errorf("Vary: %s", vary)
		}
		if status := dial(t, s, page); status != http.StatusSwitchingProtocols {
			t.Errorf("a WebSocket gets status %d", status)
		}
	})

	t.Run("are those of the list", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{AllowedOrigins: page + ",https://*.example.org"}})
		for origin, allowed := range map[string]bool{
			page: true, "https://a.example.org": true, "https://example.net": false, "http://board.example.com": false, page + ".example.net": false, "null": false,
		} {
			h := preflight(t, s, origin)
			if got := h.Get("Access-Control-Allow-Origin"); (got == origin) != allowed || (got == "") == allowed {
				t.Errorf("%s: Access-Control-Allow-Origin: %q", origin, got)
			}
			if !slices.ContainsFunc(h.Values("Vary"), func(v string) bool { return strings.Contains(v, "Origin") }) {
				t.Errorf("%s: Vary: %v", origin, h.Values("Vary"))
			}
			want := http.StatusForbidden
			if allowed {
				want = http.StatusSwitchingProtocols
			}
			if status := dial(t, s, origin); status != want {
				t.Errorf("%s: a WebSocket gets status %d", origin, status)
			}
		}
		if status := dial(t, s, s.URL); status != http.StatusSwitchingProtocols {
			t.Errorf("a WebSocket of the server's own page gets status %d", status)
		}
	})

	t.Run("may read answers, refusals too", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{HTTP: config.HTTP{AllowedOrigins: page}})
		for _, r := range []request{post(operation(query)), {method: http.MethodPost, authorization: "Bearer none"}, {method: http.MethodPut}} {
			r.origin = page
			h := send(t, s, r).header
			if h.Get("Access-Control-Allow-Origin") != page && r.method == http.MethodPost || !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%+v: %v", r, h)
			}
		}
	})
}
