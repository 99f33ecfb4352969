package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// server is the mail server to which the program hands its mails.
type server struct {
	host, port     string
	user, password string
	implicit       bool // TLS from the first byte: smtps
	policy         mail.TLSPolicy
	tls            *tls.Config
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
}

// parseServer reads an SMTP URL. Its errors never quote the URL, because the URL contains a password.
func parseServer(given string) (*server, error) {
	bad := errors.New("the mail server's URL must have the form smtp://user:password@host:587 or smtps://user:password@host:465" +
		" (in the password, write / as %2F, @ as %40, : as %3A, # as %23, ? as %3F and % as %25)")
	u, err := url.Parse(given)
	if err != nil || u.Hostname() == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" ||
		(u.Scheme != "smtp" && u.Scheme != "smtps") {
		return nil, bad
	}
	s := &server{host: u.Hostname(), port: u.Port(), implicit: u.Scheme == "smtps", dial: new(net.Dialer).DialContext}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	switch {
	case s.port != "":
		if n, err := strconv.Atoi(s.port); err != nil || n < 1 || n > 65535 {
			return nil, bad
		}
	case s.implicit:
		s.port = "465"
	case s.user != "":
		s.port = "587"
	default:
		s.port = "25"
	}
	// A password is never sent in clear to another machine, nor to a machine without a valid certificate. Without a
	// password, TLS is used where the server offers it, with any certificate: an attacker on the network could also remove
	// the offer, and relays inside a company rarely have a trusted certificate (opportunistic security, RFC 7435).
	s.policy = mail.TLSOpportunistic
	if s.user != "" && !s.local() {
		s.policy = mail.TLSMandatory
	}
	s.tls = &tls.Config{
		ServerName: s.host, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: !s.implicit && s.policy == mail.TLSOpportunistic,
	}
	return s, nil
}

// local tells whether the server is on this machine.
func (s *server) local() bool {
	ip := net.ParseIP(s.host)
	return s.host == "localhost" || ip != nil && ip.IsLoopback()
}

// permanentError is an error that a retry cannot change.
type permanentError struct{ error }

func (p permanentError) Unwrap() error { return p.error }

// send hands the mail to the server. Nil means that the server has accepted the mail, and a permanentError that the server
// will never accept it. Any other error means that the server may accept the mail later, or that the server accepted it
// and its reply was lost.
func (s *server) send(ctx context.Context, from, to *netmail.Address, m *mail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// This function must close the connection, because go-mail leaves it open when the greeting, TLS or AUTH fails. go-mail
	// also knows only deadlines, and extends them; so the end of ctx closes the connection here.
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	session, err := s.handshake(ctx, conn, isASCII(from.Address) && isASCII(to.Address))
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	err = transmit(session, from, to, m)
	// QUIT is required by the protocol, but its result no longer matters.
	_ = conn.SetDeadline(time.Now().Add(time.Second))
	_ = session.Quit()
	return err
}

func (s *server) connect(ctx context.Context) (net.Conn, error) {
	conn, err := s.dial(ctx, "tcp", net.JoinHostPort(s.host, s.port))
	if err != nil || !s.implicit {
		return conn, err
	}
	secure := tls.Client(conn, s.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secure, nil
}

// handshake sends EHLO, starts TLS, and authenticates.
func (s *server) handshake(ctx context.Context, conn net.Conn, ascii bool) (*smtp.Client, error) {
	options := []mail.Option{
		mail.WithTimeout(sendTimeout),
		mail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
		mail.WithTLSConfig(s.tls),
		mail.WithTLSPolicy(s.policy),
	}
	if s.implicit {
		options = append(options, mail.WithSSL())
	}
	if ascii {
		// Requested without need, SMTPUTF8 makes relays bounce the mail when a later relay does not support it.
		options = append(options, mail.WithoutSMTPUTF8())
	}
	if s.user != "" {
		plain, login := mail.SMTPAuthPlain, mail.SMTPAuthLogin
		if s.local() {
			plain, login = mail.SMTPAuthPlainNoEnc, mail.SMTPAuthLoginNoEnc
		}
		options = append(options, mail.WithUsername(s.user), mail.WithPassword(s.password),
			mail.WithOpportunisticSMTPAuth(mail.SMTPAuthSCRAMSHA256, plain, login, mail.SMTPAuthCramMD5))
	}
	// Each mail needs a client of its own, because the client stores what it learns about the server without a lock.
	client, err := mail.NewClient(s.host, options...)
	if err != nil {
		return nil, err
	}
	return client.DialToSMTPClientWithContext(ctx)
}

// transmit runs the transaction of one mail (RFC 5321, section 3.3). A 5xx reply to RCPT or DATA concerns this mail and is
// permanent. A 5xx reply to MAIL FROM, or to the password, concerns the configuration, which an operator can correct.
func transmit(session *smtp.Client, from, to *netmail.Address, m *mail.Msg) error {
	if err := session.Mail(path(from)); err != nil {
		return fmt.Errorf("MAIL FROM: %w", err)
	}
	if err := session.Rcpt(path(to)); err != nil {
		return permanentIf5xx("RCPT TO", err)
	}
	data, err := session.Data()
	if err != nil {
		return permanentIf5xx("DATA", err)
	}
	if _, err := m.WriteTo(data); err != nil {
		return fmt.Errorf("DATA: %w", err) // DATA stays open, so the server drops the incomplete mail when the connection closes
	}
	if err := data.Close(); err != nil {
		return permanentIf5xx("DATA", err)
	}
	return nil
}

func permanentIf5xx(command string, err error) error {
	wrapped := fmt.Errorf("%s: %w", command, err)
	if reply, ok := errors.AsType[*textproto.Error](err); ok && reply.Code >= 500 && reply.Code <= 599 {
		return permanentError{wrapped}
	}
	return wrapped
}

// path returns an address in the form of the envelope: in angle brackets, without a name.
func path(a *netmail.Address) string { return (&netmail.Address{Address: a.Address}).String() }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

// explain describes an error in one line for users, with the server's reply.
func (s *server) explain(err error) string {
	message := err.Error()
	// textproto quotes and escapes the server's reply like a Go string.
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		message = strings.Replace(message, reply.Error(), strconv.Itoa(reply.Code)+" "+reply.Msg, 1)
	}
	if s.password != "" {
		message = strings.ReplaceAll(message, s.password, "xxxxx")
	}
	return line(message, 300)
}
