// Package config owns the program's settings: their names, defaults and checks. It reads settings from flags and from
// the environment. The program runs without any setting.
//
// It refuses to act on settings: it opens, creates and contacts nothing. It shows no secret in a message.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/url"
	"strconv"
	"strings"
)

// Config is embedded in the command line's grammar. Each field can be set by a flag and by an environment variable; the
// flag wins.
type Config struct {
	DatabaseURL string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"PostgreSQL to use, as postgres://user:password@host:5432/database. Without it closeloop starts a private one."`
	DataDir     string `name:"data-dir" env:"CLOSELOOP_DATA_DIR" placeholder:"FOLDER" help:"Folder of the private PostgreSQL. Default: /var/lib/closeloop for root, else ~/.local/share/closeloop (macOS: ~/Library/Application Support/closeloop)."`
	Listen      string `name:"listen" env:"CLOSELOOP_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on (${default}). To accept connections from other machines, use 0.0.0.0:8080 behind a proxy that speaks TLS."`
	AdminToken  string `name:"admin-token" env:"CLOSELOOP_ADMIN_TOKEN" placeholder:"TOKEN" help:"Token of the first administrator, of at least 32 characters. Without it closeloop makes a token at the first start and prints it once."`
	SMTPURL     string `name:"smtp-url" env:"CLOSELOOP_SMTP_URL" placeholder:"URL" help:"Mail server, as smtp://user:password@host:587, or smtps://… for TLS from the start. Without it mails are stored, not sent."`
	MailFrom    string `name:"mail-from" env:"CLOSELOOP_MAIL_FROM" placeholder:"ADDRESS" help:"Sender of mails, as 'Closeloop <closeloop@example.com>'. Required with a mail server."`
	PublicURL   string `name:"public-url" env:"CLOSELOOP_PUBLIC_URL" placeholder:"URL" help:"Address that links in mails begin with, as https://closeloop.example.com. Default: http:// and the listen address."`
	RateLimit   Number `name:"rate-limit" env:"CLOSELOOP_RATE_LIMIT" default:"600000" placeholder:"POINTS" help:"Points that an API token can spend at once, on each server; a point is 100 microseconds of the database (${default}: a minute of it)."`
	RateRestore Number `name:"rate-restore" env:"CLOSELOOP_RATE_RESTORE" default:"20000" placeholder:"POINTS" help:"Points that a token gets back each second (${default}: two connections kept busy)."`
	Log         string `name:"log" env:"CLOSELOOP_LOG" default:"info,text" placeholder:"LEVEL,FORMAT" help:"Log level (debug, info, warn, error) and format (text, json), either or both (${default})."`

	WebhookPrivate string `name:"webhook-private" env:"CLOSELOOP_WEBHOOK_PRIVATE" placeholder:"yes|no" help:"Whether webhooks may use private addresses, including this server's own, and http://. Default: no. Set yes only if every administrator may reach all hosts that this server reaches; webhooks of other users never may."`

	HTTP
	Live
	Limits
}

// tokenMin is the least number of characters in an administrator's token.
const tokenMin = 32

// Validate finds every mistake in the settings and returns one error. The error has a line for each mistake, which names
// the setting and the expected value. The command line's parser calls Validate.
func (c *Config) Validate() error {
	var mistakes []error
	check := func(setting string, err error) {
		if err != nil {
			mistakes = append(mistakes, fmt.Errorf("%s: %w", setting, err))
		}
	}
	if c.DatabaseURL == "" {
		_, err := c.Folder()
		check("CLOSELOOP_DATA_DIR", err)
	}
	if c.Listen == "" {
		// Compose files set variables to the empty string, and the parser then skips the default.
		c.Listen = "127.0.0.1:8080"
	}
	check("CLOSELOOP_LISTEN", checkListen(c.Listen))
	if c.AdminToken != "" {
		check("CLOSELOOP_ADMIN_TOKEN", checkToken(c.AdminToken))
	}
	_, err := c.SMTP()
	check("CLOSELOOP_SMTP_URL", err)
	_, err = c.From()
	check("CLOSELOOP_MAIL_FROM", err)
	if c.PublicURL != "" {
		check("CLOSELOOP_PUBLIC_URL", checkPublic(c.PublicURL))
	}
	check("CLOSELOOP_WEBHOOK_PRIVATE", checkYesNo(c.WebhookPrivate))
	limit, restore := c.Rate()
	check("CLOSELOOP_RATE_LIMIT", checkWhole(limit, RateLeast, rateMost))
	check("CLOSELOOP_RATE_RESTORE", checkWhole(restore, 1, rateMost))
	c.HTTP.validate(check)
	c.Live.validate(check)
	c.Limits.validate(check)
	_, _, err = c.log()
	check("CLOSELOOP_LOG", err)
	return errors.Join(mistakes...)
}

// From returns the sender of mails. Without a mail server it returns a placeholder when no sender is set, because mails
// are composed and stored even then.
func (c *Config) From() (mail.Address, error) {
	if c.MailFrom == "" {
		if c.SMTPURL != "" {
			return mail.Address{}, errors.New("is required when CLOSELOOP_SMTP_URL is set: give the sender's address, such as closeloop@example.com")
		}
		return mail.Address{Name: "closeloop", Address: "closeloop@localhost"}, nil
	}
	address, err := mail.ParseAddress(c.MailFrom)
	if err != nil {
		return mail.Address{}, fmt.Errorf("%q is not a mail address, such as closeloop@example.com", c.MailFrom)
	}
	return *address, nil
}

// Base returns the beginning of all links, without a slash at its end. When the program listens on all addresses, the
// links use localhost.
func (c *Config) Base() string {
	if c.PublicURL != "" {
		return strings.TrimRight(c.PublicURL, "/")
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return "http://" + c.Listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// PrivateWebhooks reports whether webhooks may use private addresses and http://.
func (c *Config) PrivateWebhooks() bool { return c.WebhookPrivate == "yes" }

func checkYesNo(s string) error {
	if s != "" && s != "yes" && s != "no" {
		return fmt.Errorf("must be yes or no, not %q", s)
	}
	return nil
}

func checkListen(listen string) error {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("%q must be host:port, such as 127.0.0.1:8080", listen)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("%q must be host:port, such as 127.0.0.1:8080, with a port from 0 to 65535", listen)
	}
	return nil
}

func checkToken(token string) error {
	if len([]rune(token)) < tokenMin {
		return fmt.Errorf("must have at least %d characters, not %d", tokenMin, len([]rune(token)))
	}
	// Clients send the token in an HTTP header, which cannot carry other characters.
	for _, r := range token {
		if r <= ' ' || r > '~' {
			return errors.New("must contain only ASCII letters, digits and punctuation, and no spaces")
		}
	}
	return nil
}

func checkPublic(public string) error {
	u, err := url.Parse(public)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "" {
		return errors.New("must begin with http:// or https:// and name a host, such as https://closeloop.example.com")
	}
	if u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return errors.New("must be a host with an optional path, without a user, ? or #")
	}
	return nil
}
