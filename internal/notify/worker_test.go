package notify

import (
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"golang.org/x/sys/unix"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

func TestAMailWaitsForAServerThatIsDown(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	address, up := down(t)
	events := w.start(w.mailer("smtp://"+address, waits(time.Millisecond, time.Millisecond, 300*time.Millisecond)))
	id := w.alert("lead@example.com")
	w.until(events, river.EventKindJobSnoozed)
	w.until(events, river.EventKindJobSnoozed)
	n := w.row(id)
	if n.Status != model.NotificationQueued || n.Attempts < 2 || n.LastError == nil || !strings.Contains(*n.LastError, "refused") {
		t.Fatalf("the row is %+v, the last error %q", n, text(n.LastError))
	}
	s.serve(up())
	for e := range events {
		if e.Kind == river.EventKindJobCompleted {
			break
		}
	}
	s.one()
	if n = w.row(id); n.Status != model.NotificationSent || n.SentAt == nil || n.Attempts < 3 {
		t.Errorf("the row is %+v", n)
	}
}

func TestARecipientThatTheServerRefusesIsFailedAtOnce(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"RCPT", "DATA"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w, s := newWorld(t), newMailServer(t)
			s.next(command, reply(550, "No such\nuser here"))
			events := w.start(w.mailer("smtp://" + s.listen()))
			id := w.alert("gone@example.com")
			w.until(events, river.EventKindJobCompleted)
			n := w.row(id)
			if n.Status != model.NotificationFailed || n.Attempts != 1 || n.SentAt != nil {
				t.Errorf("the row is %+v", n)
			}
			if want := "550 No such 5.0.0 user here"; !strings.Contains(text(n.LastError), want) || strings.Contains(text(n.LastError), "\n") {
				t.Errorf("the last error is %q, not one line with %q", text(n.LastError), want)
			}
			s.none()
		})
	}
}

func TestAServerThatSaysNotNowIsAskedAgain(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"MAIL", "RCPT", "DATA"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			w, s := newWorld(t), newMailServer(t)
			s.next(command, reply(451, "greylisted"), reply(421, "busy"))
			events := w.start(w.mailer("smtp://" + s.listen()))
			id := w.alert("lead@example.com")
			w.until(events, river.EventKindJobSnoozed)
			w.until(events, river.EventKindJobSnoozed)
			w.until(events, river.EventKindJobCompleted)
			s.one()
			n := w.row(id)
			if n.Status != model.NotificationSent || n.Attempts != 3 || !strings.Contains(text(n.LastError), "421") {
				t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
			}
		})
	}
}

// What the server has against us, and not against the recipient, somebody can mend within the three days.
func TestAServerThatRefusesTheSenderIsAskedAgain(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.next("MAIL", reply(550, "who are you"))
	events := w.start(w.mailer("smtp://" + s.listen()))
	id := w.alert("lead@example.com")
	w.until(events, river.EventKindJobSnoozed)
	w.until(events, river.EventKindJobCompleted)
	if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 2 {
		t.Errorf("the row is %+v", n)
	}
}

func TestAPasswordThatIsRefusedIsTriedAgainAndNotTold(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.smtp.AllowInsecureAuth = true
	s.next("AUTH", reply(535, "no, s3cret#word is wrong"))
	var log journal
	events := w.start(w.mailer("smtp://ana:"+url.QueryEscape("s3cret#word")+"@"+s.listen(), func(o *Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}))
	id := w.alert("lead@example.com")
	w.until(events, river.EventKindJobSnoozed)
	w.until(events, river.EventKindJobCompleted)
	if got := s.one(); got.user != "ana" {
		t.Errorf("signed in as %q", got.user)
	}
	said := text(w.row(id).LastError)
	if !strings.Contains(said, "535") || strings.Contains(said, "s3cret") || strings.Contains(log.String(), "s3cret") {
		t.Errorf("the last error is %q, the log\n%s", said, log.String())
	}
}

