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

// server is the mail server that takes our mails.
type server struct {
	host, port     string
	user, password string
	implicit       bool // TLS from the first byte: smtps
	policy         mail.TLSPolicy
	tls            *tls.Config
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
}

// parseServer reads an SMTP URL. Its errors never quote it: it holds a password.
func parseServer(given string) (*server, error) {
	bad := errors.New("the mail server's URL is not of the form smtp://user:password@host:587 or smtps://user:password@host:465" +
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
	// A password goes to no other machine in clear, nor to one that cannot prove its name. Without one, TLS is taken
	// where it is offered, whatever the certificate: an attacker on the way could as well hide the offer, and relays
	// inside a company rarely have a certificate that anybody trusts (opportunistic security, RFC 7435).
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

// refused is a reply that trying again will not change.
type refused struct{ error }

func (r refused) Unwrap() error { return r.error }

// send hands the mail over. Nil means that the server has taken charge of it; refused, that it never will; any other
// error, that it may later, or that it did and the answer was lost.
func (s *server) send(ctx context.Context, from, to *netmail.Address, m *mail.Msg) error {
	ctx, cancel := context.WithTimeout(ctx, sending)
	defer cancel()
	conn, err := s.connect(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// Ours to close: go-mail leaves it open where the greeting, TLS or AUTH fails. It also knows deadlines only, and
	// puts them off, so ctx ends the conversation from here.
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	session, err := s.greet(ctx, conn, isASCII(from.Address) && isASCII(to.Address))
	if err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	err = hand(session, from, to, m)
	// Politeness that changes nothing any more.
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

// greet says EHLO, begins TLS, and signs in.
func (s *server) greet(ctx context.Context, conn net.Conn, ascii bool) (*smtp.Client, error) {
	options := []mail.Option{
		mail.WithTimeout(sending),
		mail.WithDialContextFunc(func(context.Context, string, string) (net.Conn, error) { return conn, nil }),
		mail.WithTLSConfig(s.tls),
		mail.WithTLSPolicy(s.policy),
	}
	if s.implicit {
		options = append(options, mail.WithSSL())
	}
	if ascii {
		// Asked for without need, it makes relays bounce the mail where a later one lacks it.
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
	// One for each mail: it notes what it found out about its server, unguarded.
	client, err := mail.NewClient(s.host, options...)
	if err != nil {
		return nil, err
	}
	return client.DialToSMTPClientWithContext(ctx)
}

// hand does one mail's transaction (RFC 5321, section 3.3). A 5xx reply to MAIL FROM is about us, as one to the
// password is, and somebody may mend it; to RCPT or DATA it is about this mail.
func hand(session *smtp.Client, from, to *netmail.Address, m *mail.Msg) error {
	if err := session.Mail(path(from)); err != nil {
		return fmt.Errorf("MAIL FROM: %w", err)
	}
	if err := session.Rcpt(path(to)); err != nil {
		return final("RCPT TO", err)
	}
	data, err := session.Data()
	if err != nil {
		return final("DATA", err)
	}
	if _, err := m.WriteTo(data); err != nil {
		return fmt.Errorf("DATA: %w", err) // not closed: what the server has of the mail is dropped with the connection
	}
	if err := data.Close(); err != nil {
		return final("DATA", err)
	}
	return nil
}

func final(command string, err error) error {
	wrapped := fmt.Errorf("%s: %w", command, err)
	if reply, ok := errors.AsType[*textproto.Error](err); ok && reply.Code >= 500 && reply.Code <= 599 {
		return refused{wrapped}
	}
	return wrapped
}

// path is an address as the envelope holds it: in angle brackets, without a name.
func path(a *netmail.Address) string { return (&netmail.Address{Address: a.Address}).String() }

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0
}

// explain puts what went wrong into one line for people: who failed, in the server's own words.
func (s *server) explain(err error) string {
	said := err.Error()
	// textproto quotes and escapes what the server said, as if it were Go.
	if reply, ok := errors.AsType[*textproto.Error](err); ok {
		said = strings.Replace(said, reply.Error(), strconv.Itoa(reply.Code)+" "+reply.Msg, 1)
	}
	if s.password != "" {
		said = strings.ReplaceAll(said, s.password, "xxxxx")
	}
	return line(said, 300)
}
