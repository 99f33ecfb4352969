package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/app"
	"github.com/closeloop/closeloop/internal/cli"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// patience is how long a test waits for what must come; it fails then, and never passes by waiting.
const patience = 60 * time.Second

// asProgram has the test binary be the program: a test can start a server or an import as a process of its own, and
// kill it, without a build.
const asProgram = "CLOSELOOP_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

var everyRole = []model.Role{model.Admin, model.Manager, model.Agent, model.Stakeholder, model.Partner, model.Intake}

// nobody stands for a caller without a token.
const nobody model.Role = ""

// testServer is the program on a database of its own, behind HTTP, with a user and a token for each role.
type testServer struct {
	t      *testing.T
	app    *app.App
	url    string
	tokens map[model.Role]string
	users  map[model.Role]string // their ids
	log    *journal
}

// settings are what a test wants otherwise.
type settings struct {
	smtpURL string           // mails are sent there
	rate    [2]config.Number // what a token's bucket holds, and gets back each second
	tracer  pgx.QueryTracer  // sees every statement
	collect time.Duration    // how long a loader waits for its siblings
	live    config.Live      // limits of sockets
	still   bool             // nothing runs but what a request asks for: the feed is not followed
	hooks   bool             // events are posted to webhooks, on this machine too
}

func newServer(t *testing.T, with ...settings) *testServer {
	t.Helper()
	var o settings
	if len(with) > 0 {
		o = with[0]
	}
	var options []pgtest.Option
	if o.tracer != nil {
		options = append(options, pgtest.WithTracer(o.tracer))
	}
	s := &testServer{t: t, log: &journal{}, tokens: map[model.Role]string{}, users: map[model.Role]string{}}
	c := &config.Config{
		Listen: "127.0.0.1:8080", SMTPURL: o.smtpURL, MailFrom: "closeloop <care@example.com>",
		RateLimit: o.rate[0], RateRestore: o.rate[1], Live: o.live,
	}
	if o.hooks {
		c.WebhookPrivate = "yes"
	}
	a, err := app.Open(t.Context(), c, app.Options{DB: pgtest.New(t, options...), Log: slog.New(s.log), CollectFor: o.collect})
	if err != nil {
		t.Fatal(err)
	}
	s.app = a
	web := httptest.NewServer(a.Handler())
	s.url = web.URL
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := a.CloseSockets(ending); err != nil {
			t.Error(err)
		}
		web.Close()
		a.Close()
	})
	if !o.still {
		a.Feed.Follow()
		running, end := context.WithCancel(context.Background())
		var background sync.WaitGroup
		background.Go(func() { a.Uploads.Run(running) })
		t.Cleanup(func() {
			end()
			background.Wait()
		})
	}
	if o.hooks {
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			a.Webhooks.Run(ctx)
		}()
		t.Cleanup(func() { stop(); <-ended })
	}
	if o.smtpURL != "" {
		if err := a.Mailer.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			ending, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			if err := a.Mailer.Stop(ending); err != nil {
				t.Error(err)
			}
		})
	}
	for _, role := range everyRole {
		secret, err := a.Setup.IssueToken(t.Context(), strings.ToLower(string(role))+"@example.com", role)
		if err != nil {
			t.Fatal(err)
		}
		s.tokens[role] = secret
		s.users[role] = s.ok(role, `{viewer {user {id}}}`, nil).text("viewer.user.id")
	}
	return s
}

// as is the server for a subtest.
func (s *testServer) as(t *testing.T) *testServer {
	one := *s
	one.t = t
	return &one
}

// addRule makes a rule over the API and gives its id; input adds to, or replaces, a rule that opens a case for every
// detractor.
func (s *testServer) addRule(input vars) string {
	s.t.Helper()
	rule := vars{"name": "Detractors", "scores": []int{0, 1, 2, 3, 4, 5, 6}}
	maps.Copy(rule, input)
	return s.ok(model.Manager, `mutation ($input: CreateRuleInput!) {createRule(input: $input) {rule {id}}}`, vars{"input": rule}).text("createRule.rule.id")
}

const submit = `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {created response {id}}}`

// submitted has a response come in; input adds to, or replaces, that of an unhappy customer. It gives the ids of the
// response and of the case that it opened, which is empty where it opened none.
func (s *testServer) submitted(input vars) (response, opened string) {
	s.t.Helper()
	in := vars{"score": 3, "customer": vars{"firstName": "Ana"}}
	maps.Copy(in, input)
	made := s.ok(model.Admin, `mutation ($input: SubmitResponseInput!) {submitResponse(input: $input) {response {id} case {id}}}`, vars{"input": in})
	return made.text("submitResponse.response.id"), made.text("submitResponse.case.id")
}

// move changes a case's status.
func (s *testServer) move(id string, to model.CaseStatus) {
	s.t.Helper()
	s.ok(model.Agent, `mutation ($input: UpdateCaseStatusInput!) {updateCaseStatus(input: $input) {case {id}}}`,
		vars{"input": vars{"caseId": id, "status": to, "note": "So it is."}})
}

// note adds a note to a case.
func (s *testServer) note(id, body string) {
	s.t.Helper()
	s.ok(model.Agent, `mutation ($input: AddNoteInput!) {addNote(input: $input) {note {id}}}`, vars{"input": vars{"caseId": id, "body": body}})
}

// count is the number of rows of a table.
func (s *testServer) count(table string) (n int) {
	s.t.Helper()
	if err := s.app.DB.Pool.QueryRow(s.t.Context(), "SELECT count(*) FROM "+table).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}

// journal is the server's log; a test can wait for a line.
type journal struct {
	mu    sync.Mutex
	lines []string
	grown chan struct{}
}

func (j *journal) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelInfo }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler           { return j }
func (j *journal) WithGroup(string) slog.Handler                { return j }

func (j *journal) Handle(_ context.Context, r slog.Record) error {
	line := r.Message
	r.Attrs(func(a slog.Attr) bool { line += fmt.Sprintf(" %s=%v", a.Key, a.Value); return true })
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
	if j.grown != nil {
		close(j.grown)
		j.grown = nil
	}
	return nil
}

// await waits for a line that contains the text.
func (j *journal) await(t *testing.T, text string) string {
	t.Helper()
	late := time.After(patience)
	for {
		j.mu.Lock()
		for _, line := range j.lines {
			if strings.Contains(line, text) {
				j.mu.Unlock()
				return line
			}
		}
		if j.grown == nil {
			j.grown = make(chan struct{})
		}
		grown := j.grown
		j.mu.Unlock()
		select {
		case <-grown:
		case <-late:
			t.Fatalf("the log never says %q", text)
		}
	}
}
