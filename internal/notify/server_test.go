package notify

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/riverqueue/river"
	"github.com/wneessen/go-mail"

	"github.com/closeloop/closeloop/model"
)

func TestParseServer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		url            string
		host, port     string
		user, password string
		implicit       bool
		policy         mail.TLSPolicy
		unverified     bool
	}{
		{"smtp://relay", "relay", "25", "", "", false, mail.TLSOpportunistic, true},
		{"smtp://relay:2525/", "relay", "2525", "", "", false, mail.TLSOpportunistic, true},
		{"smtp://ana:p%40ss%2F@mail.example.com", "mail.example.com", "587", "ana", "p@ss/", false, mail.TLSMandatory, false},
		{"smtp://ana@mail.example.com:25", "mail.example.com", "25", "ana", "", false, mail.TLSMandatory, false},
		{"smtp://ana:pw@localhost:25", "localhost", "25", "ana", "pw", false, mail.TLSOpportunistic, true},
		{"smtp://ana:pw@[::1]:25", "::1", "25", "ana", "pw", false, mail.TLSOpportunistic, true},
		{"smtp://ana:pw@127.0.0.2", "127.0.0.2", "587", "ana", "pw", false, mail.TLSOpportunistic, true},
		{"smtp://ana:pw@localhost.example.com", "localhost.example.com", "587", "ana", "pw", false, mail.TLSMandatory, false},
		{"smtps://ana:pw@mail.example.com", "mail.example.com", "465", "ana", "pw", true, mail.TLSMandatory, false},
		{"smtps://relay", "relay", "465", "", "", true, mail.TLSOpportunistic, false},
		{"smtps://localhost:4650", "localhost", "4650", "", "", true, mail.TLSOpportunistic, false},
	} {
		s, err := parseServer(c.url)
		if err != nil {
			t.Errorf("%s was refused: %v", c.url, err)
			continue
		}
		if s.host != c.host || s.port != c.port || s.user != c.user || s.password != c.password || s.implicit != c.implicit ||
			s.policy != c.policy || s.tls.InsecureSkipVerify != c.unverified || s.tls.ServerName != c.host || s.tls.MinVersion != tls.VersionTLS12 {
			t.Errorf("%s is read as %+v", c.url, s)
		}
	}
}

func TestConfigure(t *testing.T) {
	t.Parallel()
	good := Options{SMTPURL: "smtp://relay", From: "care@example.com", PublicURL: "https://closeloop.example.com"}
	for name, change := range map[string]func(*Options){
		"another scheme":                 func(o *Options) { o.SMTPURL = "http://ana:s3cret@relay" },
		"no scheme":                      func(o *Options) { o.SMTPURL = "relay:25" },
		"no host":                        func(o *Options) { o.SMTPURL = "smtp://ana:s3cret@:25" },
		"a path":                         func(o *Options) { o.SMTPURL = "smtp://ana:s3cret@relay/box" },
		"a query":                        func(o *Options) { o.SMTPURL = "smtp://ana:s3cret@relay?tls=no" },
		"a slash in the password":        func(o *Options) { o.SMTPURL = "smtp://ana:s3cret/word@relay" },
		"a hash in the password":         func(o *Options) { o.SMTPURL = "smtp://ana:s3cret#word@relay" },
		"a percent sign in the password": func(o *Options) { o.SMTPURL = "smtp://ana:s3cret%word@relay" },
		"a port above 65535":             func(o *Options) { o.SMTPURL = "smtp://ana:s3cret@relay:70000" },
		"no sender":                      func(o *Options) { o.From = "" },
		"a sender without an address":    func(o *Options) { o.From = "closeloop" },
		"a forged sender":                func(o *Options) { o.From = "care@example.com\r\nBcc: all@example.com" },
		"no public URL":                  func(o *Options) { o.PublicURL = "" },
		"a relative public URL":          func(o *Options) { o.PublicURL = "/closeloop" },
		"a script as the public URL":     func(o *Options) { o.PublicURL = "javascript:alert(1)" },
	} {
		o := good
		change(&o)
		w := worker{}
		if err := w.configure(o); err == nil {
			t.Errorf("%s was accepted: %+v", name, o)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: the error contains the password: %q", name, err)
		}
	}
	if err := new(worker).configure(good); err != nil {
		t.Errorf("valid options %+v were refused: %v", good, err)
	}
}

// dialTo connects the mailer to the address, whatever the name of its server. It counts the open connections.
func dialTo(m sender, address string) *atomic.Int32 {
	open := new(atomic.Int32)
	m.worker.server.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		conn, err := new(net.Dialer).DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		open.Add(1)
		return &countedConn{Conn: conn, closed: sync.OnceFunc(func() { open.Add(-1) })}, nil
	}
	return open
}

