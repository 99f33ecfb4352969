package tally_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/privacy"
	"github.com/closeloop/closeloop/internal/tally"
	"github.com/closeloop/closeloop/model"
)

const (
	manyWriters = 32
	manyServers = 3
	manyAskers  = 6
	enough      = 15 // answers while nobody writes, of each question
)

// answer is what a server answered while others wrote.
type answer struct {
	question int
	at       event.Stand
	rows     []tally.Row
	before   int // how many events were committed before the question was asked
}

type hammer struct {
	*world
	servers [manyServers]atomic.Pointer[server]
	writing sync.RWMutex // locked for reading by a writer while it writes, and alone by who compares with the table

	restarts, kills, forks, written atomic.Int64
	counter                         *pgtest.Counter // of the servers' statements

	mu      sync.Mutex
	answers []answer
	checked []int // by question
}

// 32 writers do all that is done to cases and erase customers, while servers are started anew, connections of servers are cut
// and epochs begin. Each answer is what the log says at its place, and what was committed before the question is in it. While
// nobody writes, each answer is what SQL counts in the table.
func TestTallyUnderManyWritersIsTheTableAtItsPlaceInTheLog(t *testing.T) {
	t.Parallel()
	h := &hammer{world: newWorld(t), checked: make([]int, len(questions)), counter: new(pgtest.Counter)}
	for i := range h.pools {
		h.pools[i] = h.pool(pg.Options{MaxConns: 8, Tracer: h.counter})
	}
	for i := range h.servers {
		h.restart(i)
	}
	defer func() {
		for i := range h.servers {
			h.servers[i].Load().close()
		}
	}()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for i := range manyWriters {
		all.Go(func() { h.write(ctx, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	for i := range manyAskers {
		all.Go(func() { h.ask(ctx, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	all.Go(func() { h.disturb(ctx) })
	h.compareUntilEnough()
	stop()
	all.Wait()
	h.compareWithLog()
}

func (h *hammer) restart(i int) {
	if old := h.servers[i].Swap(h.start(h.pools[i])); old != nil {
		old.close()
		h.restarts.Add(1)
	}
}

func (h *hammer) write(ctx context.Context, r *rand.Rand) {
	erase := privacy.New(h.DB, h.Work)
	for ctx.Err() == nil {
		h.writing.RLock()
		var err error
		if r.IntN(60) == 0 {
			var id model.CustomerID
			if h.DB.Pool.QueryRow(h.T.Context(), "SELECT id FROM customers WHERE erased_at IS NULL ORDER BY random() LIMIT 1").Scan(&id) == nil {
				_, err = erase.EraseCustomer(h.T.Context(), h.Admin, privacy.EraseCustomerInput{CustomerID: id})
			}
		} else {
			err = h.WriteAnything(r, h.agents)
		}
		h.writing.RUnlock()
		h.written.Add(1)
		if refused := new(fault.Error); err != nil && !errors.As(err, &refused) {
			h.T.Errorf("a writer failed: %v", err)
			return
		}
	}
}

// disturb starts servers anew, cuts their connections and begins epochs.
func (h *hammer) disturb(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		select {
		case <-ctx.Done():
			return
		case <-time.After(300 * time.Millisecond):
		}
		switch n % 4 {
		case 0:
			h.restart(rand.IntN(manyServers))
		case 3:
			if _, err := h.Log.Fork(h.T.Context()); err != nil {
				h.T.Errorf("an epoch cannot begin: %v", err)
			}
			h.forks.Add(1)
		default:
			h.kills.Add(int64(h.Count(`SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'server' ORDER BY random() LIMIT 1) x) y`)))
		}
	}
}

// ask asks servers while others write.
func (h *hammer) ask(ctx context.Context, r *rand.Rand) {
	for ctx.Err() == nil {
		q, s := r.IntN(len(questions)), h.servers[r.IntN(manyServers)].Load()
		before := h.Count("SELECT count(*) FROM case_events")
		at, rows, ok, err := s.tally.Answer(ctx, h.question(s, q))
		switch {
		case err != nil && ctx.Err() == nil && !s.gone(err):
			h.T.Errorf("%s: %v", questions[q].name(), err)
		case err == nil && ok:
			h.mu.Lock()
			h.answers = append(h.answers, answer{q, at, rows, before})
			h.mu.Unlock()
		}
		time.Sleep(time.Duration(r.IntN(int(20 * time.Millisecond))))
	}
}

// compareUntilEnough compares with the table, again and again, while nobody writes.
func (h *hammer) compareUntilEnough() {
	h.T.Helper()
	least := 5 * time.Second
	if text := os.Getenv("CLOSELOOP_HAMMER"); text != "" {
		var err error
		if least, err = time.ParseDuration(text); err != nil {
			h.T.Fatal(err)
		}
	}
	for began := time.Now(); time.Since(began) < least || h.tooLittle(); time.Sleep(30 * time.Millisecond) {
		if h.T.Failed() {
			return
		}
		if time.Since(began) > least+3*time.Minute {
			h.T.Errorf("too little happened for the test to show anything: %v", h.happened())
			return
		}
		h.writing.Lock()
		for q := range questions {
			h.compare(q, h.servers[rand.IntN(manyServers)].Load())
		}
		h.writing.Unlock()
	}
	h.T.Log(h.happened())
}

// compare compares a server's answer with the table. Nobody writes.
func (h *hammer) compare(q int, s *server) {
	h.T.Helper()
	_, rows, ok, err := s.tally.Answer(h.T.Context(), h.question(s, q))
	switch want := h.inTable(q); {
	case err != nil && !s.gone(err):
		h.T.Errorf("%s: %v", questions[q].name(), err)
	case err != nil || !ok: // a server that has just come, or is gone
	case !slices.Equal(sorted(rows), want):
		h.T.Errorf("%s: a server counts\n%v, the table has\n%v", questions[q].name(), sorted(rows), want)
	default:
		h.checked[q]++
	}
}

func (h *hammer) happened() map[string]int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	return map[string]int64{"least answers compared with the table": int64(slices.Min(h.checked)), "answers beside writers": int64(len(h.answers)),
		"counts of the table": int64(h.counted(h.counter)), "writes": h.written.Load(), "restarts": h.restarts.Load(), "connections cut": h.kills.Load(), "epochs": h.forks.Load()}
}

func (h *hammer) tooLittle() bool {
	n := h.happened()
	return n["least answers compared with the table"] < enough || n["answers beside writers"] < max(300, 2*n["counts of the table"]) || n["writes"] < 500 || n["restarts"] < 5 || n["connections cut"] < 8 || n["epochs"] < 5
}

// compareWithLog compares the answers that were given beside the writers with the log: the newest snapshot of each case at the
// answer's place. The log does not tell the former company of a customer who was erased since.
func (h *hammer) compareWithLog() {
	type entry struct {
		ID       model.EventID
		Position int64
		CaseID   model.CaseID
		Version  int
		Snapshot json.RawMessage
		then     model.Snapshot
	}
	if _, err := h.Log.Stamp(h.T.Context()); err != nil {
		h.T.Fatal(err)
	}
	var log []*entry
	if err := h.DB.Gorm.Raw("SELECT id, position, case_id, version, snapshot FROM case_events ORDER BY position").Scan(&log).Error; err != nil {
		h.T.Fatal(err)
	}
	for _, e := range log {
		if err := json.Unmarshal(e.Snapshot, &e.then); err != nil {
			h.T.Fatal(err)
		}
	}
	pending := 0
	for _, a := range h.answers {
		if n := int(a.at.Position) + len(a.at.Pending); n < a.before {
			h.T.Errorf("%s: an answer with %d events is older than its question, before which %d were committed", questions[a.question].name(), n, a.before)
		}
		if questions[a.question].by == tally.Company {
			continue
		}
		pending += len(a.at.Pending)
		newest := map[model.CaseID]*entry{}
		for _, e := range log {
			if was := newest[e.CaseID]; (e.Position <= a.at.Position || a.at.Pending[e.ID]) && (was == nil || was.Version < e.Version) {
				newest[e.CaseID] = e
			}
		}
		var cases []*model.Snapshot
		for _, e := range newest {
			cases = append(cases, &e.then)
		}
		if want := h.among(a.question, cases); !slices.Equal(sorted(a.rows), want) {
			h.T.Errorf("%s: at position %d a server counts\n%v, the log says\n%v", questions[a.question].name(), a.at.Position, sorted(a.rows), want)
		}
	}
	h.T.Logf("%d events without a position were counted", pending)
}

// server is one of several that follow the log.
type server struct {
	log   *event.Log
	tally *tally.Tally
	ended atomic.Bool
}

func (w *world) start(db *pg.DB) *server {
	s := &server{log: event.New(db, quiet)}
	s.log.Follow()
	s.tally = tally.New(db, s.log)
	return s
}

func (s *server) close() {
	s.ended.Store(true)
	s.log.Close()
}

// gone reports whether an error is that of a server that ends or has lost its connection.
func (s *server) gone(err error) bool {
	return s.ended.Load() || pg.Unavailable(err) || strings.Contains(err.Error(), "terminating connection")
}
