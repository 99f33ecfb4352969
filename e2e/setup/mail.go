//go:build unix

// The mail server takes its port before it listens, by system calls of Unix.

package setup

import (
	"encoding/base64"
	"errors"
	"io"
	"log"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

// MailServer is a real SMTP server on loopback. Until Listen is called, its port is taken and refuses connections.
type MailServer struct {
	t      *testing.T
	socket int
	URL    string    // for CLOSELOOP_SMTP_URL
	Got    chan Mail // every mail that arrives
}

// Mail is a mail as its recipient reads it.
type Mail struct{ To, Subject, Body string }

// NewMailServer takes a port. Mails are refused until Listen is called.
func NewMailServer(t *testing.T) *MailServer {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	syscall.CloseOnExec(socket)
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	at, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(at.(*syscall.SockaddrInet4).Port)
	return &MailServer{t: t, socket: socket, URL: "smtp://127.0.0.1:" + port, Got: make(chan Mail, 100)}
}

// Listen starts the server, which ends with the test.
func (m *MailServer) Listen() {
	m.t.Helper()
	if err := syscall.Listen(m.socket, 100); err != nil {
		m.t.Fatal(err)
	}
	file := os.NewFile(uintptr(m.socket), "mail")
	listener, err := net.FileListener(file)
	if err := errors.Join(err, file.Close()); err != nil {
		m.t.Fatal(err)
	}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{m: m}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends with Close
	}()
	m.t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
}

type session struct {
	m  *MailServer
	to string
}

func (s *session) Reset() {}

func (s *session) Logout() error { return nil }

func (s *session) Mail(string, *smtp.MailOptions) error { return nil }

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }

func (s *session) Data(r io.Reader) error {
	d, err := readMail(r)
	if err != nil {
		s.m.t.Errorf("a mail to %s cannot be read: %v", s.to, err)
	}
	d.To = s.to
	s.m.Got <- d
	return nil
}

// readMail returns the decoded subject and all parts of a mail.
func readMail(r io.Reader) (d Mail, err error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return d, err
	}
	if d.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return d, err
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || !strings.HasPrefix(kind, "multipart/") {
		return d, errors.Join(err, errors.New("it has no parts"))
	}
	for parts := multipart.NewReader(m.Body, parameters["boundary"]); ; {
		part, err := parts.NextPart() // undoes quoted-printable
		if err == io.EOF {
			return d, nil
		}
		if err != nil {
			return d, err
		}
		var text io.Reader = part
		if strings.EqualFold(part.Header.Get("Content-Transfer-Encoding"), "base64") {
			text = base64.NewDecoder(base64.StdEncoding, part)
		}
		body, err := io.ReadAll(text)
		if err != nil {
			return d, err
		}
		d.Body += string(body) + "\n"
	}
}

// Await waits for n mails.
func (m *MailServer) Await(n int) (mails []Mail) {
	m.t.Helper()
	late := time.After(Patience)
	for len(mails) < n {
		select {
		case d := <-m.Got:
			mails = append(mails, d)
		case <-late:
			m.t.Fatalf("%d mails arrived, want %d: %+v", len(mails), n, mails)
		}
	}
	return mails
}
