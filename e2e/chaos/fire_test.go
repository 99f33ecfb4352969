package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

const (
	fireServers     = 3
	fireWriters     = 26 // write in transactions of their own, of any length
	fireCallers     = 6  // write over the API
	fireSubscribers = 200
	fireCases       = 40
	fireEvents      = 200             // at least, for the test to show anything
	fireCommitted   = 150             // of them by the test's own writers
	fireLate        = 10              // of them committed after an event with a later sequence number
	fireGiveUp      = 6 * time.Minute // for anything that must happen
)

// fireFor is how long the fire burns: CLOSELOOP_SOAK (such as 10m), or 20 s without it.
func fireFor(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("CLOSELOOP_SOAK")
	if text == "" {
		return 20 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("CLOSELOOP_SOAK: %v", err)
	}
	return d
}

// fire is the program under fire, with what writers and subscribers did to it and saw.
type fire struct {
	t       *testing.T
	at      *setup.Cluster
	db      *pg.DB // of the writers
	cases   []*model.Snapshot
	start   string // the feed's cursor before the fire
	burning context.Context

	servers [fireServers]struct {
		program *setup.Program
		url     atomic.Pointer[string]
	}

	kills, outages, rollbacks, savepoints, openLong, unsure, refused, silences, resumes, elsewhere atomic.Int64

	mu        sync.Mutex
	order     []happened // the events, as the first subscriber saw each
	committed map[string]bool
	abandoned map[string]bool // rolled back, as a whole or to a savepoint
}

// happened is the part of an event that the test compares.
type happened struct {
	cursor, id, caseID string
	version            int
}

// Writers write in transactions of random length: some stay open for seconds, some are rolled back. Subscribers on real
// sockets cut their connections and resume on any of three servers. Meanwhile servers, and PostgreSQL, are killed with -9.
// In the end every subscriber has exactly the events of the table, in its order.
//
// Not parallel: the load would slow the tests beside it.
func TestLogUnderFire(t *testing.T) {
	f := &fire{t: t, at: setup.NewCluster(t, filepath.Join(scratch.Folder(t), "data")), committed: map[string]bool{}, abandoned: map[string]bool{}}
	for i := range f.servers {
		f.ignite(i)
	}
	f.prepare()
	f.db = f.at.Open(fireWriters + 2)

	burning, extinguish := context.WithCancel(t.Context())
	defer extinguish()
	f.burning = burning
	var writing, watching sync.WaitGroup
	for i := range fireWriters {
		writing.Go(func() { f.write(rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(i)))) })
	}
	for i := range fireCallers {
		writing.Go(func() { f.call(rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), uint64(100+i)))) })
	}
	watches, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	subscribers := make([]*subscriber, fireSubscribers)
	for i := range subscribers {
		subscribers[i] = &subscriber{fire: f, ctx: watches, cursor: f.start, withCase: i%4 == 0, Rand: rand.New(rand.NewPCG(7, uint64(i)))}
		watching.Go(subscribers[i].watch)
	}
	began := time.Now()
	f.burn(fireFor(t))
	extinguish()
	burnt := time.Since(began)
	writing.Wait()

	// Everything is up again. The last event is of a type that nobody else writes: a subscriber who has it has all.
	for i := range f.servers {
		f.server(i).AwaitDatabase(t)
	}
	f.server(0).ChangeStatus(f.cases[0].Case.ID.String(), model.InProgress)
	defer time.AfterFunc(fireGiveUp, giveUp).Stop()
	watching.Wait()
	t.Logf("it burned for %v, and all was known %v later; subscribers waited for half a minute in vain %d times",
		burnt.Round(time.Second), (time.Since(began) - burnt).Round(time.Second), f.silences.Load())
	f.check(subscribers)
}

