package httpd

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// trustProxies replaces the address of a request that a trusted proxy forwards by the client's. Proxies append to
// X-Forwarded-For the address that they see, so the last address that is no trusted proxy's counts; what comes before it
// is the client's own claim.
func trustProxies(proxies []netip.Prefix, next http.Handler) http.Handler {
	if len(proxies) == 0 {
		return next
	}
	trusted := func(address netip.Addr) bool {
		return slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(address.Unmap()) })
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		if err != nil || !trusted(peer.Addr()) {
			next.ServeHTTP(w, r)
			return
		}
		hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
		for _, hop := range slices.Backward(hops) {
			address, ok := addressOf(strings.TrimSpace(hop))
			if !ok {
				break
			}
			r.RemoteAddr = net.JoinHostPort(address.String(), "0")
			if !trusted(address) {
				break
			}
		}
		next.ServeHTTP(w, r)
	})
}

// addressOf reads an address of X-Forwarded-For. Some proxies add the port, and brackets to addresses of IPv6.
func addressOf(hop string) (netip.Addr, bool) {
	if withPort, err := netip.ParseAddrPort(hop); err == nil {
		return withPort.Addr(), true
	}
	if inside, ok := strings.CutPrefix(hop, "["); ok {
		hop, ok = strings.CutSuffix(inside, "]")
		if !ok {
			return netip.Addr{}, false
		}
	}
	address, err := netip.ParseAddr(hop)
	return address, err == nil
}
