package chaos

import (
	"fmt"
	"io"
	"log"
	"maps"
	"math/rand/v2"
	"net"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// postOffice is a real SMTP server on loopback that counts mails by their Message-ID. Unlike setup.MailServer, it expects
// clients to die in the middle of a mail.
type postOffice struct {
	url string

	mu    sync.Mutex
	came  map[string]int // by Message-ID, how often the whole mail arrived
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

func (*counter) Reset() {}

func (*counter) Logout() error { return nil }

func (*counter) Mail(string, *smtp.MailOptions) error { return nil }

func (*counter) Rcpt(string, *smtp.RcptOptions) error { return nil }

func (c *counter) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, m.Body); err != nil {
		return err // the sender was killed
	}
	c.p.mu.Lock()
	defer c.p.mu.Unlock()
	c.p.came[m.Header.Get("Message-Id")]++
	close(c.p.grown)
	c.p.grown = make(chan struct{})
	return nil
}

// await waits for n different mails, and returns how often each of them arrived. It gives up when no mail arrives for
// three times Patience: River looks only twice a minute for the jobs of killed servers.
func (p *postOffice) await(t *testing.T, n int) map[string]int {
	t.Helper()
	for {
		late := time.After(3 * setup.Patience)
		p.mu.Lock()
		came, grown := p.came, p.grown
		if len(came) >= n {
			defer p.mu.Unlock()
			return maps.Clone(came) // a mail may arrive again while the test reads
		}
		have := len(came)
		p.mu.Unlock()
		select {
		case <-grown:
		case <-late:
			t.Fatalf("%d different mails arrived, want %d", have, n)
		}
	}
}

const (
	killings = 11                // of servers, while two are up, and again while three are
	atATime  = 14                // cases that fall due around each killing
	answers  = "closeloop is at" // what a server prints when it is up
)

// farm is several servers on one database, each a process of its own.
type farm struct {
	t        *testing.T
	settings []string
	alive    []*setup.Program
	killed   int
}

// keep starts servers until n of them run. It does not wait until they are up.
func (f *farm) keep(n int) {
	for len(f.alive) < n {
		f.alive = append(f.alive, setup.StartProgram(f.t, f.settings, "serve"))
	}
}

// kill kills one of the servers that are up, chosen at random.
func (f *farm) kill() {
	f.t.Helper()
	one := 0 // the first, if no server has printed yet that it is up
	for _, i := range rand.Perm(len(f.alive)) {
		if strings.Contains(f.alive[i].Output(), answers) {
			one = i
		}
	}
	p := f.alive[one]
	p.Await(answers)
	f.alive = slices.Delete(f.alive, one, one+1)
	p.Kill()
	f.killed++
}

// stop ends all servers in order.
func (f *farm) stop() {
	f.t.Helper()
	for _, p := range f.alive {
		p.Await(answers)
		p.Interrupt()
	}
	for _, p := range f.alive {
		p.Exit()
	}
	f.alive = nil
}

// Cases fall due while two servers, and then three, are killed one after the other and started again. Each case falls
// overdue once and takes each of its steps once, and each notification is one mail. If a server dies after the mail server
// has accepted a mail and before its own commit, the mail is sent again with the same Message-ID.
func TestDueUnderFire(t *testing.T) {
	t.Parallel()
	const target = 48 * time.Hour
	post := newPostOffice(t)
	s := setup.NewServer(t) // takes responses in and shows the feed; only the other servers look for due cases
	s.AddRule(vars{
		"assignment": vars{"strategy": "USER", "userId": s.Users[model.Agent]}, "followUpTarget": model.Duration(target).String(),
		"escalations": []vars{
			{"after": model.Duration(target + 50*time.Millisecond).String(), "notify": []vars{{"kind": "ASSIGNEE"}, {"kind": "ADDRESS", "address": "boss@example.com"}}},
			{"after": model.Duration(target + 100*time.Millisecond).String(), "notify": []vars{{"kind": "ADDRESS", "address": "boss@example.com"}},
				"reassign": vars{"strategy": "ROUND_ROBIN", "userIds": []string{s.Users[model.Agent], s.Users[model.Manager], s.Users[model.Admin]}}},
		},
	})
	overdue, escalated := s.Watch(model.Manager, `(types: [OVERDUE])`, setup.CaseOfEvent), s.Watch(model.Manager, `(types: [ESCALATED])`, setup.CaseOfEvent)
	servers := &farm{t: t, settings: []string{
		"DATABASE_URL=" + pgtest.URL(t, s.App.DB), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_SMTP_URL=" + post.url, "CLOSELOOP_MAIL_FROM=care@example.com",
	}}
	cases, seen := 0, 0
	for _, up := range []int{2, 3} {
		for range killings {
			servers.keep(up)
			fallDue(s, atATime, target)
			cases += atATime
			for wait := cases - rand.IntN(atATime); seen < wait; seen++ {
				overdue.Next()
			}
			servers.kill()
		}
	}
	servers.keep(3)
	for ; seen < cases; seen++ {
		overdue.Next()
	}
	for range 2 * cases {
		escalated.Next()
	}
	if servers.killed != 2*killings || servers.killed < 20 {
		t.Fatalf("%d servers were killed", servers.killed)
	}

	// Jobs that killed servers had begun run again once River counts the jobs, and the killed leader, as lost. That takes
	// minutes, so the test moves their times while no server runs.
	servers.stop()
	lost := s.Count("river_job WHERE state = 'running'")
	for _, pass := range []string{"UPDATE river_job SET attempted_at = attempted_at - interval '1 hour' WHERE state = 'running'", "UPDATE river_leader SET expires_at = now() - interval '1 hour'"} {
		if _, err := s.App.DB.Pool.Exec(t.Context(), pass); err != nil {
			t.Fatal(err)
		}
	}
	servers.keep(1)
	rows := mails(s)
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
	happenedOnce(s, cases)
	t.Logf("%d cases, %d servers killed, %d jobs lost on the way, %d mails, %d of them repeated", cases, servers.killed, lost, len(rows), repeats)
}

