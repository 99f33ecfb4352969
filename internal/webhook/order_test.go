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
	// For each case the receiver fails twice, hangs once, and then accepts.
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
				<-in.Context().Done() // the sender's request times out
				out.WriteHeader(http.StatusServiceUnavailable)
			default:
				out.WriteHeader(http.StatusNoContent)
			}
		})
		h := w.hook(r)
		w.run(w.DB, w.Log, func(o *webhook.Options) { o.AnswerTimeout = 2 * time.Second })
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
			same(t, "a case", r.accepted(c), w.events(c))
		}
		first, posts := w.deliveries(h)[0], 0
		for _, p := range r.all() {
			if p.id == first.EventID.String() {
				posts++
			}
		}
		// On a slow machine other requests may time out too; each of them is one more attempt.
		if posts < 4 || first.Attempts != posts || *first.ResponseStatus != http.StatusNoContent || first.LastError != nil || first.DeliveredAt == nil {
			t.Errorf("after %d posts the first delivery is %+v", posts, first)
		}
		if stored := w.reload(h); stored.FailingSince != nil || !stored.Enabled {
			t.Errorf("the webhook is %+v", stored)
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
		w.run(w.DB, w.Log)
		w.until("the other case is done", "SELECT count(*) = 2 FROM webhook_deliveries WHERE webhook_id = ? AND case_id = ? AND status = 'DELIVERED'", h.ID, quick.ID)
		for _, p := range r.all() {
			if p.id == w.events(slow)[1] {
				t.Error("the second event did not wait for the first")
			}
		}
		close(open)
		w.delivered(h, 4)
		same(t, "the slow case", r.accepted(slow), w.events(slow))
		same(t, "the other case", r.accepted(quick), w.events(quick))
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
		small := w.another() // the hanging requests are more than the pool's connections
		w.run(small, w.follow(small))
		var cases []*model.Case
		for range 8 {
			cases = append(cases, w.open("DE"))
		}
		w.until("16 requests hang", "SELECT count(*) = 16 FROM webhook_deliveries WHERE next_attempt_at > ? AND webhook_id <> ?", w.Now().Add(5*time.Second), h.ID)
		var since time.Time
		w.must(w.DB.Gorm.Raw("SELECT clock_timestamp()").Scan(&since).Error)
		for _, c := range cases {
			w.note(c)
		}
		w.delivered(h, 16)
		// The requests still hang, so a transaction that was open during them would still be open.
		w.until("no transaction is open while requests hang", `SELECT NOT EXISTS (SELECT 1 FROM pg_stat_activity
		WHERE datname = current_database() AND xact_start < CAST(? AS timestamptz))`, since)
		close(release)
		for _, h := range hanging {
			w.delivered(h, 16)
		}
		for _, c := range cases {
			same(t, "the receiver that answers", alive.accepted(c), w.events(c))
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
		short := func(o *webhook.Options) { o.LeaseTime = 2 * time.Second }
		var cases []*model.Case
		for range 6 {
			cases = append(cases, w.open("DE"))
		}
		// The server loses its database when the first event reaches the receiver. So the result is not stored, as when the
		// process is killed.
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
		w.run(w.DB, w.Log, short)
		third := w.another()
		server := w.run(third, w.follow(third), short)
		for i := range 4 {
			for _, c := range cases {
				w.note(c)
			}
			if i == 1 {
				server.stop()
			}
		}
		w.delivered(h, 30)
		repeats := len(r.all()) - 30
		if repeats == 0 {
			t.Error("the event whose result was not stored was not posted again")
		}
		for _, c := range cases {
			same(t, "a case", r.accepted(c), w.events(c))
		}
	})

	t.Run("post each event once together", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		r := newReceiver(t, nil)
		h := w.hook(r)
		patient := func(o *webhook.Options) { o.AnswerTimeout, o.LeaseTime = limit, 2*limit } // a timeout would repeat a post
		w.run(w.DB, w.Log, patient)
		for range 2 {
			db := w.another()
			w.run(db, w.follow(db), patient)
		}
		var all sync.WaitGroup
		cases := make([]*model.Case, 8)
		for i := range cases {
			cases[i] = w.open("DE")
		}
		for _, c := range cases {
			all.Go(func() {
				for range 6 {
					if _, err := w.Work.AddNote(t.Context(), w.Admin, casework.AddNoteInput{CaseID: c.ID, Body: "Called."}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		w.delivered(h, 56)
		if n := len(r.all()); n != 56 {
			t.Errorf("%d posts, want 56", n)
		}
		for _, c := range cases {
			same(t, "a case", r.accepted(c), w.events(c))
		}
	})

	t.Run("record nothing after their lease", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		const lease = time.Hour
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
		long := func(o *webhook.Options) { o.LeaseTime = lease }
		server := w.run(w.DB, w.Log, long)
		<-arrived
		server.cancel() // it leases no more deliveries, and waits for its running request
		w.Later(lease)
		w.run(w.DB, w.Log, long)
		<-arrived
		close(first)
		server.stop()
		if d := w.deliveries(h)[0]; d.Attempts != 0 || d.LastError != nil || d.NextAttemptAt.Before(w.Now().Add(lease/2)) || w.reload(h).FailingSince != nil {
			t.Errorf("the first server wrote after its lease: %+v", d)
		}
		close(second)
		w.delivered(h, 1)
	})
}
