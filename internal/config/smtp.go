package config

import (
	"errors"
	"net/url"
	"strconv"
	"strings"
)

// SMTP is a mail server. The zero value means that there is no mail server.
type SMTP struct {
	Host     string
	Port     int
	User     string // empty means no login
	Password string
	// TLS means TLS from the start (smtps). Otherwise the connection starts TLS with STARTTLS if the server offers it.
	TLS bool
}

// SMTP parses CLOSELOOP_SMTP_URL. It returns the zero value when the setting is empty. No error shows any part of the
// URL, because the URL holds a password.
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
		return SMTP{}, errors.New("must name a host, as in smtp://user:password@mail.example.com:587")
	case u.User != nil && (s.User == "" || s.Password == ""):
		return SMTP{}, errors.New("must have both user and password, or neither")
	case strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return SMTP{}, errors.New("must end with the port (in the password, write / as %2F, # as %23 and ? as %3F)")
	}
	return s, nil
}
