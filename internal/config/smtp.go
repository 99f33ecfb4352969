package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// SMTP is a mail server. The zero value is none.
type SMTP struct {
	Host     string
	Port     int
	User     string // empty: without logging in
	Password string
	// TLS speaks TLS from the start (smtps). Otherwise it begins with STARTTLS where the server
	// offers that.
	TLS bool
}

// SMTP reads the mail server out of CLOSELOOP_SMTP_URL; it is the zero value when that is empty.
// No error shows any part of the URL, which holds a password.
func (c *Config) SMTP() (SMTP, error) {
	if c.SMTPURL == "" {
		return SMTP{}, nil
	}
	scheme, _, found := strings.Cut(c.SMTPURL, "://")
	scheme = strings.ToLower(scheme)
	if !found || scheme != "smtp" && scheme != "smtps" {
		return SMTP{}, errors.New("must begin with smtp:// or smtps://, as in smtp://user:password@mail.example.com:587")
	}
	u, err := url.Parse(c.SMTPURL)
	if err != nil {
		return SMTP{}, errors.New("must be of the form smtp://user:password@host:port " +
			"(in the password, write / as %2F, @ as %40, : as %3A, # as %23, ? as %3F and % as %25)")
	}
	s := SMTP{Host: u.Hostname(), Port: 587, User: u.User.Username(), TLS: scheme == "smtps"}
	if s.TLS {
		s.Port = 465
	}
	if port := u.Port(); port != "" {
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			return SMTP{}, errors.New("the port must be a number from 1 to 65535")
		}
	}
	s.Password, _ = u.User.Password()
	switch {
	case s.Host == "":
		return SMTP{}, errors.New("names no host, as in smtp://user:password@mail.example.com:587")
	case u.User != nil && (s.User == "" || s.Password == ""):
		return SMTP{}, errors.New("names only one of user and password: give both, or neither")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return SMTP{}, errors.New("has something behind the port (in the password, write / as %2F, # as %23 and ? as %3F)")
	}
	return s, nil
}
