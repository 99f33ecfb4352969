package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
)

// HTTP holds the settings of requests over HTTP and of the handshakes of WebSockets.
type HTTP struct {
	AllowedOrigins   string   `name:"allowed-origins" env:"CLOSELOOP_ALLOWED_ORIGINS" placeholder:"ORIGINS" help:"Origins whose pages may call the API from a browser, as https://board.example.com,https://*.example.org, where * is one label or several, as in a.b.example.org. Default: * (any; a page needs a token in any case). This server's own pages always may."`
	ClientTimeout    Duration `name:"client-timeout" env:"CLOSELOOP_CLIENT_TIMEOUT" default:"10s" placeholder:"DURATION" help:"Time that a client may take to send 64 KiB of a request or to take 64 KiB of an answer (${default}); after that the connection ends."`
	MaxUnreadBytes   Number   `name:"max-unread-bytes" env:"CLOSELOOP_MAX_UNREAD_BYTES" default:"33554432" placeholder:"NUMBER" help:"Bytes of answers that clients have not taken yet (${default}); beyond that the server ends the oldest answer of the token that has the most."`
	PersistedQueries string   `name:"persisted-queries" env:"CLOSELOOP_PERSISTED_QUERIES" placeholder:"yes|no" help:"Whether clients may send a document once and then its hash (automatic persisted queries). Default: yes."`
	RegisteredOnly   string   `name:"registered-only" env:"CLOSELOOP_REGISTERED_ONLY" placeholder:"ROLES" help:"Roles that may use registered documents only, such as PARTNER,STAKEHOLDER; closeloop persisted add registers them. Default: none."`
	ShareAnswers     string   `name:"share-answers" env:"CLOSELOOP_SHARE_ANSWERS" placeholder:"yes|no" help:"Whether equal queries share an answer while nothing in the database has changed. Default: yes."`
	TrustedProxies   string   `name:"trusted-proxies" env:"CLOSELOOP_TRUSTED_PROXIES" placeholder:"ADDRESSES" help:"Proxies whose header X-Forwarded-For names the client, as addresses and networks, such as 10.0.0.5,192.168.0.0/16. Default: none."`
}

// validate reports each wrong setting to check.
func (h *HTTP) validate(check func(setting string, err error)) {
	for _, origin := range h.Origins() {
		check("CLOSELOOP_ALLOWED_ORIGINS", checkOrigin(origin))
	}
	if h.ClientTimeout < 0 {
		check("CLOSELOOP_CLIENT_TIMEOUT", fmt.Errorf("must be greater than 0, such as 10s, not %v", time.Duration(h.ClientTimeout)))
	}
	if h.MaxUnreadBytes < 0 {
		check("CLOSELOOP_MAX_UNREAD_BYTES", fmt.Errorf("must be greater than 0, not %d", h.MaxUnreadBytes))
	}
	check("CLOSELOOP_PERSISTED_QUERIES", checkYesNo(h.PersistedQueries))
	check("CLOSELOOP_SHARE_ANSWERS", checkYesNo(h.ShareAnswers))
	for _, role := range h.RegisteredRoles() {
		if !slices.Contains(roles, role) {
			check("CLOSELOOP_REGISTERED_ONLY", fmt.Errorf("%q is not one of the roles %s", role, strings.Join(roles, ", ")))
		}
	}
	_, err := h.Proxies()
	check("CLOSELOOP_TRUSTED_PROXIES", err)
}

// Origins returns the origins whose pages may call the API. One that is * allows all.
func (h *HTTP) Origins() []string {
	if origins := list(h.AllowedOrigins); len(origins) > 0 {
		return origins
	}
	return []string{"*"}
}

// Timeout returns how long a client may take to send or take 64 KiB.
func (h *HTTP) Timeout() time.Duration {
	return time.Duration(cmp.Or(h.ClientTimeout, Duration(10*time.Second)))
}

// Unread returns how many bytes of answers may be on their way.
func (h *HTTP) Unread() int { return int(cmp.Or(h.MaxUnreadBytes, 32<<20)) }

// roles are the roles of the schema, for which config has no type.
var roles = []string{"ADMIN", "MANAGER", "AGENT", "STAKEHOLDER", "PARTNER", "INTAKE"}

// RegisteredRoles returns the roles that may use registered documents only.
func (h *HTTP) RegisteredRoles() []string { return list(h.RegisteredOnly) }

// Proxies returns the networks of the proxies that name the client.
func (h *HTTP) Proxies() ([]netip.Prefix, error) {
	var proxies []netip.Prefix
	for _, text := range list(h.TrustedProxies) {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var address netip.Addr
			if address, err = netip.ParseAddr(text); err == nil {
				network, err = address.Prefix(address.BitLen())
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%q is neither an address nor a network, such as 10.0.0.5 or 192.168.0.0/16", text)
		}
		proxies = append(proxies, network.Masked())
	}
	return proxies, nil
}

// list splits a setting at its commas.
func list(setting string) (parts []string) {
	for part := range strings.SplitSeq(setting, ",") {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return parts
}

func checkOrigin(origin string) error {
	if origin == "*" {
		return nil
	}
	plain := strings.Replace(origin, "*", "any", 1) // one * stands for any part of the host's name
	u, err := url.Parse(plain)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Scheme+"://"+u.Host != plain || strings.Contains(plain, "*") {
		return errors.New(`"` + origin + `" must be * or an origin without a path, such as https://board.example.com or https://*.example.com`)
	}
	return nil
}
