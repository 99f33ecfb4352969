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

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/internal/job"
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
	// Also registers workers of other packages, with queues of their own: one client works all jobs, because the one
	// that leads looks after those of all servers, and gives up what it has no worker for. Nil: there are none.
	Also func(*river.Workers, map[string]river.QueueConfig) error
	// PollEvery is how often to look for queued mails: nobody tells us of them (see job.Driver). 0: 500 ms.
	PollEvery time.Duration
}

const (
	// workers is how many mails one server sends at a time. Mail servers limit the connections of one client, and
	// each mail takes some milliseconds: four send dozens a second.
	workers = 4
	// sending is what one mail may take from dialling to the server's last reply, and jobTimeout the whole job: what
	// became of the mail must still be written down. A job that runs past rescueAfter counts as its server's death
	// and runs again elsewhere, so the three are in this order.
	sending     = 40 * time.Second
	recording   = 10 * time.Second
	jobTimeout  = time.Minute
	rescueAfter = 2 * time.Minute
)

// Mailer sends what is queued. Any number of them may work on one database.
type Mailer struct {
	server *server // nil: no mail server is configured
	client *river.Client[pgx.Tx]
	log    *slog.Logger
}

// New checks the options and makes a mailer that does not run yet.
func New(db *pg.DB, o Options) (*Mailer, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Backoff == nil {
		o.Backoff = backoff
	}
	if o.PollEvery <= 0 {
		o.PollEvery = 500 * time.Millisecond
	}
	w := &worker{db: db, log: o.Log, backoff: o.Backoff}
	if err := w.configure(o); err != nil {
		return nil, err
	}
	bundle := river.NewWorkers()
	if err := river.AddWorkerSafely(bundle, w); err != nil {
		return nil, fmt.Errorf("register the mail worker: %w", err)
	}
	queues := map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}}
	if o.Also != nil {
		if err := o.Also(bundle, queues); err != nil {
			return nil, fmt.Errorf("register other workers: %w", err)
		}
	}
	client, err := river.NewClient(job.NewDriver(db.Pool), &river.Config{
		Queues:  queues,
		Workers: bundle,
		// While servers are upgraded one by one, a job that this one does not know waits for one that does.
		FetchOnlyKnownKinds:  true,
		PollOnly:             true,
		FetchPollInterval:    o.PollEvery,
		FetchCooldown:        min(o.PollEvery, river.FetchCooldownDefault),
		JobTimeout:           jobTimeout,
		RescueStuckJobsAfter: rescueAfter,
		SoftStopTimeout:      jobTimeout,
		Logger:               quiet(o.Log),
		ErrorHandler:         reporter{o.Log},
	})
	if err != nil {
		return nil, fmt.Errorf("open the job queue: %w", err)
	}
	return &Mailer{server: w.server, client: client, log: o.Log}, nil
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

// Start begins to send, and returns. When ctx ends, no new mail is begun, as with Stop.
func (m *Mailer) Start(ctx context.Context) error {
	if m.server == nil {
		m.log.WarnContext(ctx, "no mail server is configured: mails are kept with status NOT_SENT")
	}
	if err := m.client.Start(ctx); err != nil {
		return fmt.Errorf("start sending mails: %w", err)
	}
	return nil
}

// Stop begins no new mail and waits for those under way. When ctx ends first, they are broken off, which takes a
// moment more, and are sent by the next one that runs.
func (m *Mailer) Stop(ctx context.Context) error {
	err := m.client.Stop(ctx)
	if err == nil || ctx.Err() == nil {
		return err
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), recording+5*time.Second)
	defer cancel()
	if err := m.client.StopAndCancel(late); err != nil {
		return fmt.Errorf("break off sending mails: %w", err)
	}
	return nil
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