// server is server i, which runs, or ran a moment ago.
func (f *fire) server(i int) *setup.Server {
	s := &setup.Server{T: f.t, Tokens: map[model.Role]string{}, URL: *f.servers[i].url.Load()}
	for _, role := range setup.Roles {
		s.Tokens[role] = setup.AdminToken
	}
	return s
}

// ignite starts a server, and tries again while the database is away.
func (f *fire) ignite(i int) {
	f.t.Helper()
	settings := []string{"DATABASE_URL=" + f.at.URL(8), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN=" + setup.AdminToken, "CLOSELOOP_LOG=error",
		"CLOSELOOP_RATE_LIMIT=2000000000", "CLOSELOOP_RATE_RESTORE=2000000000"} // one token sets everything on fire
	for end := time.Now().Add(fireGiveUp); ; {
		p := setup.StartProgram(f.t, settings, "serve")
		if url, ok := p.Serving(fireGiveUp); ok {
			f.servers[i].program = p
			f.servers[i].url.Store(&url)
			return
		}
		if time.Now().After(end) {
			f.t.Fatalf("a server does not start:\n%s", p.Output())
		}
	}
}

// prepare opens the cases and notes the cursor.
func (f *fire) prepare() {
	f.t.Helper()
	s, db := f.server(0), f.at.Open(2)
	s.AddRule(nil)
	for i := range fireCases {
		_, opened := s.Submit(vars{"customer": vars{"externalId": fmt.Sprint(i), "country": "DE"}})
		var id model.CaseID
		var c model.Snapshot
		err := id.UnmarshalGQL(opened)
		if err == nil {
			err = db.Gorm.Take(&c.Case, "id = ?", id).Error
		}
		if err == nil {
			err = db.Gorm.Take(&c.Customer, "id = ?", c.Case.CustomerID).Error
		}
		if err != nil {
			f.t.Fatal(err)
		}
		f.cases = append(f.cases, &c)
	}
	f.start = s.Cursor()
}

// burn kills servers one after the other, and PostgreSQL at a third and at two thirds of the time, or every 30 s in a long
// fire. It goes on until enough has happened.
func (f *fire) burn(long time.Duration) {
	f.t.Helper()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	began := time.Now()
	outageEvery := min(long/3, 30*time.Second)
	for next := began.Add(outageEvery); ; {
		time.Sleep(time.Duration(1000+r.IntN(2000)) * time.Millisecond)
		if time.Now().After(next) {
			f.at.Kill()
			f.outages.Add(1)
			next = time.Now().Add(outageEvery)
			if r.IntN(2) == 0 {
				f.awaitPostgreSQL()
			} // else a server is killed and started while PostgreSQL recovers
		}
		i := r.IntN(fireServers)
		f.servers[i].program.Kill()
		f.kills.Add(1)
		f.ignite(i)
		f.awaitPostgreSQL()
		if over := time.Since(began); over > long && (f.enough() || over > long+fireGiveUp) {
			return
		}
	}
}

// enough reports whether so much has happened that the test shows something. A slow machine burns for longer.
func (f *fire) enough() bool {
	f.mu.Lock()
	seen, committed := len(f.order), len(f.committed)
	f.mu.Unlock()
	return seen >= fireEvents && committed >= fireCommitted && f.countLate() >= fireLate && f.kills.Load() >= 4 && f.outages.Load() >= 2 && f.rollbacks.Load() >= 20 && f.savepoints.Load() >= 10 && f.openLong.Load() >= 10 &&
		f.resumes.Load() >= 2*fireSubscribers && f.elsewhere.Load() >= fireSubscribers
}

// countLate counts the events that were committed after an event with a later sequence number, as check does.
func (f *fire) countLate() (n int) {
	f.t.Helper()
	err := f.db.Gorm.Raw(`SELECT count(*) FROM (SELECT seq, max(seq) OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS newest
		FROM case_events WHERE position IS NOT NULL) e WHERE seq < newest`).Scan(&n).Error
	if err != nil { // PostgreSQL was killed a moment ago
		return 0
	}
	return n
}

