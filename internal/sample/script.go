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

	// In the last pushedSince the survey tool hands each response over at once; before that, it does so every batchEvery.
	pushedSince = 21 * day
	batchEvery  = 8 * time.Hour

	gapMin = 25 * day // the shortest time between two responses of one customer
)

// reply is one answer to a survey in the past.
type reply struct {
	person     *person
	answeredAt time.Time // when the customer answered
	receivedAt time.Time // when the response was submitted
	score      int
	about      topic
	changed    bool // the customer's details change with this response
}

// pastReplies returns the replies of the customers in the year before now, in the order of their submission.
func pastReplies(now time.Time, customers int) []reply {
	var replies []reply
	known := map[string]bool{}
	for i := range customers {
		d := dice(dicePeople, i)
		p := newPerson(d, fmt.Sprintf("%04d", i+1))
		for known[p.name()] {
			p = newPerson(d, fmt.Sprintf("%04d", i+1))
		}
		known[p.name()] = true
		// The first customer answers a year ago, most within the first half, the last a month ago.
		joined := now.Add(-year + time.Duration(math.Pow(float64(i)/float64(customers), 1.3)*float64(year-30*day)))
		replies = append(replies, p.replies(d, joined, now)...)
	}
	slices.SortStableFunc(replies, func(a, b reply) int { return a.receivedAt.Compare(b.receivedAt) })
	return replies
}

func (p *person) name() string {
	return *p.data.FirstName.Value() + " " + *p.data.LastName.Value()
}

// replies returns all answers of one customer since the customer joined.
func (p *person) replies(d *rand.Rand, joined, now time.Time) []reply {
	var replies []reply
	follow := 0.0
	for _, at := range p.times(d, joined, now) {
		r := reply{person: p, answeredAt: at, receivedAt: arrival(d, at, now), about: topic(d.IntN(int(topics)))}
		mood := p.mood + follow
		if since := at.Sub(now.Add(-year)); since > 200*day && since < 235*day {
			mood -= 1.2 // a strike at the carrier, so that the figures show a dip
			if chance(d, 0.6) {
				r.about = delivery
			}
		}
		r.score = scoreOf(d, mood)
		if follow = 0; r.score <= 6 {
			follow = 1.5 // a follow-up improves the next score
		}
		r.changed = len(replies) > 0 && chance(d, 0.08)
		replies = append(replies, r)
	}
	return replies
}

// times returns when one customer answers: every few months, and for some customers once more in the last two days, after
// the latest survey.
func (p *person) times(d *rand.Rand, joined, now time.Time) []time.Time {
	var times []time.Time
	for t := joined; t.Before(now.Add(-2 * day)); t = t.Add(span(d, gapMin, 130*day)) {
		times = append(times, toDaytime(d, t, p.place.offset))
	}
	if now.Sub(times[len(times)-1]) > gapMin && chance(d, 0.25) {
		times = append(times, now.Add(-span(d, 10*time.Minute, 40*time.Hour)).Truncate(time.Second))
	}
	return times
}

// arrival returns when a response is submitted.
func arrival(d *rand.Rand, at, now time.Time) time.Time {
	if now.Sub(at) > pushedSince {
		return at.Truncate(batchEvery).Add(batchEvery)
	}
	return at.Add(span(d, 20*time.Second, 3*time.Minute))
}

// toDaytime moves a time to when people answer surveys: during the day in their time zone, and seldom on a weekend. It
// moves the time by one day at most, and by three over a weekend.
func toDaytime(d *rand.Rand, t time.Time, offset int) time.Time {
	local := time.Duration(offset) * time.Hour
	midnight := t.Add(local).Truncate(day)
	if w := midnight.Weekday(); (w == time.Saturday || w == time.Sunday) && chance(d, 0.6) {
		midnight = midnight.Add(-2 * day)
	}
	hour := 8 + 7*(d.Float64()+d.Float64()) // most around three in the afternoon
	return midnight.Add(time.Duration(hour * float64(time.Hour))).Add(-local).Truncate(time.Second)
}

// toOfficeHours moves a time to the next working hour in a time zone with this offset: eight to six, Monday to Friday.
func toOfficeHours(d *rand.Rand, t time.Time, offset int) time.Time {
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
