package notify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	netmail "net/mail"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/sys/unix"
)

// patience ends a test that hangs. No test passes by waiting this long.
const patience = 2 * time.Minute

// delivery is one mail that the server accepted.
type delivery struct {
	from, to string
	data     string
	secure   bool
	utf8     bool
	user     string
}

// mailServer is a real SMTP server on loopback that answers as the test chooses.
type mailServer struct {
	t     *testing.T
	smtp  *smtp.Server
	got   chan delivery
	calls chan string   // "user:password" of each AUTH
	data  chan struct{} // where block is set: one value for each DATA that began
	block chan struct{} // where it is set: DATA waits until the test closes it

	mu      sync.Mutex
	replies map[string][]error // by command: MAIL, RCPT, DATA, AUTH, or TAKEN after a delivery; each reply is used once
}

func newMailServer(t *testing.T) *mailServer {
	t.Helper()
	s := &mailServer{
		t: t, got: make(chan delivery, 1000), calls: make(chan string, 100), data: make(chan struct{}, 100),
		replies: map[string][]error{},
	}
	s.smtp = smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{server: s, conn: c}, nil
	}))
	s.smtp.Domain = "mail.example.com"
	s.smtp.ErrorLog = log.New(io.Discard, "", 0)
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = patience, patience
	return s
}

// serve accepts connections until the test ends, and returns the address.
func (s *mailServer) serve(l net.Listener) string {
	s.t.Helper()
	ended := make(chan error, 1)
	go func() { ended <- s.smtp.Serve(l) }()
	s.t.Cleanup(func() {
		_ = s.smtp.Close()
		<-ended
	})
	return l.Addr().String()
}

func (s *mailServer) listen() string {
	s.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		s.t.Fatal(err)
	}
	return s.serve(l)
}

// listenTLS listens with TLS from the first byte.
func (s *mailServer) listenTLS(config *tls.Config) string {
	s.t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", config)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.serve(l)
}

// down binds a port without listening, so that no other process can use the port; up listens on it.
func down(t *testing.T) (address string, up func() net.Listener) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port), func() net.Listener {
		if err := unix.Listen(fd, 16); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// next sets the replies to the next commands of the name; nil accepts the command.
func (s *mailServer) next(command string, replies ...error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.replies[command] = append(s.replies[command], replies...)
}

func (s *mailServer) reply(command string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.replies[command]
	if len(waiting) == 0 {
		return nil
	}
	s.replies[command] = waiting[1:]
	return waiting[0]
}

func reply(code int, text string) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 0, 0}, Message: text}
}

// one waits for the next delivery.
func (s *mailServer) one() delivery {
	s.t.Helper()
	select {
	case d := <-s.got:
		return d
	case <-time.After(patience):
		s.t.Fatal("no mail was delivered")
		return delivery{}
	}
}

// none checks that there was no delivery except those that the test has read.
func (s *mailServer) none() {
	s.t.Helper()
	select {
	case d := <-s.got:
		s.t.Errorf("an unexpected mail to %s:\n%s", d.to, d.data)
	default:
	}
}

type session struct {
	server   *mailServer
	conn     *smtp.Conn
	delivery delivery
}

func (s *session) Mail(from string, o *smtp.MailOptions) error {
	s.delivery.from, s.delivery.utf8 = from, o.UTF8
	return s.server.reply("MAIL")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.delivery.to = to
	return s.server.reply("RCPT")
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.server.block != nil {
		s.server.data <- struct{}{}
		<-s.server.block
	}
	if err := s.server.reply("DATA"); err != nil {
		return err
	}
	s.delivery.data = string(data)
	_, s.delivery.secure = s.conn.TLSConnectionState()
	s.server.got <- s.delivery
	return s.server.reply("TAKEN")
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func (s *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		s.server.calls <- user + ":" + password
		if err := s.server.reply("AUTH"); err != nil {
			return err
		}
		s.delivery.user = user
		return nil
	}), nil
}

// certificate makes a self-signed certificate for the name, and a pool that trusts it.
func certificate(t *testing.T, name string) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, pool
}

// read parses a mail into its header, text and HTML.
func read(t *testing.T, data string) (header netmail.Header, plain, html string) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(data))
	if err != nil {
		t.Fatalf("read the mail: %v\n%s", err, data)
	}
	parts := partsOf(t, m)
	if len(parts) != 2 || parts[0].kind != "text/plain" || parts[1].kind != "text/html" {
		t.Fatalf("the parts are not text, then HTML: %+v", parts)
	}
	return m.Header, parts[0].body, parts[1].body
}
