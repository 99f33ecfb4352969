// Package notify owns who is told what by mail: how a mail is worded, the mail server it goes to, and the worker
// that sends what package job has queued.
//
// A notification is a row that starts QUEUED and ends SENT, FAILED or, where no mail server is configured, NOT_SENT.
// Whatever may pass (no connection, a 4xx reply, a password that is wrong today) is tried again for three days; a
// 5xx reply to the recipient or to the mail itself ends it, and so does a recipient who may not have it any more
// (recipient.go). The row and its job change in one transaction.
//
// No mail server and no database share a transaction: when the program dies between the server's 250 and our
// commit, the mail goes out again. Its Message-ID is made of the notification's id and the sender's domain, so the
// repeat carries the same one, and mail systems that look for repeats drop it.
//
// It refuses to carry the text of a note: nothing here reads notes, and no mail has a place for one, because what is
// forwarded, by hand or by a rule of somebody's mailbox, may reach the customer. It does not decide whom to tell
// (package casework does), and no error or log line of its own holds a password.
package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/internal/pg"
)

// Options say how mails leave.
type Options struct {
	// SMTPURL is the mail server: smtp://user:password@host:587 (STARTTLS where the server offers it; with a user,
	// demanded, unless the host is this machine) or smtps://user:password@host:465. User and password may be
	// missing. Empty: there is none, and mails become NOT_SENT.
	SMTPURL string
	// From is the sender: an address, or a name with one as in closeloop <care@example.com>.
	From string
	// PublicURL is where people reach the program; links in mails begin with it.
	PublicURL string
	// Log gets what becomes of mails, by id: no customer's words. Nil: nowhere.
	Log *slog.Logger
	// Backoff is how long to wait after that many tries, 1 being the first. Nil: 5 s, doubled each time, 15 min at most.
	Backoff func(attempt int) time.Duration
}

const (
	// atOnce is how many mails one server sends at a time. Mail servers limit the connections of one client, and
	// each mail takes some milliseconds: four send dozens a second.
	atOnce = 4
	// sending is what one mail may take from dialling to the server's last reply, and recording what it may take to write
	// the result down. Together they are shorter than job.Timeout.
	sending   = 40 * time.Second
	recording = 10 * time.Second
)

// Mailer sends the queued mails, as a worker of a job.Runtime.
type Mailer struct{ worker *worker }

// New checks the options.
func New(db *pg.DB, o Options) (*Mailer, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	w := &worker{db: db, log: o.Log, backoff: o.Backoff}
	if err := w.configure(o); err != nil {
		return nil, err
	}
	return &Mailer{w}, nil
}

// Workers registers the mailer's worker with a job.Runtime.
func (m *Mailer) Workers(workers *river.Workers, queues map[string]river.QueueConfig) error {
	queues[river.QueueDefault] = river.QueueConfig{MaxWorkers: atOnce}
	return river.AddWorkerSafely(workers, m.worker)
}

// Announce logs, when a server starts, that mails will not be sent because there is no mail server.
func (m *Mailer) Announce(ctx context.Context) {
	if m.worker.server == nil {
		m.worker.log.WarnContext(ctx, "no mail server is configured: mails are kept with status NOT_SENT")
	}
}

func (w *worker) configure(o Options) (err error) {
	if o.SMTPURL == "" {
		return nil
	}
	if w.server, err = parseServer(o.SMTPURL); err != nil {
		return err
	}
	w.writer, err = newWriter(o.From, o.PublicURL)
	return err
}

// parseFrom reads the sender.
func parseFrom(from string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(from)
	if err != nil {
		return nil, fmt.Errorf("the sender of mails, %q, is not an e-mail address", from)
	}
	return a, nil
}

// parsePublicURL reads where links lead, without a slash at the end.
func parsePublicURL(public string) (string, error) {
	u, err := url.Parse(public)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the public URL is not of the form https://closeloop.example.com")
	}
	return strings.TrimRight(public, "/"), nil
}
