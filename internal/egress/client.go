package egress

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/doyensec/safeurl"
)

const (
	idleTimeout = 30 * time.Second // an unused connection is closed after this time
	dialTimeout = 5 * time.Second  // for each address family
)

// Client makes a client that follows no redirect and uses no proxy. It checks the address when it dials, after the name
// was resolved, so a name that points to another address by then (DNS rebinding) does not get past the policy.
// Tests pass their certificate authority in roots; nil means the machine's.
func (p Policy) Client(timeout time.Duration, roots *tls.Config) *http.Client {
	if p.Private {
		dialer := &net.Dialer{Timeout: dialTimeout}
		return &http.Client{Timeout: timeout, CheckRedirect: noRedirect, Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: roots, IdleConnTimeout: idleTimeout,
		}}
	}
	guarded := safeurl.Client(&safeurl.Config{
		Timeout: timeout, CheckRedirect: noRedirect, TlsConfig: roots, IsIPv6Enabled: true,
		AllowedPorts: allPorts(), BlockedIPsCIDR: furtherNetworks(),
	}).Client
	transport := guarded.Transport.(*http.Transport)
	transport.IdleConnTimeout = idleTimeout
	transport.DialContext = byFamily(transport.DialContext)
	return guarded
}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// byFamily dials IPv4 first and then IPv6, in the caller's goroutine. safeurl panics at an IPv6 address with a zone
// (fe80::1%eth0, which a hosts file may contain). When package net dials both families at once, it uses a goroutine of
// its own, where nothing recovers the panic and the program would end.
func byFamily(inner dial) dial {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		conn, err := dialRecovered(ctx, inner, "tcp4", address)
		if err == nil || errors.Is(err, ErrPrivate) || ctx.Err() != nil {
			return conn, err
		}
		conn, err6 := dialRecovered(ctx, inner, "tcp6", address)
		if _, none := errors.AsType[*net.AddrError](err6); none { // the host has no IPv6 address
			return nil, err
		}
		return conn, err6
	}
}

// dialRecovered dials once and turns a panic of inner into ErrPrivate.
func dialRecovered(ctx context.Context, inner dial, network, address string) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			conn, err = nil, fmt.Errorf("%w (%v)", ErrPrivate, v)
		}
	}()
	conn, err = inner(ctx, network, address)
	if _, blocked := errors.AsType[*safeurl.AllowedIPError](err); blocked {
		return nil, ErrPrivate
	}
	return conn, err
}

// allPorts lists every port, because safeurl takes a list and has no value for 'any'. Any port is safe: the policy
// allows public addresses with https only.
func allPorts() []int {
	ports := make([]int, 65535)
	for i := range ports {
		ports[i] = i + 1
	}
	return ports
}

// furtherNetworks returns the special-purpose networks that safeurl's own list lacks.
func furtherNetworks() (blocked []net.IPNet) {
	for _, cidr := range []string{
		"64:ff9b:1::/48", // local-use IPv4/IPv6 translation (RFC 8215)
		"5f00::/16",      // segment routing (RFC 9602)
		"3fff::/20",      // documentation (RFC 9637)
		"fec0::/10",      // site-local, deprecated (RFC 3879)
		"::/96",          // IPv4-compatible, deprecated (RFC 4291, section 2.5.5.1)
	} {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			panic(err) // a mistake in the list above
		}
		blocked = append(blocked, *network)
	}
	return blocked
}
