package httpd

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

func TestTrustedProxies(t *testing.T) {
	t.Parallel()
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	for name, test := range map[string]struct {
		remote    string
		forwarded []string
		want      string
	}{
		"a client that names another address":    {"192.0.2.1:5", []string{"198.51.100.9"}, "192.0.2.1:5"},
		"a proxy's client":                       {"10.0.0.1:5", []string{"198.51.100.9"}, "198.51.100.9:0"},
		"a client's claim before the proxy's":    {"10.0.0.1:5", []string{"203.0.113.7, 198.51.100.9"}, "198.51.100.9:0"},
		"two proxies, in two headers":            {"10.0.0.1:5", []string{"198.51.100.9", "10.9.9.9"}, "198.51.100.9:0"},
		"a proxy that forwards nothing":          {"10.0.0.1:5", nil, "10.0.0.1:5"},
		"a proxy that forwards no address":       {"10.0.0.1:5", []string{"unknown"}, "10.0.0.1:5"},
		"an address with its port":               {"10.0.0.1:5", []string{"203.0.113.50:1001"}, "203.0.113.50:0"},
		"a proxy with its port":                  {"10.0.0.1:5", []string{"198.51.100.9, 10.9.9.9:443"}, "198.51.100.9:0"},
		"an IPv6 address with its port":          {"10.0.0.1:5", []string{"[2001:db8::1]:443"}, "[2001:db8::1]:0"},
		"an IPv6 address in brackets":            {"10.0.0.1:5", []string{"[2001:db8::1]"}, "[2001:db8::1]:0"},
		"an address that is not closed":          {"10.0.0.1:5", []string{"[2001:db8::1"}, "10.0.0.1:5"},
		"an IPv6 client over an IPv6 proxy":      {"[::1]:5", []string{"2001:db8::7"}, "[2001:db8::7]:0"},
		"an IPv4 proxy over a socket of IPv6":    {"[::ffff:10.0.0.1]:5", []string{"198.51.100.9"}, "198.51.100.9:0"},
		"a proxy's own request by another proxy": {"10.0.0.1:5", []string{"10.0.0.2"}, "10.0.0.2:0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = test.remote, test.forwarded
			var got string
			trustProxies(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr })).ServeHTTP(httptest.NewRecorder(), r)
			if got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}
