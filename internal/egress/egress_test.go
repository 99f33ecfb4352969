package egress_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/fault"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const never, private, always = "never", "when private addresses are allowed", "always"
	for address, when := range map[string]string{
		"https://hooks.example.com/closeloop?team=1": always,
		"https://hooks.example.com:8443/":            always,
		"https://93.184.215.14/":                     always,
		"https://[2606:2800:21f:cb07::1]/":           always,
		"HTTPS://EXAMPLE.COM":                        always,
		"https://7up.example":                        always,

		"http://hooks.example.com/":         private,
		"https://localhost/":                private,
		"https://LOCALHOST./":               private,
		"https://a.localhost/":              private,
		"https://printer.local/":            private,
		"https://metadata.google.internal/": private,
		"https://127.0.0.1/":                private,
		"https://127.1/":                    private,
		"https://2130706433/":               private,
		"https://0x7f.0.0.1/":               private,
		"https://0177.0.0.1/":               private,
		"https://0.0.0.0/":                  private,
		"https://10.1.2.3/":                 private,
		"https://172.16.0.1/":               private,
		"https://192.168.1.1:9000/":         private,
		"https://169.254.169.254/latest":    private,
		"https://[::1]/":                    private,
		"https://[::]/":                     private,
		"https://[::ffff:10.0.0.1]/":        private,
		"https://[fd00::1]/":                private,
		"https://[fe80::1%25eth0]/":         private,
		"https://224.0.0.1/":                private,

		"":                                       never,
		"hooks.example.com":                      never,
		"https://":                               never,
		"https:hooks.example.com":                never,
		"ftp://hooks.example.com/":               never,
		"file:///etc/passwd":                     never,
		"https://user@hooks.example.com/":        never,
		"https://a:b@hooks.example.com/":         never,
		"https://hooks.example.com/#there":       never,
		"https://hooks.example.com/#":            never,
		"https://hooks.example.com:0/":           never,
		"https://hooks.example.com:65536/":       never,
		"https://hooks.example.com:https/":       never,
		"https://hooks.example.com/\x00":         never,
		"https://hooks.exam ple.com/":            never,
		"https://x/" + strings.Repeat("a", 2000): never,
	} {
		for policy, good := range map[egress.Policy]bool{{}: when == always, {Private: true}: when != never} {
			err := policy.Check("input.url", address)
			if err != nil && strings.Contains(err.Error(), "CLOSELOOP_WEBHOOK_PRIVATE") && !strings.Contains(err.Error(), "for webhooks of administrators only") {
				t.Errorf("%q: %v, which does not help a partner", address, err)
			}
			var f *fault.Error
			if (err == nil) != good {
				t.Errorf("%q with %+v: got %v, want it accepted: %t", address, policy, err, good)
			} else if err != nil && (!errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != "input.url" || f.Message == "") {
				t.Errorf("%q with %+v: got %#v, want BAD_USER_INPUT for input.url", address, policy, err)
			}
		}
	}
}

// countingServer starts a server on loopback and counts the connections to the server.
func countingServer(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	s := httptest.NewUnstartedServer(handler)
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
	s.StartTLS()
	t.Cleanup(s.Close)
	return s, &n
}

func TestClient(t *testing.T) {
	// The test calls no Check before it dials, as if the name had pointed to another address when it was checked.
	t.Run("checks the address when it dials", func(t *testing.T) {
		t.Parallel()
		s, connected := countingServer(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		roots := s.Client().Transport.(*http.Transport).TLSClientConfig
		strict := egress.Policy{}.Client(10*time.Second, roots)
		for _, host := range []string{"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1%25lo]", "[fe80::1%25nowhere]", "[64:ff9b:1::1]", "[fec0::1]", "[::127.0.0.1]", "10.0.0.1", "100.64.0.1", "169.254.169.254"} {
			answer, err := strict.Post("https://"+host+":"+port, "application/json", strings.NewReader("{}"))
			if err == nil {
				answer.Body.Close()
			}
			if !errors.Is(err, egress.ErrPrivate) {
				t.Errorf("%s: got %v, want ErrPrivate", host, err)
			}
		}
		if n := connected.Load(); n != 0 {
			t.Errorf("the strict client made %d connections, want none", n)
		}
		answer, err := egress.Policy{Private: true}.Client(10*time.Second, roots).Post("https://127.0.0.1:"+port, "application/json", strings.NewReader("{}"))
		if err != nil || answer.StatusCode != http.StatusNoContent || connected.Load() != 1 {
			t.Fatalf("with private addresses allowed: error %v, %d connections, want status 204 and 1 connection", err, connected.Load())
		}
		answer.Body.Close()
	})
	t.Run("follows no redirect and uses no proxy", func(t *testing.T) {
		t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
		s, connected := countingServer(t, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
		})
		answer, err := egress.Policy{Private: true}.Client(10*time.Second, s.Client().Transport.(*http.Transport).TLSClientConfig).Get(s.URL)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusTemporaryRedirect || connected.Load() != 1 {
			t.Errorf("status %d, %d connections, want 307 and 1", answer.StatusCode, connected.Load())
		}
		for _, policy := range []egress.Policy{{}, {Private: true}} {
			c := policy.Client(time.Second, nil)
			if c.Transport.(*http.Transport).Proxy != nil || c.CheckRedirect == nil || c.Timeout != time.Second {
				t.Errorf("%+v: client %+v uses a proxy, follows redirects or has another timeout", policy, c)
			}
		}
	})
}
