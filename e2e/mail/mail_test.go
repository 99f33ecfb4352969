package main

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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/closeloop/closeloop/model"
)

// mailServer is a real SMTP server on loopback. Until it listens, its port is taken and refuses connections.
type mailServer struct {
	t      *testing.T
	socket int
	url    string
	got    chan delivery
}

type delivery struct{ to, subject, body string }

func newMailServer(t *testing.T) *mailServer {
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
	return &mailServer{t: t, socket: socket, url: "smtp://127.0.0.1:" + port, got: make(chan delivery, 100)}
}

// listen brings the server up.
func (m *mailServer) listen() {
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
	m  *mailServer
	to string
}

func (s *session) Reset()                                    {}
func (s *session) Logout() error                             { return nil }
func (s *session) Mail(string, *smtp.MailOptions) error      { return nil }
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error { s.to = to; return nil }
func (s *session) Data(r io.Reader) error {
	d, err := readMail(r)
	if err != nil {
		s.m.t.Errorf("a mail to %s cannot be read: %v", s.to, err)
	}
	d.to = s.to
	s.m.got <- d
	return nil
}

// readMail gives a mail's subject and all its texts, as whoever gets it sees them.
func readMail(r io.Reader) (d delivery, err error) {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return d, err
	}
	if d.subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
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
		d.body += string(body) + "\n"
	}
}

// await waits for so many mails.
func (m *mailServer) await(n int) (mails []delivery) {
	m.t.Helper()
	late := time.After(patience)
	for len(mails) < n {
		select {
		case d := <-m.got:
			mails = append(mails, d)
		case <-late:
			m.t.Fatalf("%d mails came, not %d: %+v", len(mails), n, mails)
		}
	}
	return mails
}

func TestMailsArriveOnceTheServerIsUpAndHoldNoNote(t *testing.T) {
	t.Parallel()
	server := newMailServer(t)
	s := newServer(t, settings{smtpURL: server.url})
	s.ok(model.Admin, `mutation {updateSettings(input: {centralAddresses: ["central@example.com"]}) {settings {currency}}}`, nil)
	s.addRule(vars{"name": "Close the loop", "assignment": vars{"strategy": "USER", "userId": s.users[model.Agent]}, "notify": []vars{
		{"kind": "ADDRESS", "address": "desk@example.com"}, {"kind": "CENTRAL"}, {"kind": "ASSIGNEE"}, {"kind": "ACCOUNT_MANAGER"},
	}})
	const secret = "Do not tell her that we knew."
	_, opened := s.submitted(vars{"score": 1, "comment": "The seat was broken.", "customer": vars{
		"firstName": "Ana", "lastName": "Souza", "email": "ana@example.org", "accountManagerEmail": "DESK@example.com"}})
	s.log.await(t, "mail not sent yet")
	before := s.ok(model.Agent, `query ($id: ID!) {node(id: $id) {... on Case {notifications {kind to status}}}}`, vars{"id": opened})
	for _, n := range before.list("node.notifications") {
		if n.text("status") != "QUEUED" {
			t.Errorf("with the mail server down, a mail is %v", n.v)
		}
	}

	server.listen()
	s.note(opened, secret)
	s.ok(model.Agent, `mutation ($input: AssignCaseInput!) {assignCase(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": opened, "assigneeId": s.users[model.Manager], "note": secret}})
	s.ok(model.Manager, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": opened, "status": "CLOSED", "note": secret}})
	response, _ := s.submitted(vars{"score": 9, "customer": vars{"firstName": "Bo"}})
	s.ok(model.Manager, `mutation ($input: OpenCaseInput!) {openCase(input: $input) {case {id}}}`,
		vars{"input": vars{"responseId": response, "note": secret, "assigneeId": s.users[model.Admin]}})

	mails := server.await(6)
	var to []string
	for _, m := range mails {
		to = append(to, m.to)
		if strings.Contains(m.subject+m.body, "knew") {
			t.Errorf("a note is in the mail to %s: %s\n%s", m.to, m.subject, m.body)
		}
		if !strings.Contains(m.body, "http://127.0.0.1:8080/") {
			t.Errorf("the mail to %s leads nowhere:\n%s", m.to, m.body)
		}
		if m.to == "desk@example.com" && (!strings.Contains(m.body, "The seat was broken.") || !strings.Contains(m.body, "Ana Souza")) {
			t.Errorf("the alert does not say what happened:\n%s", m.body)
		}
	}
	slices.Sort(to)
	// Each address once for the response, and whoever gets a case once for each time.
	want := []string{"admin@example.com", "agent@example.com", "agent@example.com", "central@example.com", "desk@example.com", "manager@example.com"}
	if !slices.Equal(to, want) {
		t.Errorf("mails went to %v, not to %v", to, want)
	}
	if n := s.count("notifications"); n != len(want) {
		t.Errorf("%d notifications for %d mails", n, len(want))
	}
	// The server has said that it took the mail; that is written down a moment later.
	for began, sent := time.Now(), 0; sent < len(want); {
		sent = 0
		for _, c := range s.ok(model.Agent, `{cases {nodes {notifications {status attempts sentAt}}}}`, nil).list("cases.nodes") {
			for _, n := range c.list("notifications") {
				if n.text("status") == "SENT" && n.number("attempts") > 0 && !n.missing("sentAt") {
					sent++
				}
			}
		}
		if time.Since(began) > patience {
			t.Fatalf("%d of %d mails count as sent", sent, len(want))
		}
	}
}
