package notify

import (
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"

	"github.com/closeloop/closeloop/internal/job"
	"github.com/closeloop/closeloop/model"
)

func TestWorker(t *testing.T) {
	t.Parallel()
	t.Run("retries while the server is down", func(t *testing.T) {
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
		s.one()
		for late := time.After(patience); ; {
			select {
			case e := <-events:
				if e.Kind != river.EventKindJobCompleted {
					continue // tries before the server was up
				}
			case <-late:
				t.Fatal("the job was not completed")
			}
			break
		}
		if n = w.row(id); n.Status != model.NotificationSent || n.SentAt == nil || n.Attempts < 3 {
			t.Errorf("the row is %+v", n)
		}
	})

	t.Run("fails a mail at once when the server refuses it", func(t *testing.T) {
		t.Parallel()
		for _, command := range []string{"RCPT", "DATA"} {
			t.Run(command, func(t *testing.T) {
				t.Parallel()
				w, s := newWorld(t), newMailServer(t)
				s.next(command, reply(550, "No such\nuser here"))
				events := w.start(w.mailer("smtp://" + s.listen()))
				id := w.alert("former@example.com")
				w.until(events, river.EventKindJobCompleted)
				n := w.row(id)
				if n.Status != model.NotificationFailed || n.Attempts != 1 || n.SentAt != nil {
					t.Errorf("the row is %+v", n)
				}
				if want := "550 No such 5.0.0 user here"; !strings.Contains(text(n.LastError), want) || strings.Contains(text(n.LastError), "\n") {
					t.Errorf("the last error is %q, want one line with %q", text(n.LastError), want)
				}
				s.none()
			})
		}
	})

	t.Run("retries after a 4xx reply", func(t *testing.T) {
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
	})

	// A refused sender is an error of the configuration, which an operator can correct within the three days.
	t.Run("retries when the server refuses the sender", func(t *testing.T) {
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
	})

	t.Run("retries when the server refuses the password, and never shows it", func(t *testing.T) {
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
		shown := text(w.row(id).LastError)
		if !strings.Contains(shown, "535") || strings.Contains(shown, "s3cret") || strings.Contains(log.String(), "s3cret") {
			t.Errorf("the last error is %q, the log\n%s", shown, log.String())
		}
	})

	t.Run("fails a mail after the last try", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.next("RCPT", reply(451, "not now"), reply(451, "never"))
		id := w.alert("lead@example.com")
		if err := w.DB.Gorm.Model(&model.Notification{}).Where("id = ?", id).Update("attempts", triesMax-2).Error; err != nil {
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
	})

	t.Run("fails a mail to an invalid address", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		events := w.start(w.mailer("smtp://" + s.listen()))
		id := w.alert("lead@example.com\r\nBcc: all@example.com")
		w.until(events, river.EventKindJobCompleted)
		if n := w.row(id); n.Status != model.NotificationFailed || text(n.LastError) != "the recipient is not an e-mail address" {
			t.Errorf("the row is %+v, the last error %q", n, text(n.LastError))
		}
		s.none()
	})

	t.Run("sends nothing without a mail server, and logs this once", func(t *testing.T) {
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
			t.Errorf("the log says %d times that there is no mail server, want once:\n%s", got, log.String())
		}
	})

	// The program ended after the mail was SENT, and before the job was removed.
	t.Run("sends nothing when a job runs again", func(t *testing.T) {
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
		w.Counts(map[string]int{"river_job": 0})
	})

	t.Run("leaves no job of a mail that is final", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.next("RCPT", nil, reply(550, "no such user"))
		events := w.start(w.mailer("smtp://" + s.listen()))
		for _, to := range []string{"lead@example.com", "former@example.com"} {
			w.alert(to)
			w.until(events, river.EventKindJobCompleted)
			w.Counts(map[string]int{"notifications WHERE status = 'QUEUED'": 0, "river_job": 0})
		}
	})

	// The program ended after the server's reply 250 and before the commit: the row is QUEUED, and the job runs again.
	t.Run("repeats a mail after a crash with the same Message-ID", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		m := w.mailer("smtp://" + s.listen())
		events := w.start(m)
		id := w.alert("lead@example.com")
		w.until(events, river.EventKindJobCompleted)
		before := map[string]any{"status": model.NotificationQueued, "sent_at": nil, "attempts": 0}
		if err := w.DB.Gorm.Model(&model.Notification{}).Where("id = ?", id).Updates(before).Error; err != nil {
			t.Fatal(err)
		}
		if _, err := m.Insert(t.Context(), job.SendMail{NotificationID: id}, nil); err != nil {
			t.Fatal(err)
		}
		w.until(events, river.EventKindJobCompleted)
		first, _, _ := read(t, s.one().data)
		second, _, _ := read(t, s.one().data)
		if a, b := first.Get("Message-Id"), second.Get("Message-Id"); a != b || !strings.Contains(a, id.String()) {
			t.Errorf("the mail has the Message-ID %s, its repeat %s", a, b)
		}
	})

	// While servers are upgraded one by one, old servers see jobs of new servers.
	t.Run("leaves a job of an unknown kind to another server", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		const insert = `INSERT INTO river_job (kind, args, max_attempts) VALUES ('of_a_newer_version', '{}', 3)`
		w.Must(insert)
		w.alert("lead@example.com")
		events := w.start(w.mailer("smtp://" + s.listen()))
		w.until(events, river.EventKindJobCompleted)
		var attempts int
		const tried = `SELECT attempt FROM river_job WHERE kind = 'of_a_newer_version' AND state = 'available'`
		if err := w.DB.Pool.QueryRow(t.Context(), tried).Scan(&attempts); err != nil || attempts != 0 {
			t.Errorf("the job was tried %d times (%v), want never", attempts, err)
		}
	})

	t.Run("sends each mail once with two mailers", func(t *testing.T) {
		t.Parallel()
		w, s := newWorld(t), newMailServer(t)
		s.block = make(chan struct{})
		address := "smtp://" + s.listen()
		const mails = 40
		for i := range mails {
			w.alert(fmt.Sprintf("lead%d@example.com", i))
		}
		one, two := w.start(w.mailer(address)), w.start(w.mailer(address))
		for range 2 * concurrency { // neither mailer can take more before the server answers
			<-s.data
		}
		close(s.block)
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
				t.Fatal("some mails were not sent")
			}
		}
		seen := map[string]bool{}
		for range mails {
			to := s.one().to
			if seen[to] {
				t.Errorf("two mails were sent to %s", to)
			}
			seen[to] = true
		}
		s.none()
		if worked[0] < concurrency || worked[1] < concurrency {
			t.Errorf("a mailer sent fewer mails than it took: %v", worked)
		}
	})
}

// waits sets the waits after the first tries; the last wait follows all other tries.
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
