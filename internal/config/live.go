package config

import (
	"fmt"
	"strconv"
	"time"
)

// Number is a whole number. A variable that is set to nothing, as compose files do, is as one that is not set: 0.
type Number int

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Number) UnmarshalText(text []byte) (err error) {
	var i int
	if len(text) > 0 {
		if i, err = strconv.Atoi(string(text)); err != nil {
			err = fmt.Errorf("%q is not a whole number", text)
		}
	}
	*n = Number(i)
	return err
}

// Duration is a length of time, such as 3s; set to nothing, it is 0.
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) (err error) {
	var t time.Duration
	if len(text) > 0 {
		if t, err = time.ParseDuration(string(text)); err != nil {
			err = fmt.Errorf("%q is not a time, such as 3s", text)
		}
	}
	*d = Duration(t)
	return err
}

// Live are the limits of sockets and of streams of server-sent events. Zero stands for the default.
type Live struct {
	MaxSockets         Number   `name:"max-sockets" env:"CLOSELOOP_MAX_SOCKETS" default:"20000" placeholder:"NUMBER" help:"Sockets and event streams of this server at a time (${default}); one more is refused with status 503."`
	MaxSocketsPerToken Number   `name:"max-sockets-per-token" env:"CLOSELOOP_MAX_SOCKETS_PER_TOKEN" default:"1000" placeholder:"NUMBER" help:"Sockets and event streams of one API token at a time (${default}); one more is closed with code 4509."`
	MaxSubscriptions   Number   `name:"max-subscriptions" env:"CLOSELOOP_MAX_SUBSCRIPTIONS" default:"100" placeholder:"NUMBER" help:"Operations of one socket at a time (${default}); one more is answered with the error TOO_MANY_SUBSCRIPTIONS."`
	MaxMessageBytes    Number   `name:"max-message-bytes" env:"CLOSELOOP_MAX_MESSAGE_BYTES" default:"262144" placeholder:"NUMBER" help:"Bytes of a message from a socket's client (${default}); a longer one closes the socket with code 1009."`
	InitTimeout        Duration `name:"init-timeout" env:"CLOSELOOP_INIT_TIMEOUT" default:"3s" placeholder:"DURATION" help:"Time that a socket's client has to sign in with connection_init (${default}); then the socket is closed with code 4408."`
}

// validate tells of each limit that is none.
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
			check(s.setting, fmt.Errorf("must be a number above 0, not %d", s.n))
		}
	}
	if l.InitTimeout < 0 {
		check("CLOSELOOP_INIT_TIMEOUT", fmt.Errorf("must be a time above 0, such as 3s, not %v", time.Duration(l.InitTimeout)))
	}
}
