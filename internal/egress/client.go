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
	idleFor = 30 * time.Second // a connection that nothing goes over is closed after so long
	dialFor = 5 * time.Second  // for each family of addresses
)

// Client makes a client that follows no redirect and asks no proxy. The address that it connects to is looked at when
// it dials, after the name was looked up: a name that stands for another address by then (DNS rebinding) is no way in.
// roots is for tests, nil the machine's own.
func (p Policy) Client(timeout time.Duration, roots *tls.Config) *http.Client {
	if p.Private {
		dialer := &net.Dialer{Timeout: dialFor}
		return &http.Client{Timeout: timeout, CheckRedirect: stay, Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: roots, IdleConnTimeout: idleFor,
		}}
	}
	guarded := safeurl.Client(&safeurl.Config{
		Timeout: timeout, CheckRedirect: stay, TlsConfig: roots, IsIPv6Enabled: true,
		AllowedPorts: everyPort(), BlockedIPsCIDR: besides(),
	}).Client
	transport := guarded.Transport.(*http.Transport)
	transport.IdleConnTimeout = idleFor
	transport.DialContext = byFamily(transport.DialContext)
	return guarded
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// byFamily dials IPv4 and then IPv6, in the goroutine of whoever calls. safeurl panics at an IPv6 address with a zone
// (fe80::1%eth0, as a hosts file may have it); asked for both families at once, net dials in a goroutine of its own,
// and the panic would end the program.
func byFamily(through dial) dial {
	return func(ctx context.Context, _, address string) (net.Conn, error) {
		conn, err := calmly(ctx, through, "tcp4", address)
		if err == nil || errors.Is(err, ErrPrivate) || ctx.Err() != nil {
			return conn, err
		}
		conn, err6 := calmly(ctx, through, "tcp6", address)
		if _, none := errors.AsType[*net.AddrError](err6); none { // it has no IPv6 address
			return nil, err
		}
		return conn, err6
	}
}

func calmly(ctx context.Context, through dial, network, address string) (conn net.Conn, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialFor)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			conn, err = nil, fmt.Errorf("%w (%v)", ErrPrivate, v)
		}
	}()
	conn, err = through(ctx, network, address)
	if _, blocked := errors.AsType[*safeurl.AllowedIPError](err); blocked {
		return nil, ErrPrivate
	}
	return conn, err
}

// everyPort: safeurl knows a list of ports, and no 'any'. With https alone, a port gives nothing away.
func everyPort() []int {
	ports := make([]int, 65535)
	for i := range ports {
		ports[i] = i + 1
	}
	return ports
}

// besides are what safeurl's list of special-purpose addresses lacks.
func besides() (blocked []net.IPNet) {
	for _, cidr := range []string{
		"64:ff9b:1::/48", // local-use IPv4/IPv6 translation (RFC 8215)
		"5f00::/16",      // segment routing (RFC 9602)
		"3fff::/20",      // documentation (RFC 9637)
		"fec0::/10",      // site-local, deprecated (RFC 3879)
		"::/96",          // IPv4-compatible, deprecated (RFC 4291, section 2.5.5.1)
	} {
		_, network, err := net.ParseCIDR(cidr)
		if err != nil {
			panic(err) // a mistake of ours
		}
		blocked = append(blocked, *network)
	}
	return blocked
}
