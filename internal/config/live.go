package config

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Number is a whole number above 0. An empty variable counts as a missing one, because compose files set empty variables.
type Number int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Number) UnmarshalText(text []byte) (err error) {
	var i int
	if len(text) > 0 {
		if i, err = strconv.Atoi(string(text)); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		} else if i == 0 {
			err = errors.New("must be greater than 0")
		}
	}
	*n = Number(i)
	return err
}

// Duration is a length of time above 0, such as 3s. An empty variable counts as a missing one.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	var t time.Duration
	if len(text) > 0 {
		if t, err = time.ParseDuration(string(text)); err != nil {
			err = fmt.Errorf("%q is not a duration such as 3s", text)
		} else if t == 0 {
			err = errors.New("must be greater than 0, such as 3s")
		}
	}
	*d = Duration(t)
	return err
}

// Live holds the limits of sockets and of streams of server-sent events. Zero means the default.
type Live struct {
	MaxSockets         Number   `name:"max-sockets" env:"CLOSELOOP_MAX_SOCKETS" default:"20000" placeholder:"NUMBER" help:"Sockets and event streams that this server has open at a time (${default}); it refuses further ones with status 503."`
	MaxSocketsPerToken Number   `name:"max-sockets-per-token" env:"CLOSELOOP_MAX_SOCKETS_PER_TOKEN" default:"1000" placeholder:"NUMBER" help:"Sockets and event streams that one API token has open at a time (${default}); the server closes further ones with code 4509."`
	MaxSubscriptions   Number   `name:"max-subscriptions" env:"CLOSELOOP_MAX_SUBSCRIPTIONS" default:"100" placeholder:"NUMBER" help:"Operations that one socket runs at a time (${default}); the server answers further ones with the error TOO_MANY_SUBSCRIPTIONS."`
	MaxMessageBytes    Number   `name:"max-message-bytes" env:"CLOSELOOP_MAX_MESSAGE_BYTES" default:"262144" placeholder:"NUMBER" help:"Bytes in a message from a socket's client (${default}); a longer message closes the socket with code 1009."`
	InitTimeout        Duration `name:"init-timeout" env:"CLOSELOOP_INIT_TIMEOUT" default:"3s" placeholder:"DURATION" help:"Time that a socket's client has to sign in with connection_init (${default}); after that the server closes the socket with code 4408."`
	FilterTime         Duration `name:"filter-time" env:"CLOSELOOP_FILTER_TIME" default:"200ms" placeholder:"DURATION" help:"Processor time of each second that the subscriptions of one API token may take to decide their filters (${default}); after that they wait for the next second, and get their events later."`
}

// validate reports each negative limit to check.
func (l *Live) validate(check func(setting string, err error)) {
	for _, s := range []struct {
		setting string
		n       Number
	}{
		{"CLOSELOOP_MAX_SOCKETS", l.MaxSockets},
		{"CLOSELOOP_MAX_SOCKETS_PER_TOKEN", l.MaxSocketsPerToken},
		{"CLOSELOOP_MAX_SUBSCRIPTIONS", l.MaxSubscriptions},
		{"CLOSELOOP_MAX_MESSAGE_BYTES", l.MaxMessageBytes},
	} {
		if s.n < 0 {
			check(s.setting, fmt.Errorf("must be greater than 0, not %d", s.n))
		}
	}
	if l.InitTimeout < 0 {
		check("CLOSELOOP_INIT_TIMEOUT", fmt.Errorf("must be greater than 0, such as 3s, not %v", time.Duration(l.InitTimeout)))
	}
	if l.FilterTime < 0 || l.FilterTime > Duration(time.Second) {
		check("CLOSELOOP_FILTER_TIME", fmt.Errorf("must be greater than 0 and at most 1s, such as 200ms, not %v", time.Duration(l.FilterTime)))
	}
}
