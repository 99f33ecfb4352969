package webhook_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/webhook"
	"github.com/closeloop/closeloop/model"
)

func TestOrder(t *testing.T) {
	t.Parallel()
	// The receiver of the issue: it fails twice, then hangs, then answers; for each case.
	t.Run("survives a receiver that fails and hangs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		var mu sync.Mutex
		tries := map[string]int{}
		r := newReceiver(t, func(p post, out http.ResponseWriter, in *http.Request) {
			mu.Lock()
			tries[p.caseID]++
			n := tries[p.caseID]
			mu.Unlock()
			switch n {
			case 1, 2:
				out.WriteHeader(http.StatusInternalServerError)
			case 3:
				<-in.Context().Done() // until the sender loses patience
				out.WriteHeader(http.StatusServiceUnavailable)
			default:
				out.WriteHeader(http.StatusNoContent)
			}
		})
		h := w.hook(r)
		w.run(w.db, w.log, func(o *webhook.Options) { o.Answering = 300 * time.Millisecond })
		var cases []*model.Case
		for range 5 {
			cases = append(cases, w.open("DE"))
		}
		for range 3 {
			for _, c := range cases {
				w.note(c)
			}
		}
		w.delivered(h, 20)
		for _, c := range cases {
			same(t, "a case", r.kept(c), w.events(c))
		}
		first := w.deliveries(h)[0]
		if first.Attempts != 4 || *first.ResponseStatus != http.StatusNoContent || first.LastError != nil || first.DeliveredAt == nil {
			t.Errorf("the first delivery is %+v", first)
		}
		if again := w.again(h); again.FailingSince != nil || !again.Enabled {
			t.Errorf("the webhook is %+v", again)
		}
	})

	t.Run("makes an event wait for the previous event of its case only", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		open := make(chan struct{})
		var slow *model.Case
		r := newReceiver(t, func(p post, out http.ResponseWriter, in *http.Request) {
			if p.caseID == slow.ID.String() {
				select {
				case <-open:
				case <-in.Context().Done():
				}
			}
			out.WriteHeader(http.StatusNoContent)
		})
		h := w.hook(r)
		slow = w.open("DE")
		w.note(slow)
		quick := w.open("DE")
		w.note(quick)
		w.run(w.db, w.log)
		w.until("the other case is done", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, quick.ID)
		for _, p := range r.all() {
			if p.id == w.events(slow)[1] {
				t.Error("the second event did not wait for the first")
			}
		}
		close(open)
		w.delivered(h, 4)
		same(t, "the slow case", r.kept(slow), w.events(slow))
		same(t, "the other case", r.kept(quick), w.events(quick))
	})

	t.Run("is not delayed by a receiver that hangs", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		release := make(chan struct{})
		dead := newReceiver(t, func(_ post, out http.ResponseWriter, in *http.Request) {
			select {
			case <-release:
			case <-in.Context().Done():
			}
			out.WriteHeader(http.StatusNoContent)
		})
		alive := newReceiver(t, nil)
		hanging := []*model.Webhook{w.hook(dead), w.hook(dead), w.hook(dead), w.hook(dead)}
		h := w.hook(alive)
		small := w.another() // all hang at once, with more requests than the pool has connections
		w.run(small, w.follow(small))
		var cases []*model.Case
		for range 8 {
			cases = append(cases, w.open("DE"))
		}
		w.until("all lanes hang", "SELECT count(*) = 16 FROM webhook_deliveries WHERE next_attempt_at > ? AND webhook_id <> ?", w.now().Add(5*time.Second), h.ID)
		var since time.Time
		w.must(w.db.Gorm.Raw("SELECT clock_timestamp()").Scan(&since).Error)
		for _, c := range cases {
			w.note(c)
		}
		w.delivered(h, 16)
		// They still hang: whatever was open when they began would be open now.
		w.until("no transaction is open while receivers are waited for", `SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity
		WHERE datname = current_database() AND xact_start < CAST(? AS timestamptz))`, since)
		close(release)
		for _, h := range hanging {
			w.delivered(h, 16)
		}
		for _, c := range cases {
			same(t, "the receiver that answers", alive.kept(c), w.events(c))
		}
	})
}

