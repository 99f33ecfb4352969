// Package notify owns mails: their content, which part of the content each recipient may see, the connection to the mail
// server, and the worker that sends the mails that package job has queued.
//
// A notification is a row that starts QUEUED and ends SENT, FAILED or, where no mail server is configured, NOT_SENT.
// An error that may pass (no connection, a 4xx reply, a wrong password) is retried for three days. A 5xx reply to the
// recipient or to the mail itself is final, and so is a recipient who may no longer receive the mail (recipient.go). The
// job is removed after its row has got the final status: a job that runs again because a server ended in between finds
// that, and does nothing.
//
// A mail server and a database cannot share a transaction: when the program ends between the server's reply 250 and the
// commit, the mail is sent again. The Message-ID is made of the notification's id and the sender's domain, so the
// repeated mail has the same one, and mail systems that detect repeats drop it.
//
// It never sends the text of a note, because a forwarded mail may reach the customer: no code here reads notes, and no mail
// has a field for one. It does not choose the recipients; packages assignment and casework do. None of its errors and log
// lines contains a password.
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

// Options say how mails are sent.
type Options struct {
	// SMTPURL is the mail server: smtp://user:password@host:587 (STARTTLS where the server offers it; required with a
	// user, unless the host is this machine) or smtps://user:password@host:465. User and password are optional. Empty:
	// there is no mail server, and mails become NOT_SENT.
	SMTPURL string
	// From is the sender: an address, or a name with one as in closeloop <care@example.com>.
	From string
	// PublicURL is the program's address for users; links in mails begin with it.
	PublicURL string
	// Log gets the results of mails, by id and without customer data. Nil: no log.
	Log *slog.Logger
	// Backoff returns the wait after a try; the first try is 1. Nil: 5 s, doubled after each try, 15 min at most.
	Backoff func(attempt int) time.Duration
}

const (
	// concurrency is how many mails one server sends at the same time. Mail servers limit the connections of one client,
	// and each mail takes some milliseconds: four connections send dozens of mails a second.
	concurrency = 4
	// sendTimeout limits one mail, from dialling to the server's last reply, and recordTimeout the write of its result.
	// Both together must be shorter than job.Timeout.
	sendTimeout   = 40 * time.Second
	recordTimeout = 10 * time.Second
)

// Mailer sends the queued mails, as a worker of a job.Runtime.
type Mailer struct{ worker *worker }

// New makes a mailer; it returns an error where an option is invalid.
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
	queues[river.QueueDefault] = river.QueueConfig{MaxWorkers: concurrency}
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

// parsePublicURL returns the public URL without a slash at the end.
func parsePublicURL(public string) (string, error) {
	u, err := url.Parse(public)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return "", errors.New("the public URL must have the form https://closeloop.example.com, without a query or fragment")
	}
	return strings.TrimRight(public, "/"), nil
}