func (f *fire) awaitPostgreSQL() {
	f.t.Helper()
	var err error
	for end := time.Now().Add(fireGiveUp); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		var one *pg.DB
		if one, err = pg.Connect(f.t.Context(), f.at.URL(4), pg.Options{}); err == nil {
			_ = one.Close()
			return
		}
	}
	f.t.Fatalf("PostgreSQL does not come back: %v", err)
}

// check compares the table with what was committed, and with what subscribers saw.
func (f *fire) check(subscribers []*subscriber) {
	t := f.t
	t.Helper()
	var table []struct {
		ID       model.EventID
		Position *int64
		Seq      int64
		CaseID   model.CaseID
		Version  int
	}
	if err := f.db.Gorm.Raw("SELECT id, position, seq, case_id, version FROM case_events ORDER BY position").Scan(&table).Error; err != nil {
		t.Fatal(err)
	}
	versions, there := map[model.CaseID]int{}, map[string]bool{}
	late, newest := 0, int64(0) // committed after a later sequence: a reader by sequence would have missed them
	cursors := map[string]bool{}
	for i, e := range table {
		if e.Position == nil || *e.Position != int64(i+1) {
			t.Fatalf("event %d of %d has position %v", i+1, len(table), e.Position)
		}
		if versions[e.CaseID]++; e.Version != versions[e.CaseID] {
			t.Fatalf("position %d: version %d of a case stands after version %d", i+1, e.Version, versions[e.CaseID]-1)
		}
		if e.Seq < newest {
			late++
		}
		newest = max(newest, e.Seq)
		there[e.ID.String()] = true
		if f.abandoned[e.ID.String()] {
			t.Errorf("position %d was rolled back", i+1)
		}
		if i < fireCases {
			continue
		}
		if nth := i - fireCases; nth < len(f.order) {
			saw := f.order[nth]
			if saw.id != e.ID.String() || saw.caseID != e.CaseID.String() || saw.version != e.Version {
				t.Fatalf("at position %d subscribers saw %+v, the table has %+v", i+1, saw, e)
			}
			if cursors[saw.cursor] {
				t.Errorf("position %d has a cursor that another has", i+1)
			}
			cursors[saw.cursor] = true
		}
	}
	events := len(table) - fireCases
	for id := range f.committed {
		if !there[id] {
			t.Errorf("%s was committed, and is gone", id)
		}
	}
	whole := 0
	for i, s := range subscribers {
		if s.seen == events {
			whole++
		} else {
			t.Errorf("subscriber %d saw %d of %d events", i, s.seen, events)
		}
	}
	var epochs int
	if err := f.db.Gorm.Raw("SELECT count(*) FROM feed_epochs").Scan(&epochs).Error; err != nil || epochs != 1 {
		t.Errorf("%d epochs: %v", epochs, err)
	}
	t.Logf("%d events, %d committed after a later sequence; %d of %d subscribers saw them all; %d kills of servers, %d of PostgreSQL; %d rollbacks and %d savepoints gave up %d events, %d transactions were open for a second or more, %d ended unknown; %d resumes, %d on another server, %d refused",
		events, late, whole, len(subscribers), f.kills.Load(), f.outages.Load(), f.rollbacks.Load(), f.savepoints.Load(), len(f.abandoned), f.openLong.Load(), f.unsure.Load(), f.resumes.Load(), f.elsewhere.Load(), f.refused.Load())
	if !f.enough() {
		t.Error("too little happened for the test to show anything")
	}
}

// saw is called with the nth event that a subscriber gets. All subscribers must agree.
func (f *fire) saw(n int, e happened) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case n == len(f.order):
		f.order = append(f.order, e)
	case f.order[n] != e:
		at := slices.Index(f.order, e) // where others saw the event: tells a repeat from a gap
		return fmt.Errorf("event %d is %+v; others saw %+v there, and this as event %d", n, e, f.order[n], at)
	}
	return nil
}
