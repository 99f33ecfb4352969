package year

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

// world decides which customer answers when and with which score; the stories add the rest. The same size gives the same
// world.
type world struct {
	n             int
	now           time.Time
	receivedAt    []int64 // in µs, of each response, sorted
	customer      []int32 // of each response
	score         []int8
	callRequested []bool  // the customer asks for a call
	caseNumber    []int32 // of the case that the response opens; 0: no case
	responsesOf   [][]int32
	cases         int
}

func newWorld(n int, now time.Time, p Policy) *world {
	r := rand.New(rand.NewPCG(uint64(n), 1))
	w := &world{n: n, now: now, receivedAt: make([]int64, n), customer: make([]int32, n), score: make([]int8, n), callRequested: make([]bool, n), caseNumber: make([]int32, n)}
	for i := range w.receivedAt {
		w.receivedAt[i] = randomTime(r, now).UnixMicro()
	}
	slices.Sort(w.receivedAt)
	for i := range w.customer {
		known := len(w.responsesOf)
		switch {
		case known == 0 || r.IntN(10) < 6: // a new customer
			w.customer[i] = int32(known)
			w.responsesOf = append(w.responsesOf, nil)
		case r.IntN(2) == 0: // one of the two percent that answer often
			w.customer[i] = int32(r.IntN((known-1)/50+1) * 50)
		default:
			w.customer[i] = int32(r.IntN(known))
		}
		w.responsesOf[w.customer[i]] = append(w.responsesOf[w.customer[i]], int32(i))
	}
	for i := range w.score {
		w.score[i] = int8(scoreOf(r, mood(int(w.customer[i]))))
		w.callRequested[i] = r.Float64() < p.Requests[categoryOf(int(w.score[i]))]
		if p.opens(int(w.score[i]), w.callRequested[i]) {
			w.cases++
			w.caseNumber[i] = int32(w.cases)
		}
	}
	return w
}

// randomTime returns a time in the past year; recent times, working days and daytime are more likely.
func randomTime(r *rand.Rand, now time.Time) time.Time {
	for {
		t := now.Add(-time.Duration(float64(year) * (1 - math.Pow(r.Float64(), 0.8))))
		hour, day := t.Hour(), t.Weekday()
		if (day == time.Saturday || day == time.Sunday) && r.IntN(2) == 0 || (hour < 6 || hour > 21) && r.IntN(5) > 0 {
			continue
		}
		return t
	}
}

func categoryOf(score int) int {
	switch {
	case score <= 6:
		return 0
	case score <= 8:
		return 1
	}
	return 2
}

// mood returns a customer's rank by satisfaction, from 0 to 1.
func mood(customer int) float64 {
	return rand.New(rand.NewPCG(uint64(customer), 2)).Float64()
}

// scoreShare is, for each score, the share of responses with that score or a lower one.
var scoreShare = [11]float64{0.03, 0.05, 0.075, 0.11, 0.15, 0.205, 0.29, 0.42, 0.58, 0.76, 1}

func scoreOf(r *rand.Rand, mood float64) int {
	at := r.Float64()
	if r.IntN(2) == 0 { // the answers of one customer are similar
		at = math.Mod(mood+0.1*r.Float64()+0.95, 1)
	}
	return slices.IndexFunc(scoreShare[:], func(end float64) bool { return at <= end })
}

// person generates a customer.
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
			of := max(50, len(w.responsesOf)/60) // companies
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

// idAt returns an id with the given time of creation (RFC 9562, version 7).
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