type countedConn struct {
	net.Conn
	closed func()
}

func (c *countedConn) Close() error {
	c.closed()
	return c.Conn.Close()
}

func TestConnection(t *testing.T) {
	t.Parallel()
	t.Run("is closed after each try", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		m := w.mailer("smtp://ana:pw@mail.example.com") // the server offers no TLS, which a password requires
		open := dialTo(m, s.listen())
		events := w.start(m)
		w.alert("lead@example.com")
		w.until(events, river.EventKindJobSnoozed)
		if err := m.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := open.Load(); got != 0 {
			t.Errorf("%d connections are open, want none", got)
		}
	})

	t.Run("with a password uses TLS and checks the certificate", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		config, trusted := certificate(t, "mail.example.com")
		s.smtp.TLSConfig = config
		m := w.mailer("smtp://ana:pw@mail.example.com")
		dialTo(m, s.listen())
		m.worker.server.tls.RootCAs = trusted
		events := w.start(m)
		w.alert("lead@example.com")
		w.until(events, river.EventKindJobCompleted)
		if got := s.one(); !got.secure || got.user != "ana" {
			t.Errorf("the mail was sent by %q, with TLS: %t; want ana and TLS", got.user, got.secure)
		}
	})

	t.Run("sends no password to a server without TLS", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.smtp.AllowInsecureAuth = true // the server would accept the password
		m := w.mailer("smtp://ana:pw@mail.example.com")
		dialTo(m, s.listen())
		events := w.start(m)
		id := w.alert("lead@example.com")
		w.until(events, river.EventKindJobSnoozed)
		unsent(t, w, s, id, "STARTTLS")
	})

	t.Run("sends no password to a server with the certificate of another name", func(t *testing.T) {
		t.Parallel()
		for _, scheme := range []string{"smtp", "smtps"} {
			t.Run(scheme, func(t *testing.T) {
				t.Parallel()
				w, s := newWorld(t), newMailServer(t)
				config, trusted := certificate(t, "other.example.com")
				m := w.mailer(scheme + "://ana:pw@mail.example.com")
				m.worker.server.tls.RootCAs = trusted
				if scheme == "smtps" {
					dialTo(m, s.listenTLS(config))
				} else {
					s.smtp.TLSConfig = config
					dialTo(m, s.listen())
				}
				events := w.start(m)
				id := w.alert("lead@example.com")
				w.until(events, river.EventKindJobSnoozed)
				unsent(t, w, s, id, "certificate")
			})
		}
	})

	t.Run("without a password uses TLS where the server offers it", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.smtp.TLSConfig, _ = certificate(t, "nobody.trusts.this")
		m := w.mailer("smtp://relay.example.com")
		dialTo(m, s.listen())
		w.start(m)
		w.alert("lead@example.com")
		if got := s.one(); !got.secure {
			t.Error("the mail was sent in clear although the server offered TLS")
		}
	})

	t.Run("with smtps uses TLS from the first byte", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		config, trusted := certificate(t, "mail.example.com")
		m := w.mailer("smtps://ana:pw@mail.example.com")
		dialTo(m, s.listenTLS(config))
		m.worker.server.tls.RootCAs = trusted
		w.start(m)
		w.alert("lead@example.com")
		if got := s.one(); !got.secure || got.user != "ana" {
			t.Errorf("the mail was sent by %q, with TLS: %t; want ana and TLS", got.user, got.secure)
		}
	})

	t.Run("uses SMTPUTF8 only for an address outside ASCII", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.smtp.EnableSMTPUTF8 = true
		w.start(w.mailer("smtp://" + s.listen()))
		w.alert("jürgen@bücher.example")
		if got := s.one(); got.to != "jürgen@bücher.example" || !got.utf8 {
			t.Errorf("the mail was sent to %q, with SMTPUTF8: %t; want SMTPUTF8", got.to, got.utf8)
		}
		w.alert("juergen@buecher.example")
		if got := s.one(); got.utf8 {
			t.Error("the mail asked for SMTPUTF8 without need")
		}
	})
}

// unsent checks that the mail waits for the given reason, and that the server got no password.
func unsent(t *testing.T, w *world, s *mailServer, id model.NotificationID, reason string) {
	t.Helper()
	n := w.row(id)
	if n.Status != model.NotificationQueued || !strings.Contains(text(n.LastError), reason) {
		t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
	}
	select {
	case call := <-s.calls:
		t.Errorf("the server got the password %q", call)
	default:
	}
	s.none()
}
