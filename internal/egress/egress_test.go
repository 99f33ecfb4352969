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

func TestAnAddressIsPublicAndHTTPSUnlessPrivateOnesAreAllowed(t *testing.T) {
	t.Parallel()
	const never, private, always = "never", "where private ones are allowed", "always"
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
			var f *fault.Error
			if (err == nil) != good {
				t.Errorf("%q with %+v: %v", address, policy, err)
			} else if err != nil && (!errors.As(err, &f) || f.Code != fault.CodeBadUserInput || f.Argument != "input.url" || f.Message == "") {
				t.Errorf("%q with %+v: %#v", address, policy, err)
			}
		}
	}
}

// counted is a server on loopback that knows how often it was connected to.
func counted(t *testing.T, handler http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
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

// No Check comes before: so a name is dialled that stood for something else when it was checked.
func TestWhatANameStandsForIsLookedAtWhenItIsDialled(t *testing.T) {
	t.Parallel()
	s, connected := counted(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
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
			t.Errorf("%s: %v", host, err)
		}
	}
	if n := connected.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
	answer, err := egress.Policy{Private: true}.Client(10*time.Second, roots).Post("https://127.0.0.1:"+port, "application/json", strings.NewReader("{}"))
	if err != nil || answer.StatusCode != http.StatusNoContent || connected.Load() != 1 {
		t.Fatalf("where private addresses are allowed: %v, %d connections", err, connected.Load())
	}
	answer.Body.Close()
}

func TestNoClientFollowsARedirectOrAsksAProxy(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	s, connected := counted(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/there", http.StatusTemporaryRedirect)
	})
	answer, err := egress.Policy{Private: true}.Client(10*time.Second, s.Client().Transport.(*http.Transport).TLSClientConfig).Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusTemporaryRedirect || connected.Load() != 1 {
		t.Errorf("status %d, %d connections", answer.StatusCode, connected.Load())
	}
	for _, policy := range []egress.Policy{{}, {Private: true}} {
		c := policy.Client(time.Second, nil)
		if c.Transport.(*http.Transport).Proxy != nil || c.CheckRedirect == nil || c.Timeout != time.Second {
			t.Errorf("%+v: %+v", policy, c)
		}
	}
}