func TestAMailIsFailedWhenItWasTriedToTheEnd(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.next("RCPT", reply(451, "not now"), reply(451, "never"))
	id := w.alert("lead@example.com")
	if err := w.db.Gorm.Model(&model.Notification{}).Where("id = ?", id).Update("attempts", triesMax-2).Error; err != nil {
		t.Fatal(err)
	}
	events := w.start(w.mailer("smtp://" + s.listen()))
	w.until(events, river.EventKindJobSnoozed)
	w.until(events, river.EventKindJobCompleted)
	n := w.row(id)
	if n.Status != model.NotificationFailed || n.Attempts != triesMax || !strings.Contains(text(n.LastError), "never") {
		t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
	}
	s.none()
}

func TestWhatIsNoAddressIsFailed(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	events := w.start(w.mailer("smtp://" + s.listen()))
	id := w.alert("lead@example.com\r\nBcc: all@example.com")
	w.until(events, river.EventKindJobCompleted)
	if n := w.row(id); n.Status != model.NotificationFailed || text(n.LastError) != "the recipient is not an e-mail address" {
		t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
	}
	s.none()
}

func TestWithoutAMailServerMailsAreNotSentAndTheLogSaysSoOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var log journal
	events := w.start(w.mailer("", func(o *Options) {
		o.From, o.PublicURL = "", ""
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	}))
	first, second := w.alert("lead@example.com"), w.alert("bo@example.com")
	w.until(events, river.EventKindJobCompleted)
	w.until(events, river.EventKindJobCompleted)
	for _, id := range []model.NotificationID{first, second} {
		if n := w.row(id); n.Status != model.NotificationNotSent || n.Attempts != 0 || n.LastError != nil {
			t.Errorf("the row is %+v", n)
		}
	}
	if got := strings.Count(log.String(), "no mail server is configured"); got != 1 {
		t.Errorf("the log says %d times that there is no mail server, not once:\n%s", got, log.String())
	}
}

func TestAJobThatRunsAgainAfterTheMailWasSentSendsNothing(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	m := w.mailer("smtp://" + s.listen())
	events := w.start(m)
	id := w.alert("lead@example.com")
	w.until(events, river.EventKindJobCompleted)
	s.one()
	if _, err := m.Insert(t.Context(), job.SendMail{NotificationID: id}, nil); err != nil {
		t.Fatal(err)
	}
	w.until(events, river.EventKindJobCompleted)
	s.none()
	if n := w.row(id); n.Status != model.NotificationSent || n.Attempts != 1 {
		t.Errorf("the row is %+v", n)
	}
}

func TestTheRowAndItsJobAreDoneInOneTransaction(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	s.next("RCPT", nil, reply(550, "no such user"))
	events := w.start(w.mailer("smtp://" + s.listen()))
	for _, to := range []string{"lead@example.com", "gone@example.com"} {
		id := w.alert(to)
		w.until(events, river.EventKindJobCompleted)
		var same bool
		if err := w.db.Pool.QueryRow(t.Context(), `SELECT n.xmin = j.xmin FROM notifications n, river_job j
			WHERE n.id = $1 AND j.args->>'notificationId' = $2 AND j.state = 'completed'`, id.UUID, id.UUID.String()).Scan(&same); err != nil {
			t.Fatal(err)
		}
		if !same {
			t.Errorf("the row and the job of the mail to %s were written by two transactions", to)
		}
	}
}

// The program died after the server's 250 and before the commit: the row is QUEUED, and the job runs again.
func TestARepeatAfterACrashCarriesTheSameMessageID(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	m := w.mailer("smtp://" + s.listen())
	events := w.start(m)
	id := w.alert("lead@example.com")
	w.until(events, river.EventKindJobCompleted)
	before := map[string]any{"status": model.NotificationQueued, "sent_at": nil, "attempts": 0}
	if err := w.db.Gorm.Model(&model.Notification{}).Where("id = ?", id).Updates(before).Error; err != nil {
		t.Fatal(err)
	}
	if _, err := m.Insert(t.Context(), job.SendMail{NotificationID: id}, nil); err != nil {
		t.Fatal(err)
	}
	w.until(events, river.EventKindJobCompleted)
	first, _, _ := read(t, s.one().data)
	second, _, _ := read(t, s.one().data)
	if a, b := first.Get("Message-Id"), second.Get("Message-Id"); a != b || !strings.Contains(a, id.String()) {
		t.Errorf("the mail is %s, its repeat %s", a, b)
	}
}

