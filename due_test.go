package main

import (
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/mail"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// postOffice is a real SMTP server on loopback that counts mails by their Message-ID. Unlike mailServer, it expects
// clients to die in the middle of a mail.
type postOffice struct {
	url string

	mu    sync.Mutex
	came  map[string]int // by Message-ID, how often all of the mail was here
	grown chan struct{}  // closed, and replaced, with each mail
}

func newPostOffice(t *testing.T) *postOffice {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &postOffice{url: "smtp://" + listener.Addr().String(), came: map[string]int{}, grown: make(chan struct{})}
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &counter{p: p}, nil }))
	server.ErrorLog = log.New(io.Discard, "", 0)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(listener) // ends with Close
	}()
	t.Cleanup(func() {
		_ = server.Close()
		<-ended
	})
	return p
}

type counter struct{ p *postOffice }

func (*counter) Reset()                               {}
func (*counter) Logout() error                        { return nil }
func (*counter) Mail(string, *smtp.MailOptions) error { return nil }
func (*counter) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (c *counter) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return err // its sender was killed
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.came[m.Header.Get("Message-Id")]++
	close(c.p.grown)
	c.p.grown = make(chan struct{})
	return nil
}

// await waits for so many different mails and gives how often each came.
func (p *postOffice) await(t *testing.T, n int) map[string]int {
	t.Helper()
	late := time.After(patience)
	for {
		p.mu.Lock()
		came, grown := p.came, p.grown
		if len(came) >= n {
			defer p.mu.Unlock()
			return maps.Clone(came) // a mail may come again while the test reads
		}
		have := len(came)
		p.mu.Unlock()
		select {
		case <-grown:
		case <-late:
			t.Fatalf("%d different mails came, not %d", have, n)
		}
	}
}

const (
	killings = 11                // with two servers, and again with three
	atATime  = 14                // cases that fall due around each of them
	answers  = "closeloop is at" // what a server says when it is up
)

// farm is a number of servers on one database, each a process of its own.
type farm struct {
	t        *testing.T
	settings []string
	alive    []*program
	killed   int
}

// keep starts servers until there are so many; it does not wait for them.
func (f *farm) keep(n int) {
	for len(f.alive) < n {
		f.alive = append(f.alive, start(f.t, f.settings, "serve"))
	}
}

// kill kills one of those that are up, whichever it is.
func (f *farm) kill() {
	f.t.Helper()
	one := 0 // where none has said so yet, though one has done something: the first
	for _, i := range rand.Perm(len(f.alive)) {
		if strings.Contains(f.alive[i].output(), answers) {
			one = i
		}
	}
	p := f.alive[one]
	p.await(answers)
	f.alive = slices.Delete(f.alive, one, one+1)
	p.kill()
	f.killed++
}

// stop ends all in good order.
func (f *farm) stop() {
	f.t.Helper()
	for _, p := range f.alive {
		p.await(answers)
		if err := p.cmd.Process.Signal(os.Interrupt); err != nil {
			f.t.Fatal(err)
		}
	}
	for _, p := range f.alive {
		p.exit()
	}
	f.alive = nil
}

// Cases fall due all along, while two servers, and then three, are killed one after the other and come back: each case
// falls overdue once, takes each of its steps once, and each mail of it is one mail. A mail whose server dies between
// the mail server's 250 and its own commit comes again, as the same mail: its Message-ID says so.
func TestWhicheverServersAreKilledEachCaseFallsOverdueAndEscalatesOnce(t *testing.T) {
	t.Parallel()
	const target = 48 * time.Hour
	post := newPostOffice(t)
	s := newServer(t) // takes the responses in, and shows the feed; what falls due is the others' to see
	s.addRule(vars{
		"assignment": vars{"strategy": "USER", "userId": s.users[model.Agent]}, "followUpTarget": model.Duration(target).String(),
		"escalations": []vars{
			{"after": model.Duration(target + 50*time.Millisecond).String(), "notify": []vars{{"kind": "ASSIGNEE"}, {"kind": "ADDRESS", "address": "boss@example.com"}}},
			{"after": model.Duration(target + 100*time.Millisecond).String(), "notify": []vars{{"kind": "ADDRESS", "address": "boss@example.com"}},
				"reassign": vars{"strategy": "ROUND_ROBIN", "userIds": []string{s.users[model.Agent], s.users[model.Manager], s.users[model.Admin]}}},
		},
	})
	overdue, escalated := s.watch(model.Manager, `(types: [OVERDUE])`, opened), s.watch(model.Manager, `(types: [ESCALATED])`, opened)
	servers := &farm{t: t, settings: []string{
		"DATABASE_URL=" + pgtest.URL(t, s.app.DB), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_SMTP_URL=" + post.url, "CLOSELOOP_MAIL_FROM=care@example.com",
	}}
	cases, seen := 0, 0
	for _, up := range []int{2, 3} {
		for range killings {
			servers.keep(up)
			s.fallDue(atATime, target)
			cases += atATime
			for wait := cases - rand.IntN(atATime); seen < wait; seen++ {
				overdue.next()
			}
			servers.kill()
		}
	}
	servers.keep(3)
	for ; seen < cases; seen++ {
		overdue.next()
	}
	for range 2 * cases {
		escalated.next()
	}
	if servers.killed != 2*killings || servers.killed < 20 {
		t.Fatalf("%d servers were killed", servers.killed)
	}

	// Jobs that killed servers had begun come back when they count as lost, and when their leader does. That takes
	// minutes, which pass here at once, while nobody looks.
	servers.stop()
	lost := s.count("river_job WHERE state = 'running'")
	for _, pass := range []string{"UPDATE river_job SET attempted_at = attempted_at - interval '1 hour' WHERE state = 'running'", "UPDATE river_leader SET expires_at = now() - interval '1 hour'"} {
		if _, err := s.app.DB.Pool.Exec(t.Context(), pass); err != nil {
			t.Fatal(err)
		}
	}
	servers.keep(1)
	rows := s.mails()
	came := post.await(t, len(rows))
	repeats := 0
	for id, times := range came {
		repeats += times - 1
		if rows[id] == "" {
			t.Errorf("the mail %s is of no notification", id)
		}
	}
	kinds := map[string]int{}
	for id, what := range rows {
		kinds[strings.Fields(what)[0]]++
		if came[id] == 0 {
			t.Errorf("%s: %s never came", id, what)
		}
	}
	want := map[string]int{"CASE_OVERDUE": cases, "CASE_ESCALATED": 3 * cases, "CASE_ASSIGNED": 2 * cases}
	if fmt.Sprint(kinds) != fmt.Sprint(want) {
		t.Errorf("mails: %v, not %v", kinds, want)
	}
	s.happenedOnce(cases)
	t.Logf("%d cases, %d servers killed, %d jobs lost on the way, %d mails, %d of them repeated", cases, servers.killed, lost, len(rows), repeats)
}

