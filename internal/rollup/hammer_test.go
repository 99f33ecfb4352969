package rollup_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/rollup"
	"github.com/closeloop/closeloop/internal/worktest"
	"github.com/closeloop/closeloop/model"
)

const (
	manyWriters = 16
	manyLate    = 3 // transactions at a time that commit late
	manyServers = 2
	manyAskers  = 4
	enough      = 12 // comparisons with the table of each question
)

var hammered = []asked{
	{"all", "true", "UTC"}, {"all", "true", "Asia/Kolkata"}, {"country", "true", "Europe/Amsterdam"}, {"country", "responses.score <= 6", "UTC"},
	{"segment", "responses.country = 'DE'", "Australia/Lord_Howe"}, {"theme", "true", "UTC"}, {"driver", "true", "Europe/Amsterdam"}, {"score", "responses.survey_fold IS NOT NULL", "UTC"},
}

type hammer struct {
	*world
	servers [manyServers]*server
	writing sync.RWMutex // locked for reading by who commits, and alone by who compares with the table

	written, late, merged, lives, asked atomic.Int64
	compared                            []int // by question
}

// Writers do everything that changes figures, also in transactions that commit late or are rolled back, while what is noted is merged,
// and begins from anew as after a crash. While nobody commits, each answer of each server is what SQL counts in the table. While they do,
// no answer lacks what was committed before it was asked for.
func TestRollupUnderManyWritersIsTheTable(t *testing.T) {
	t.Parallel()
	h := &hammer{world: newWorld(t), compared: make([]int, len(hammered))}
	h.Rule("detractors", func(r *model.Rule) { r.Scores = []int{0, 1, 2, 3} })
	for i := range 3 {
		h.Theme(fmt.Sprint("theme ", i), "late", "Strike")
	}
	for i := range h.servers {
		h.servers[i] = h.server()
	}
	for range 2 * manyLate {
		at := moment(rand.New(rand.NewPCG(rand.Uint64(), 0)))
		in := worktest.From("late", 9)
		in.RespondedAt = &at
		h.Submit(in)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var all sync.WaitGroup
	for i := range manyWriters {
		all.Go(func() { h.write(ctx, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	for i := range manyLate {
		all.Go(func() { h.commitLate(ctx, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	for i := range manyAskers {
		all.Go(func() { h.askBesideWriters(ctx, rand.New(rand.NewPCG(rand.Uint64(), uint64(i)))) })
	}
	all.Go(func() { h.disturb(ctx) })
	h.compareUntilEnough()
	stop()
	all.Wait()
}

// disturb merges what is noted, ages it so that the oldest of it is dropped, and loses it as a crash does.
func (h *hammer) disturb(ctx context.Context) {
	for n := 0; ctx.Err() == nil; n++ {
		time.Sleep(5 * time.Millisecond)
		var err error
		switch {
		case n%200 == 150:
			_, err = h.DB.Pool.Exec(h.T.Context(), "WITH gone AS (DELETE FROM changed_hours_horizon) DELETE FROM changed_hours")
			h.lives.Add(1)
		case n%10 == 9:
			_, err = h.DB.Pool.Exec(h.T.Context(), "UPDATE changed_hours_horizon SET next_at = now() - interval '2 days'")
		}
		if err == nil {
			err = rollup.Tidy(h.T.Context(), h.DB, 0)
			h.merged.Add(1)
		}
		if err != nil && ctx.Err() == nil {
			h.T.Errorf("what is noted cannot be merged: %v", err)
		}
	}
}

// askBesideWriters asks for the number of all responses, which only grows, and for anything else.
func (h *hammer) askBesideWriters(ctx context.Context, r *rand.Rand) {
	total := func(rows []rollup.Row) (n int) {
		for _, row := range rows {
			n += row.Responses()
		}
		return n
	}
	for ctx.Err() == nil {
		s, n := h.servers[r.IntN(manyServers)], r.IntN(len(hammered))
		before := h.Count("SELECT count(*) FROM responses")
		rows, ok, err := h.ask(s, hammered[n], nil, nil, r.IntN(2) == 0)
		after := h.Count("SELECT count(*) FROM responses")
		switch {
		case err != nil:
			h.T.Errorf("%v: %v", hammered[n], err)
		case ok && hammered[n].by != "theme" && hammered[n].by != "driver" && hammered[n].where == "true":
			if got := total(rows); got < before || got > after {
				h.T.Errorf("%v: %d responses; there were %d before and %d after", hammered[n], got, before, after)
			}
			h.asked.Add(1)
		}
		time.Sleep(time.Duration(r.IntN(int(10 * time.Millisecond))))
	}
}

func (h *hammer) compareUntilEnough() {
	h.T.Helper()
	least := 5 * time.Second
	if text := os.Getenv("CLOSELOOP_HAMMER"); text != "" {
		var err error
		if least, err = time.ParseDuration(text); err != nil {
			h.T.Fatal(err)
		}
	}
	r := rand.New(rand.NewPCG(rand.Uint64(), 0))
	for began := time.Now(); time.Since(began) < least || h.tooLittle(); time.Sleep(30 * time.Millisecond) {
		if h.T.Failed() {
			return
		}
		if time.Since(began) > least+3*time.Minute {
			h.T.Errorf("too little happened for the test to show anything: %s", h.happened())
			return
		}
		h.writing.Lock()
		for n := range hammered {
			h.compare(n, h.servers[r.IntN(manyServers)], r)
		}
		h.writing.Unlock()
	}
	h.T.Log(h.happened())
}

// compare compares an answer with the table. Nobody commits, but transactions are open.
func (h *hammer) compare(n int, s *server, r *rand.Rand) {
	h.T.Helper()
	var from, to *time.Time
	if r.IntN(2) == 0 {
		from = new(moment(r))
	}
	if r.IntN(2) == 0 {
		to = new(moment(r))
	}
	daily := r.IntN(2) == 0
	got, ok, err := h.ask(s, hammered[n], from, to, daily)
	if err != nil {
		h.T.Errorf("%v: %v", hammered[n], err)
	}
	if err != nil || !ok { // asked for the first time, or nothing is noted since a moment
		return
	}
	if want := h.inTable(hammered[n], from, to, daily); fmt.Sprint(got) != fmt.Sprint(want) {
		h.T.Errorf("%v from %v to %v, by days: %t: a server has\n%v, the table\n%v", hammered[n], from, to, daily, got, want)
	}
	h.compared[n]++
}

func (h *hammer) tooLittle() bool {
	for _, n := range h.compared {
		if n < enough {
			return true
		}
	}
	all, changed := h.kept()
	return h.written.Load() < 500 || h.late.Load() < 20 || h.merged.Load() < 50 || h.lives.Load() < 2 || h.asked.Load() < 100 || changed < all
}

func (h *hammer) kept() (all, changed int) {
	for _, s := range h.servers {
		a, c := s.counted()
		all, changed = all+a, changed+c
	}
	return all, changed
}

func (h *hammer) happened() string {
	all, changed := h.kept()
	return fmt.Sprintf("%v comparisons with the table, %d totals beside writers, %d writes, %d late commits, %d merges, %d lives, %d counts of all days, %d of changed ones",
		h.compared, h.asked.Load(), h.written.Load(), h.late.Load(), h.merged.Load(), h.lives.Load(), all, changed)
}
