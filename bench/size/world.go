package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

const year = 365 * 24 * time.Hour

// world is who answered when: the bones that everything else is made around, the same for the same seed.
type world struct {
	n      int
	now    time.Time
	came   []int64 // µs, of each response, in their order
	who    []int32 // the customer of each
	score  []int8
	call   []bool  // please call me back
	number []int32 // of the case that it opens; 0: it opens none
	of     [][]int32
	opened int
}

func newWorld(n int, now time.Time) *world {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	w := &world{n: n, now: now, came: make([]int64, n), who: make([]int32, n), score: make([]int8, n), call: make([]bool, n), number: make([]int32, n)}
	for i := range w.came {
		w.came[i] = moment(r, now).UnixMicro()
	}
	slices.Sort(w.came)
	for i := range w.who {
		known := len(w.of)
		switch {
		case known == 0 || r.IntN(10) < 6: // somebody new
			w.who[i] = int32(known)
			w.of = append(w.of, nil)
		case r.IntN(2) == 0: // one of the fiftieth who answer often
			w.who[i] = int32(r.IntN((known-1)/50+1) * 50)
		default:
			w.who[i] = int32(r.IntN(known))
		}
		w.of[w.who[i]] = append(w.of[w.who[i]], int32(i))
	}
	for i := range w.score {
		w.score[i] = int8(scoreOf(r, mood(int(w.who[i]))))
		w.call[i] = r.Float64() < []float64{0.35, 0.05, 0.02}[kindOf(int(w.score[i]))]
		if w.score[i] <= 6 || w.score[i] <= 8 && w.call[i] { // as the rules have it; see desk.go
			w.opened++
			w.number[i] = int32(w.opened)
		}
	}
	return w
}

// moment is some time of the past year: more of late, on working days and by day.
func moment(r *rand.Rand, now time.Time) time.Time {
	for {
		t := now.Add(-time.Duration(float64(year) * (1 - math.Pow(r.Float64(), 0.8))))
		hour, day := t.Hour(), t.Weekday()
		if (day == time.Saturday || day == time.Sunday) && r.IntN(2) == 0 || (hour < 6 || hour > 21) && r.IntN(5) > 0 {
			continue
		}
		return t
	}
}

func kindOf(score int) int {
	switch {
	case score <= 6:
		return 0
	case score <= 8:
		return 1
	}
	return 2
}

// mood is where somebody stands among all, 0 to 1.
func mood(customer int) float64 {
	return rand.New(rand.NewPCG(uint64(customer), 2)).Float64()
}

// Of all answers, so many are of each score or of a lower one.
var upTo = [11]float64{0.03, 0.05, 0.075, 0.11, 0.15, 0.205, 0.29, 0.42, 0.58, 0.76, 1}

func scoreOf(r *rand.Rand, mood float64) int {
	at := r.Float64()
	if r.IntN(2) == 0 { // somebody's answers are alike
		at = math.Mod(mood+0.1*r.Float64()+0.95, 1)
	}
	return slices.IndexFunc(upTo[:], func(end float64) bool { return at <= end })
}

// person makes a customer as the feed knows them.
func (w *world) person(nth int) *model.Customer {
	r := rand.New(rand.NewPCG(uint64(nth), 3))
	c := &model.Customer{Number: int64(nth + 1), Attributes: map[string]string{}}
	first, last := pick(r, firstNames), pick(r, lastNames)
	c.ExternalID, c.FirstName, c.LastName = new(fmt.Sprintf("c-%d", nth+1)), &first, &last
	c.Email = new(fmt.Sprintf("%s.%s.%d@example.com", strings.ToLower(first), strings.ToLower(last), nth+1))
	if r.IntN(3) > 0 {
		c.Phone = new(fmt.Sprintf("+%d %d", 20+r.IntN(70), 10_000_000+r.IntN(89_999_999)))
	}
	if r.IntN(33) > 0 {
		c.Country = new(zipf(r, countries))
	}
	if r.IntN(20) > 0 {
		c.Segment = new(pick(r, segments))
		if *c.Segment != "Consumer" {
			of := max(50, len(w.of)/60) // companies
			k := int(float64(of) * math.Pow(r.Float64(), 2))
			c.Company = new(fmt.Sprintf("%s %s %d", companyRoots[k%len(companyRoots)], pick(rand.New(rand.NewPCG(uint64(k), 4)), []string{"Ltd", "GmbH", "S.A.", "B.V."}), k))
		}
	}
	if r.IntN(5) > 0 {
		c.LifetimeValue = new(decimal.New(int64(100*math.Exp(5+1.4*r.NormFloat64())), -2))
	}
	if r.IntN(4) == 0 {
		c.Attributes["plan"] = pick(r, []string{"Basic", "Plus", "Premium"})
	}
	return c
}

// idAt is an id as one made at that time would be (RFC 9562, version 7).
func idAt(r *rand.Rand, at time.Time) (id uuid.UUID) {
	milli := uint64(at.UnixMilli())
	for i := range 6 {
		id[i] = byte(milli >> (40 - 8*i))
	}
	a, b := r.Uint64(), r.Uint64()
	for i := range 8 {
		id[8+i] = byte(a >> (8 * i))
	}
	sub := uint16(at.UnixMicro()%1000*4) | uint16(b&3) // the order within a millisecond
	id[6], id[7] = 0x70|byte(sub>>8)&0x0f, byte(sub)
	id[8] = id[8]&0x3f | 0x80
	return id
}
