// Package egress owns where this program may send HTTP requests that somebody outside asked for: which addresses a
// webhook may have, and the client that holds to it when it dials.
//
// It refuses private networks, so that nobody makes the server call what only the server can reach (SSRF), unless the
// program's owner allows them; and it knows nothing of what is sent.
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

// Policy says where to. The zero value is the strict one: https, and public addresses alone.
type Policy struct {
	// Private allows every address, that of this machine too, and http.
	Private bool
}

// Check tells what is wrong with an address that requests are to go to. What a host's name stands for is not looked
// up: that may change at any time, and is looked at when the client dials.
func (p Policy) Check(argument, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || model.CheckText(address) != nil:
		return fault.Input(argument, "this is not an address such as https://hooks.example.com/closeloop")
	case len([]rune(address)) > urlMax:
		return fault.Input(argument, "an address has %d characters at most", urlMax)
	case u.User != nil:
		return fault.Input(argument, "an address holds no user and no password: the receiver knows us by the signature")
	case u.Fragment != "" || strings.HasSuffix(address, "#"):
		return fault.Input(argument, "an address has no # in it: what follows is never sent")
	case u.Scheme != "https" && !(p.Private && u.Scheme == "http"):
		if p.Private {
			return fault.Input(argument, "an address begins with https:// or http://")
		}
		return fault.Input(argument, "an address begins with https://")
	}
	if n, err := strconv.Atoi(u.Port()); u.Port() != "" && (err != nil || n < 1 || n > 65535) {
		return fault.Input(argument, "a port is from 1 to 65535")
	}
	if !p.Private && private(u.Hostname()) {
		return fault.Input(argument, "%s is a private address, or this machine's own; the setting CLOSELOOP_WEBHOOK_PRIVATE allows them", u.Hostname())
	}
	return nil
}

// private tells what can be known of a host without asking anybody.
func private(host string) bool {
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") || strings.HasSuffix(name, ".local") || strings.HasSuffix(name, ".internal") {
		return true
	}
	ip, err := netip.ParseAddr(name)
	if err != nil {
		// 127.1, 0x7f.1 and 2130706433 are 127.0.0.1 to some resolvers. No host's name ends in a number (RFC 3696, section 2).
		last := name[strings.LastIndexByte(name, '.')+1:]
		_, err := strconv.ParseUint(last, 0, 64)
		return err == nil
	}
	ip = ip.Unmap()
	return ip.Zone() != "" || !ip.IsGlobalUnicast() || ip.IsPrivate()
}

// ErrPrivate is what a dial ends with where the policy forbids the address.
var ErrPrivate = errors.New("the host is at a private address, or at this machine's own; the setting CLOSELOOP_WEBHOOK_PRIVATE allows them")