// fallDue opens n cases. The first target passes in 200 ms, the next every 20 ms. The clock that opens the cases is an hour
// slow, so that each case opens before its target, however busy the machine is.
func fallDue(s *setup.Server, n int, target time.Duration) {
	s.T.Helper()
	slow := casework.New(s.App.DB, s.App.Feed, s.App.Queue, func() time.Time { return time.Now().Add(-time.Hour) })
	first := time.Now().Add(200*time.Millisecond - target)
	batch := make([]casework.Submission, n)
	for i := range batch {
		at := first.Add(time.Duration(i) * 20 * time.Millisecond)
		batch[i].SubmitResponseInput = casework.SubmitResponseInput{Score: 1, RespondedAt: &at}
	}
	outcomes, err := slow.SubmitAll(s.T.Context(), auth.Viewer{}, batch, casework.SubmitOptions{})
	if err != nil {
		s.T.Fatal(err)
	}
	for _, o := range outcomes {
		if o.Fault != nil || o.Case == nil {
			s.T.Fatalf("no case came of a response: %v", o.Fault)
		}
	}
}

// mails are all notifications by the Message-ID of their mail: kind, recipient, case and event.
func mails(s *setup.Server) map[string]string {
	s.T.Helper()
	var rows []model.Notification
	if err := s.App.DB.Gorm.Find(&rows).Error; err != nil {
		s.T.Fatal(err)
	}
	list, once := map[string]string{}, map[string]bool{}
	for _, n := range rows {
		what := fmt.Sprintf("%s to %s of %s by %s", n.Kind, n.To, n.CaseID, n.EventID)
		if once[what] {
			s.T.Errorf("twice: %s", what)
		}
		once[what] = true
		list["<"+n.ID.String()+"@example.com>"] = what
	}
	return list
}

// happenedOnce checks in the log that each case has each event once, and that the users took turns.
func happenedOnce(s *setup.Server, cases int) {
	s.T.Helper()
	var rows []struct {
		Types string
		N     int
	}
	err := s.App.DB.Gorm.Raw(`SELECT types, count(*) AS n FROM (SELECT string_agg(type || coalesce(' ' || step, ''), ', ' ORDER BY type, step) AS types
		FROM case_events GROUP BY case_id) of_case GROUP BY types`).Scan(&rows).Error
	if err != nil {
		s.T.Fatal(err)
	}
	if len(rows) != 1 || rows[0].N != cases || rows[0].Types != "ASSIGNED, ASSIGNED, ESCALATED 1, ESCALATED 2, OPENED, OVERDUE" {
		s.T.Errorf("what happened to %d cases: %+v", cases, rows)
	}
	var slowest float64
	err = s.App.DB.Gorm.Raw("SELECT extract(epoch FROM max(e.at - c.due_at))::float8 FROM case_events e JOIN cases c ON c.id = e.case_id WHERE e.type = 'OVERDUE'").Scan(&slowest).Error
	if err != nil || slowest > setup.Patience.Seconds() {
		s.T.Errorf("the slowest fell overdue %.1f s late (%v)", slowest, err)
	}
	manager := s.Count("cases WHERE assignee_id = (SELECT id FROM users WHERE role = 'MANAGER')")
	admin := s.Count("cases WHERE assignee_id = (SELECT id FROM users WHERE role = 'ADMIN')")
	if manager+admin != cases || manager != admin {
		s.T.Errorf("%d and %d of %d cases went to the two who take turns", manager, admin, cases)
	}
	s.T.Logf("the slowest fell overdue %.1f s after its target, with servers killed meanwhile", slowest)
}