// fallDue has cases come in whose targets pass from a fifth of a second on, one every 20 ms. They come in by a clock
// that is an hour slow, so that each has opened before its target, however busy the machine.
func (s *testServer) fallDue(n int, target time.Duration) {
	s.t.Helper()
	slow := casework.New(s.app.DB, s.app.Feed, s.app.Queue, func() time.Time { return time.Now().Add(-time.Hour) })
	first := time.Now().Add(200*time.Millisecond - target)
	batch := make([]intake.Submission, n)
	for i := range batch {
		at := first.Add(time.Duration(i) * 20 * time.Millisecond)
		batch[i].SubmitResponseInput = intake.SubmitResponseInput{Score: 1, RespondedAt: &at}
	}
	outcomes, err := intake.New(slow).SubmitAll(s.t.Context(), auth.Viewer{}, batch, intake.SubmitOptions{})
	if err != nil {
		s.t.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Fault != nil || o.Case == nil {
			s.t.Fatalf("no case came of a response: %v", o.Fault)
		}
	}
}

// mails are all notifications, by the Message-ID of their mail: what each is, to whom and about which case.
func (s *testServer) mails() map[string]string {
	s.t.Helper()
	var rows []model.Notification
	if err := s.app.DB.Gorm.Find(&rows).Error; err != nil {
		s.t.Fatal(err)
	}
	list, once := map[string]string{}, map[string]bool{}
	for _, n := range rows {
		what := fmt.Sprintf("%s to %s of %s by %s", n.Kind, n.To, n.CaseID, n.EventID)
		if once[what] {
			s.t.Errorf("twice: %s", what)
		}
		once[what] = true
		list["<"+n.ID.String()+"@example.com>"] = what
	}
	return list
}

// happenedOnce asks the log: each case has the same events, each once, and the turns were taken one by one.
func (s *testServer) happenedOnce(cases int) {
	s.t.Helper()
	var rows []struct {
		Types string
		N     int
	}
	err := s.app.DB.Gorm.Raw(`SELECT types, count(*) AS n FROM (SELECT string_agg(type || coalesce(' ' || step, ''), ', ' ORDER BY type, step) AS types
		FROM case_events GROUP BY case_id) of_case GROUP BY types`).Scan(&rows).Error
	if err != nil {
		s.t.Fatal(err)
	}
	if len(rows) != 1 || rows[0].N != cases || rows[0].Types != "ASSIGNED, ASSIGNED, ESCALATED 1, ESCALATED 2, OPENED, OVERDUE" {
		s.t.Errorf("what happened to %d cases: %+v", cases, rows)
	}
	var slowest float64
	err = s.app.DB.Gorm.Raw("SELECT extract(epoch FROM max(e.at - c.due_at))::float8 FROM case_events e JOIN cases c ON c.id = e.case_id WHERE e.type = 'OVERDUE'").Scan(&slowest).Error
	if err != nil || slowest > patience.Seconds() {
		s.t.Errorf("the slowest fell overdue %.1f s late (%v)", slowest, err)
	}
	manager := s.count("cases WHERE assignee_id = (SELECT id FROM users WHERE role = 'MANAGER')")
	admin := s.count("cases WHERE assignee_id = (SELECT id FROM users WHERE role = 'ADMIN')")
	if manager+admin != cases || manager != admin {
		s.t.Errorf("%d and %d of %d cases went to the two who take turns", manager, admin, cases)
	}
	s.t.Logf("the slowest fell overdue %.1f s after its target, with servers killed meanwhile", slowest)
}
