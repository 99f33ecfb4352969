package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/closeloop/closeloop/internal/answer"
	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/egress"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/httpd"
	"github.com/closeloop/closeloop/internal/importer"
	"github.com/closeloop/closeloop/internal/inflight"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/internal/live"
	"github.com/closeloop/closeloop/internal/notify"
	"github.com/closeloop/closeloop/internal/passive"
	"github.com/closeloop/closeloop/internal/persisted"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/rate"
	"github.com/closeloop/closeloop/internal/read"
	"github.com/closeloop/closeloop/internal/report"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/settings"
	"github.com/closeloop/closeloop/internal/source"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/internal/user"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
	"github.com/closeloop/closeloop/resolvers"
)

// parts are the packages' objects on one database.
type parts struct {
	DB            *pg.DB
	Configuration *configuration.Revisions
	Feed          *event.Log
	Queue         *job.Queue
	Work          *casework.Work
	Intake        *intake.Intake
	Customers     *customer.Customers
	Privacy       *privacy.Privacy
	Tagger        *theme.Tagger
	Subscriptions *webhook.Subscriptions
	Users         *user.Users
	Rules         *rule.Rules
	Themes        *theme.Themes
	Settings      *settings.Settings
	Registered    *persisted.Registry
	Mailer        *notify.Mailer
	Jobs          *job.Runtime
	Uploads       *importer.Uploads
	Sources       *source.Sources
	Webhooks      *webhook.Sender
	Reports       *report.Reports
	Rate          *rate.Buckets
	filterWork    *rate.Work
	SignIns       *audit.SignIns
}

// filterTime is how long the subscriptions of a token may decide filters in each second, where the setting is empty.
const filterTime = 200 * time.Millisecond

// wire makes the parts.
func (a *App) wire(db *pg.DB) (err error) {
	from, err := a.config.From()
	if err != nil {
		return err
	}
	a.DB, a.Configuration = db, configuration.New(db, time.Now)
	if a.Queue, err = job.NewQueue(db.Lane(pg.Background).Pool, a.log); err != nil {
		return err
	}
	limit, restore := a.config.Rate()
	addresses := webhook.Addresses{OfAdmins: egress.Policy{Private: a.config.PrivateWebhooks()}}
	a.Feed = event.New(db, a.log)
	a.Work = casework.New(db, a.Feed, a.Queue, time.Now)
	a.Intake, a.Customers = intake.New(a.Work), customer.New(a.Work)
	a.Privacy, a.Tagger = privacy.New(db, a.Work), theme.NewTagger(a.Work)
	a.Mailer, err = notify.New(db, notify.Options{SMTPURL: a.config.SMTPURL, From: from.String(), PublicURL: a.config.Base(), Log: a.log})
	if err != nil {
		return err
	}
	if a.Jobs, err = job.NewRuntime(db.Lane(pg.Background).Pool, job.RuntimeOptions{Log: a.log}, a.Mailer.Workers, a.Tagger.Workers); err != nil {
		return err
	}
	a.Rate = rate.New(limit, restore, time.Now)
	a.filterWork = rate.NewWork(cmp.Or(time.Duration(a.config.FilterTime), filterTime), a.Rate.Owes, time.Now)
	a.Sources = source.New(db, a.Configuration, a.Intake, time.Now)
	a.Uploads = importer.NewUploads(db, a.Intake, time.Now, a.log)
	a.Subscriptions = webhook.NewSubscriptions(db, a.Configuration, a.Feed, addresses, time.Now)
	a.Users = user.New(a.Configuration, a.Work, a.Feed, time.Now)
	a.Rules = rule.New(db, a.Configuration, time.Now)
	a.Settings = settings.New(a.Configuration)
	a.Registered = persisted.New(db.Lane(pg.SignIn), time.Now)
	a.Themes = theme.New(a.Configuration, a.Queue, time.Now)
	a.Webhooks = webhook.New(db, a.Configuration, a.Feed, a.Queue, webhook.Options{Addresses: addresses, Now: time.Now, Log: a.log})
	a.Reports = report.New(db.Lane(pg.Reports), a.Feed, a.filterWork, time.Now)
	a.SignIns = audit.NewSignIns(db, time.Now)
	return nil
}

