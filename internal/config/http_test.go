package config

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestHTTP(t *testing.T) {
	t.Run("allows every origin and trusts no proxy by default", func(t *testing.T) {
		clean(t)
		c, err := parse(t)
		if err != nil {
			t.Fatal(err)
		}
		if proxies, err := c.Proxies(); !slices.Equal(c.Origins(), []string{"*"}) || len(proxies) > 0 || err != nil {
			t.Errorf("origins %v, proxies %v, %v", c.Origins(), proxies, err)
		}
	})

	t.Run("reads lists", func(t *testing.T) {
		clean(t)
		c, err := parse(t, "--allowed-origins=https://a.example:8443, https://*.b.example,", "--trusted-proxies=10.1.2.3,192.168.7.7/16,::1")
		if err != nil {
			t.Fatal(err)
		}
		if want := []string{"https://a.example:8443", "https://*.b.example"}; !slices.Equal(c.Origins(), want) {
			t.Errorf("origins %v", c.Origins())
		}
		proxies, err := c.Proxies()
		want := []netip.Prefix{netip.MustParsePrefix("10.1.2.3/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("::1/128")}
		if err != nil || !slices.Equal(proxies, want) {
			t.Errorf("proxies %v, %v", proxies, err)
		}
	})

	for _, wrong := range []string{"--allowed-origins=board.example", "--allowed-origins=https://a.example/path", "--allowed-origins=https://*.*.example",
		"--allowed-origins=ftp://a.example", "--client-timeout=-3s", "--max-unread-bytes=-7", "--registered-only=PARTNER,BOSS", "--persisted-queries=maybe", "--trusted-proxies=proxy.example", "--trusted-proxies=10.0.0.0/33"} {
		t.Run("refuses "+wrong, func(t *testing.T) {
			clean(t)
			setting, value, _ := strings.Cut(wrong, "=")
			value = value[strings.LastIndex(value, ",")+1:]
			variable := "CLOSELOOP_" + strings.ReplaceAll(strings.ToUpper(strings.TrimPrefix(setting, "--")), "-", "_")
			if _, err := parse(t, wrong); err == nil || !strings.Contains(err.Error(), variable) || !strings.Contains(err.Error(), value) {
				t.Errorf("got %v", err)
			}
		})
	}
}
