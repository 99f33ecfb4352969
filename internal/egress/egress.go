// Package egress owns the rules for HTTP requests to addresses that a user has entered: which URL a webhook may have,
// and an HTTP client that enforces the same rules when it dials.
//
// It refuses private networks, so that no user makes the server call a host that only the server can reach (SSRF). The
// operator may allow private networks. The package has no part in what is sent.
package egress

import (
	"errors"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const urlMax = 2000 // characters

// privateRule says what a private address takes. It holds for every caller: a partner's webhook is never let through.
const privateRule = "the setting CLOSELOOP_WEBHOOK_PRIVATE=yes allows private ones, for webhooks of administrators only"

// Policy says which addresses are allowed. The zero value is strict: https and public addresses only.
type Policy struct {
	// Private allows every address, including this machine's own, and http.
	Private bool
}

// Check validates a URL that requests shall go to. It does not resolve the host's name, because the name may point to
// another address later; the client checks the address when it dials.
func (p Policy) Check(argument, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || model.CheckText(address) != nil:
		return fault.Input(argument, "expected a URL such as https://hooks.example.com/closeloop")
	case len([]rune(address)) > urlMax:
		return fault.Input(argument, "the URL may have at most %d characters", urlMax)
	case u.User != nil:
		return fault.Input(argument, "the URL must not contain a user or a password: receivers verify the signature instead")
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		return fault.Input(argument, "the URL must not contain #: the part after # is never sent")
	case u.Scheme != "https" && !(p.Private && u.Scheme == "http"):
		if p.Private {
			return fault.Input(argument, "the URL must begin with https:// or http://")
		}
		return fault.Input(argument, "the URL must begin with https://")
	}
	if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
		return fault.Input(argument, "the port must be a number from 1 to 65535")
	}
	if !p.Private && private(u.Hostname()) {
		return fault.Input(argument, "%s is a private address or the server's own: use a public address; "+privateRule, u.Hostname())
	}
	return nil
}

// private reports whether a host is private as far as its text shows, without a DNS query.
func private(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasSuffix(name, ".local") || strings.HasSuffix(name, ".internal") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		// Some resolvers read 127.1, 0x7f.1 and 2130706433 as 127.0.0.1. No host name ends in a number (RFC 3696, section 2).
		last := name[strings.LastIndexByte(name, '.')+1:]
		_, err := strconv.ParseUint(last, 0, 64)
		return err == nil
	}
	ip = ip.Unmap()
	return ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate()
}

// ErrPrivate is the error of a dial to an address that the policy forbids.
var ErrPrivate = errors.New("the host has a private address or the server's own: use a public address; " + privateRule)