// While servers are upgraded one by one, the old ones meet jobs of the new.
func TestAJobOfAnUnknownKindIsLeftForAServerThatKnowsIt(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	const insert = `INSERT INTO river_job (kind, args, max_attempts) VALUES ('of_tomorrow', '{}', 3)`
	if err := w.db.Gorm.Exec(insert).Error; err != nil {
		t.Fatal(err)
	}
	w.alert("lead@example.com")
	events := w.start(w.mailer("smtp://" + s.listen()))
	w.until(events, river.EventKindJobCompleted)
	var attempts int
	const tried = `SELECT attempt FROM river_job WHERE kind = 'of_tomorrow' AND state = 'available'`
	if err := w.db.Pool.QueryRow(t.Context(), tried).Scan(&attempts); err != nil || attempts != 0 {
		t.Errorf("the job was tried %d times (%v)", attempts, err)
	}
}

func TestTwoMailersOnOneDatabaseSendEachMailOnce(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t), newMailServer(t)
	address := "smtp://" + s.listen()
	const mails = 40
	for i := range mails {
		w.alert(fmt.Sprintf("lead%d@example.com", i))
	}
	one, two := w.start(w.mailer(address)), w.start(w.mailer(address))
	worked := [2]int{}
	for range mails {
		select {
		case e := <-one:
			worked[0]++
			completed(t, e)
		case e := <-two:
			worked[1]++
			completed(t, e)
		case <-time.After(patience):
			t.Fatal("not all mails were sent")
		}
	}
	seen := map[string]bool{}
	for range mails {
		to := s.one().to
		if seen[to] {
			t.Errorf("%s got two mails", to)
		}
		seen[to] = true
	}
	s.none()
	if worked[0] == 0 || worked[1] == 0 {
		t.Errorf("one mailer did all the work: %v", worked)
	}
}

func TestAMailIsTriedForThreeDays(t *testing.T) {
	t.Parallel()
	var all, last time.Duration
	for attempt := 1; attempt < triesMax; attempt++ {
		wait := backoff(attempt)
		if wait < last || wait > 15*time.Minute {
			t.Fatalf("after try %d it waits %s, before that %s", attempt, wait, last)
		}
		all, last = all+wait, wait
	}
	if backoff(1) != 5*time.Second || last != 15*time.Minute || all < 72*time.Hour || all > 73*time.Hour {
		t.Errorf("first %s, last %s, %s in all", backoff(1), last, all)
	}
}

// down holds a port on which nothing listens, until up is called: nobody else can take it meanwhile.
func down(t *testing.T) (address string, up func() net.Listener) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	file := os.NewFile(uintptr(fd), "listener")
	t.Cleanup(func() { _ = file.Close() })
	if err := unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", bound.(*unix.SockaddrInet4).Port), func() net.Listener {
		if err := unix.Listen(fd, 16); err != nil {
			t.Fatal(err)
		}
		l, err := net.FileListener(file)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
}

// waits sets how long to wait after the first try, the second, and so on; the last holds for all that follow.
func waits(list ...time.Duration) func(*Options) {
	return func(o *Options) {
		o.Backoff = func(attempt int) time.Duration { return list[min(attempt, len(list))-1] }
	}
}

func completed(t *testing.T, e *river.Event) {
	t.Helper()
	if e.Kind != river.EventKindJobCompleted {
		t.Fatalf("a job is %s: %+v", e.Kind, e.Job.Errors)
	}
}
