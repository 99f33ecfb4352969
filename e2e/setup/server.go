// Package setup owns what the end-to-end tests share: a server in the test's own process or as another process, clients
// over HTTP and WebSocket, the operations that most tests send, mail servers, and clusters of PostgreSQL. Every server
// has a database of its own.
//
// It refuses assertions about one subject; these belong into the test packages. Only tests may import it.
package setup

import (
	"cmp"
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/logline"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Patience is how long a test waits for something that must happen. The test fails afterwards; waiting never makes a
// test pass.
const Patience = 60 * time.Second

// Roles are all roles. NewServer makes a user of each.
var Roles = []model.Role{model.Admin, model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake}

const endless = 2_000_000_000 // points

// Server is closeloop behind HTTP. NewServer runs it in the test's own process; Serve runs it as another process, and
// then only T, URL and Tokens are set.
type Server struct {
	T      testing.TB
	App    *app.App
	URL    string // without a path
	Tokens map[model.Role]string
	Users  map[model.Role]string // ids
	Log    *Journal
}

// Options change the server of NewServer. The zero value is a server that follows its log and works on imports, and
// sends no mails.
type Options struct {
	SMTPURL    string           // a mail server; empty: no job runs, and no mail is sent
	Rate       [2]config.Number // the points that a token's bucket holds, and those restored each second; two zeros: endless
	Tracer     pgx.QueryTracer  // sees every statement; then answers are shared only if HTTP says so
	CollectFor time.Duration    // how long a loader collects keys
	HTTP       config.HTTP      // origins and proxies
	Live       config.Live      // limits of sockets
	Limits     *pg.Limits       // of callers, on the fewest connections that there can be; nil: the defaults
	Still      bool             // nothing runs in the background: the log is not followed, imports wait
	Webhooks   bool             // events are sent to webhooks, on loopback too
	LogAll     bool             // the log has every line, and every statement as a slow one
}

// NewServer starts the program on a database of its own, with a user and a token for each role.
func NewServer(t testing.TB, with ...Options) *Server {
	t.Helper()
	var o Options
	if len(with) > 0 {
		o = with[0]
	}
	if o.Rate == [2]config.Number{} { // on a busy machine every statement takes long, and is charged so
		o.Rate = [2]config.Number{endless, endless}
	}
	var options []pgtest.Option
	if o.Tracer != nil {
		o.HTTP.ShareAnswers = cmp.Or(o.HTTP.ShareAnswers, "no")
		options = append(options, pgtest.WithTracer(o.Tracer))
	}
	s := &Server{T: t, Log: &Journal{all: o.LogAll}, Tokens: map[model.Role]string{}, Users: map[model.Role]string{}}
	if o.LogAll {
		options = append(options, pgtest.WithLog(logline.Logger(slog.New(s.Log)), time.Nanosecond))
	}
	if o.Limits != nil {
		options = append(options, pgtest.WithLimits(*o.Limits))
	}
	c := &config.Config{
		Listen: "127.0.0.1:8080", SMTPURL: o.SMTPURL, MailFrom: "closeloop <care@example.com>",
		RateLimit: o.Rate[0], RateRestore: o.Rate[1], HTTP: o.HTTP, Live: o.Live,
	}
	if o.Webhooks {
		c.WebhookPrivate = "yes"
	}
	a, err := app.Open(t.Context(), c, app.Options{DB: pgtest.New(t, options...), Log: slog.New(s.Log), CollectFor: o.CollectFor})
	if err != nil {
		t.Fatal(err)
	}
	s.App = a
	s.URL = serve(t, a)
	if !o.Still {
		a.Feed.Follow()
		running, end := context.WithCancel(context.Background())
		var background sync.WaitGroup
		background.Go(func() { a.Uploads.Run(running) })
		t.Cleanup(func() {
			end()
			background.Wait()
		})
	}
	if o.Webhooks {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a.Webhooks.Run(ctx)
		}()
		t.Cleanup(func() { stop(); <-ended })
	}
	if o.SMTPURL != "" {
		a.Jobs.Start(context.Background())
		t.Cleanup(func() {
			ending, cancel := context.WithTimeout(context.Background(), Patience)
			defer cancel()
			if err := a.Jobs.Stop(ending); err != nil {
				t.Error(err)
			}
		})
	}
	for _, role := range Roles {
		secret, err := a.Users.IssueToken(t.Context(), auth.System("test"), strings.ToLower(string(role))+"@example.com", role)
		if err != nil {
			t.Fatal(err)
		}
		s.Tokens[role] = secret
		if !strings.Contains(o.HTTP.RegisteredOnly, string(role)) { // such a role may not ask for it
			s.Users[role] = s.OK(role, `{viewer {user {id}}}`, nil).Text("viewer.user.id")
		}
	}
	return s
}

// serve serves the program until the test ends, and returns its address.
func serve(t testing.TB, a *app.App) (url string) {
	web := httptest.NewServer(a.Handler())
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), Patience)
		defer cancel()
		if err := a.CloseSockets(ending); err != nil {
			t.Error(err)
		}
		web.Close()
		a.Close()
	})
	return web.URL
}

// As is the same server for a subtest, whose failures it reports.
func (s *Server) As(t testing.TB) *Server {
	one := *s
	one.T = t
	return &one
}

// Count is the number of rows of a table. A WHERE clause may follow the name.
func (s *Server) Count(table string) (n int) {
	s.T.Helper()
	if err := s.App.DB.Pool.QueryRow(s.T.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		s.T.Fatal(err)
	}
	return n
}
