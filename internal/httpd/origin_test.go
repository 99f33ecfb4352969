package httpd

import "testing"

func TestMatchesOrigin(t *testing.T) {
	t.Parallel()
	const wild = "https://*.example.org"
	for _, test := range []struct {
		pattern, origin string
		want            bool
	}{
		{"https://board.example.com", "https://board.example.com", true},
		{"https://board.example.com", "https://Board.Example.com", true},
		{"https://board.example.com", "https://board.example.com:8443", false},
		{"https://board.example.com", "http://board.example.com", false},
		{wild, "https://a.example.org", true},
		{wild, "https://a.b.example.org", true},
		{wild, "https://example.org", false},
		{wild, "https://.example.org", false},
		{wild, "https://a.example.org:8443", false},
		{wild, "https://evil.com#.example.org", false},
		{wild, "https://evil.com/.example.org", false},
		{wild, "https://evil.com?.example.org", false},
		{wild, `https://evil.com\.example.org`, false},
		{wild, "https://evil.com:80.example.org", false},
		{wild, "https://me@a.example.org", false},
		{wild, "null", false},
		{"https://*.example.org:8443", "https://a.example.org:8443", true},
		{"https://*.example.org:8443", "https://evil.com:1.example.org:8443", false},
	} {
		if got := matchesOrigin(test.pattern, test.origin); got != test.want {
			t.Errorf("%s for %s: %t", test.pattern, test.origin, got)
		}
	}
}
