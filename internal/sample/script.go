package sample

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	day  = 24 * time.Hour
	year = 365 * day

	// recently is when a survey tool began to hand each answer over at once; before, it did so three times a day.
	recently = 21 * day
	rounds   = 8 * time.Hour

	gapMin = 25 * day // nobody is asked more often
)

// reply is that somebody answered a survey in the past.
type reply struct {
	person  *person
	at      time.Time // they answered
	arrives time.Time // we heard of it
	score   int
	about   topic
	changed bool // the data feed has news of them
}

// script is who of so many customers answered when in the year before now, in the order in which we heard of it.
func script(now time.Time, customers int) []reply {
	var replies []reply
	known := map[string]bool{}
	for i := range customers {
		d := dice(dicePeople, i)
		p := newPerson(d, fmt.Sprintf("%04d", i+1))
		for known[p.name()] {
			p = newPerson(d, fmt.Sprintf("%04d", i+1))
		}
		known[p.name()] = true
		// The first is there a year ago; most come within the first half, the last a month ago.
		joined := now.Add(-year + time.Duration(math.Pow(float64(i)/float64(customers), 1.3)*float64(year-30*day)))
		replies = append(replies, p.replies(d, joined, now)...)
	}
	slices.SortStableFunc(replies, func(a, b reply) int { return a.arrives.Compare(b.arrives) })
	return replies
}

func (p *person) name() string {
	return *p.data.FirstName.Value() + " " + *p.data.LastName.Value()
}

// replies are all answers of one customer since they joined.
func (p *person) replies(d *rand.Rand, joined, now time.Time) []reply {
	var replies []reply
	follow := 0.0
	for _, at := range p.times(d, joined, now) {
		r := reply{person: p, at: at, arrives: arrival(d, at, now), about: topic(d.IntN(int(topics)))}
		mood := p.mood + follow
		if since := at.Sub(now.Add(-year)); since > 200*day && since < 235*day {
			mood -= 1.2 // a strike at the carrier's: something to see in the figures
			if chance(d, 0.6) {
				r.about = delivery
			}
		}
		r.score = scoreOf(d, mood)
		if follow = 0; r.score <= 6 {
			follow = 1.5 // somebody cared
		}
		r.changed = len(replies) > 0 && chance(d, 0.08)
		replies = append(replies, r)
	}
	return replies
}

// times are when one customer answers: every few months, and some of them once more in the last two days, when the
// latest survey went out.
func (p *person) times(d *rand.Rand, joined, now time.Time) []time.Time {
	var times []time.Time
	for t := joined; t.Before(now.Add(-2 * day)); t = t.Add(span(d, gapMin, 130*day)) {
		times = append(times, daytime(d, t, p.place.offset))
	}
	if now.Sub(times[len(times)-1]) > gapMin && chance(d, 0.25) {
		times = append(times, now.Add(-span(d, 10*time.Minute, 40*time.Hour)).Truncate(time.Second))
	}
	return times
}

// arrival is when we hear of an answer.
func arrival(d *rand.Rand, at, now time.Time) time.Time {
	if now.Sub(at) > recently {
		return at.Truncate(rounds).Add(rounds)
	}
	return at.Add(span(d, 20*time.Second, 3*time.Minute))
}

// daytime moves a time, by a day at most and over a weekend by three, to when people answer surveys: by day where they
// are, and seldom on a weekend.
func daytime(d *rand.Rand, t time.Time, offset int) time.Time {
	local := time.Duration(offset) * time.Hour
	midnight := t.Add(local).Truncate(day)
	if w := midnight.Weekday(); (w == time.Saturday || w == time.Sunday) && chance(d, 0.6) {
		midnight = midnight.Add(-2 * day)
	}
	hour := 8 + 7*(d.Float64()+d.Float64()) // most around three in the afternoon
	return midnight.Add(time.Duration(hour * float64(time.Hour))).Add(-local).Truncate(time.Second)
}

// office moves a time to the next hour of work where the offset is: eight to six, Monday to Friday.
func office(d *rand.Rand, t time.Time, offset int) time.Time {
	zone := time.Duration(offset) * time.Hour
	local := t.Add(zone)
	opens := local.Truncate(day).Add(8 * time.Hour)
	switch {
	case local.Before(opens):
		local = opens.Add(span(d, 0, 4*time.Hour))
	case local.After(opens.Add(10 * time.Hour)):
		local = opens.Add(day).Add(span(d, 0, 4*time.Hour))
	}
	for local.Weekday() == time.Saturday || local.Weekday() == time.Sunday {
		local = local.Add(day)
	}
	return local.Add(-zone).Truncate(time.Second)
}