func TestServers(t *testing.T) {
	t.Parallel()
	t.Run("lose nothing when one dies", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		dying := w.another()
		died := make(chan struct{})
		var once sync.Once
		r := newReceiver(t, func(p post, out http.ResponseWriter, _ *http.Request) {
			out.WriteHeader(http.StatusNoContent)
		})
		h := w.hook(r)
		short := func(o *webhook.Options) { o.Lease = 2 * time.Second }
		var cases []*model.Case
		for range 6 {
			cases = append(cases, w.open("DE"))
		}
		// Its database is gone from the moment when the first event has reached the receiver: what became of it is written
		// nowhere, as when the process is killed.
		r.mu.Lock()
		r.answer = func(_ post, out http.ResponseWriter, _ *http.Request) {
			once.Do(func() {
				_ = dying.Close()
				close(died)
			})
			out.WriteHeader(http.StatusNoContent)
		}
		r.mu.Unlock()
		w.run(dying, w.follow(dying), short)
		select {
		case <-died:
		case <-time.After(limit):
			t.Fatal("nothing was posted")
		}
		w.run(w.db, w.log, short)
		third := w.another()
		stop := w.run(third, w.follow(third), short)
		for i := range 4 {
			for _, c := range cases {
				w.note(c)
			}
			if i == 1 {
				stop()
			}
		}
		w.delivered(h, 30)
		repeats := len(r.all()) - 30
		if repeats == 0 {
			t.Error("what the dead server posted did not come again, though nobody knew of it")
		}
		for _, c := range cases {
			same(t, "a case", r.kept(c), w.events(c))
		}
	})

	t.Run("post each event once together", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		h := w.hook(r)
		w.run(w.db, w.log)
		for range 2 {
			db := w.another()
			w.run(db, w.follow(db))
		}
		var all sync.WaitGroup
		cases := make([]*model.Case, 8)
		for i := range cases {
			cases[i] = w.open("DE")
		}
		for _, c := range cases {
			all.Go(func() {
				for range 6 {
					if _, err := w.work.AddNote(t.Context(), w.admin, casework.AddNoteInput{CaseID: c.ID, Body: "Called."}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		w.delivered(h, 56)
		if n := len(r.all()); n != 56 {
			t.Errorf("%d posts of 56 events", n)
		}
		for _, c := range cases {
			same(t, "a case", r.kept(c), w.events(c))
		}
	})

	t.Run("record nothing after their lease", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		arrived, first, second := make(chan struct{}, 10), make(chan struct{}), make(chan struct{})
		var n atomic.Int64
		r := newReceiver(t, func(_ post, out http.ResponseWriter, in *http.Request) {
			wait, status := first, http.StatusInternalServerError
			if n.Add(1) > 1 {
				wait, status = second, http.StatusNoContent
			}
			arrived <- struct{}{}
			select {
			case <-wait:
			case <-in.Context().Done():
			}
			out.WriteHeader(status)
		})
		h := w.hook(r)
		w.open("DE")
		stop := w.run(w.db, w.log, func(o *webhook.Options) { o.Lease = 300 * time.Millisecond; o.LookEvery = 100 * time.Millisecond })
		<-arrived
		stopped := make(chan struct{})
		go func() {
			defer close(stopped)
			stop() // it takes no more, and waits for what is under way
		}()
		w.run(w.db, w.log)
		<-arrived
		close(first)
		<-stopped
		if d := w.deliveries(h)[0]; d.Attempts != 0 || d.LastError != nil || d.NextAttemptAt.Before(w.now().Add(5*time.Second)) || w.again(h).FailingSince != nil {
			t.Errorf("the first server, which was too late, wrote %+v", d)
		}
		close(second)
		w.delivered(h, 1)
	})
}