// Handler is everything that the program answers over HTTP. It may be called once.
func (a *App) Handler() http.Handler {
	collect := a.options.CollectFor
	if collect == 0 {
		collect = read.BatchWait
	}
	entry := a.DB.Lane(pg.SignIn)
	tokens := auth.NewTokens(entry.Gorm, a.Configuration, time.Now)
	gate := auth.NewGate(tokens, auth.Watch{Accepted: a.SignIns.Accepted, Refused: a.SignIns.Refused})
	answers := inflight.New(a.config.Unread())
	var registeredOnly []model.Role
	for _, role := range a.config.RegisteredRoles() {
		registeredOnly = append(registeredOnly, model.Role(role))
	}
	proxies, _ := a.config.Proxies() // Validate has refused wrong ones
	var shared *answer.Answers
	if a.config.ShareAnswers != "no" {
		shared = answer.New(a.DB)
	}
	reader := read.New(a.DB, a.Feed, time.Now, collect)
	readings := rate.NewReadings()
	a.sockets = live.New(live.Options{
		Log:                       a.log,
		Ended:                     tokens.Ended,
		SignIn:                    signIn(gate),
		Hold:                      answers.Hold,
		Read:                      readInTurn(readings),
		InitTimeout:               time.Duration(a.config.InitTimeout),
		ReadTimeout:               a.config.Timeout(),
		MaxMessageBytes:           int64(a.config.MaxMessageBytes),
		MaxSubscriptionsPerSocket: int(a.config.MaxSubscriptions),
		MaxSocketsPerToken:        int(a.config.MaxSocketsPerToken),
		MaxSockets:                int(a.config.MaxSockets),
	})
	return httpd.Handler(httpd.Options{
		Resolver: &resolvers.Resolver{
			Work: a.Work, Intake: a.Intake, Customers: a.Customers, Privacy: a.Privacy, Allocator: passive.NewAllocator(a.Work),
			Tagger: a.Tagger, Retrier: notify.NewRetrier(a.Work, a.Queue),
			Webhooks: a.Subscriptions, Users: a.Users, Rules: a.Rules, Themes: a.Themes, Settings: a.Settings,
			Read: reader, Log: a.Feed, Uploads: a.Uploads, Sources: a.Sources, Reports: a.Reports,
			FilterWork: a.filterWork,
		},
		Read: reader, Gate: gate, Live: a.sockets, Rate: a.Rate, Readings: readings, Heavy: a.DB.HeavyTurn,
		Registered: a.Registered, RegisteredOnly: registeredOnly, NoAutomatic: a.config.PersistedQueries == "no",
		Sources: a.Sources, ClientTimeout: a.config.Timeout(), Answers: answers, Shared: shared,
		Origins: a.config.Origins(), Proxies: proxies, Present: httpd.Presenter(a.log), Ready: entry.Pool.Ping, Log: a.log,
	})
}

// readInTurn waits until a session's token may have a message read.
func readInTurn(readings *rate.Readings) func(ctx context.Context, key string) (done func()) {
	return func(ctx context.Context, key string) func() {
		token, err := auth.TokenOf(key)
		if err != nil {
			return func() {}
		}
		return readings.Begin(ctx, token)
	}
}

// signIn makes a socket's session of a token.
func signIn(gate *auth.Gate) func(ctx context.Context, remote, secret string) (live.Session, error) {
	return func(ctx context.Context, remote, secret string) (live.Session, error) {
		caller, err := gate.SignIn(ctx, remote, secret)
		var tooMany *auth.TooManyRefusals
		switch {
		case fault.Is(err, fault.CodeUnauthenticated), errors.As(err, &tooMany):
			return live.Session{}, err
		case err != nil:
			return live.Session{}, fmt.Errorf("%w: %w", live.ErrUnavailable, err)
		}
		session := live.Session{Key: caller.Key(), View: caller.View(), Context: func(ctx context.Context) context.Context { return auth.With(ctx, caller.Viewer) }}
		if caller.Expires != nil {
			session.Expires = *caller.Expires
		}
		return session, nil
	}
}
