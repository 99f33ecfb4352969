package filter

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/closeloop/closeloop/model"
)

// limits are the ends of a range, both inclusive.
type limits struct{ low, high float64 }

// everything has the ends of no range.
var everything = limits{math.Inf(-1), math.Inf(1)}

func (l limits) and(x limits) limits { return limits{max(l.low, x.low), min(l.high, x.high)} }

// limitsOf is the range that the operators of numbers leave.
func limitsOf(m map[string]any) limits {
	l := everything
	for name, v := range m {
		n, err := strconv.ParseFloat(fmt.Sprint(v), 64)
		if err != nil {
			continue
		}
		switch name {
		case "eq":
			l = l.and(limits{n, n})
		case "gte", "gt":
			l.low = max(l.low, n)
		case "lte", "lt":
			l.high = min(l.high, n)
		}
	}
	return l
}

// within is the share of values that are spread evenly from one number to another.
func (l limits) within(from, to float64) float64 {
	return min(1, max(0, min(l.high, to)-max(l.low, from))/(to-from))
}

const (
	scores = 11     // different ones
	cases  = 50_000 // their numbers
)

func (f intField) weigh(w weigher, v any) Weight {
	m, _ := v.(map[string]any)
	from, to := 0.0, float64(scores-1)
	if f.name == "number" {
		from, to = 1, cases
	}
	l := limitsOf(m).and(limits{from, to})
	n := math.Floor(l.high) - math.Ceil(l.low) + 1
	if in := m["in"]; in != nil {
		n = min(n, float64(len(listOf(in))))
	}
	return f.compare(w, max(single, n/(to-from+1)))
}

func (f decimalField) weigh(w weigher, v any) Weight {
	m, _ := v.(map[string]any)
	l := limitsOf(m)
	switch {
	case l.low > l.high, m["isNull"] == true && l != everything:
		return f.compare(w, single)
	case m["eq"] != nil:
		return f.compare(w, few)
	case l != everything:
		return f.compare(w, half)
	}
	return f.compare(w, missing(m["isNull"]))
}

func (f floatField) weigh(w weigher, v any) Weight {
	m, _ := v.(map[string]any)
	return f.compare(w, max(single, limitsOf(m).within(0, 1)))
}

// always are the columns of times that every row has.
var always = []string{"opened_at", "updated_at", "responded_at", "received_at"}

func (f timeField) weigh(w weigher, v any) Weight {
	m, _ := v.(map[string]any)
	operators := 0.0
	for _, given := range m {
		if given != nil {
			operators++
		}
	}
	share := TimeShare(v, w.now)
	if m["isNull"] == true {
		share *= missing(true)
		if slices.Contains(always, f.name) || operators > 1 {
			share = single
		}
	}
	one := f.compare(w, max(single, share))
	one.Plan *= operators
	return one
}

// TimeShare is the share of times that are in the range of a TimeFilter, if they are spread over the year until now.
func TimeShare(v any, now time.Time) float64 {
	const year = 365 * 24 * time.Hour
	m, _ := v.(map[string]any)
	l := everything
	for name, v := range m {
		at, err := model.UnmarshalDateTime(v)
		since := float64(at.Sub(now)) / float64(year)
		d, noSpan := readDuration(v)
		span := float64(d) / float64(year)
		switch {
		case name == "gte" && err == nil:
			l = l.and(limits{since, math.Inf(1)})
		case name == "lt" && err == nil:
			l = l.and(limits{math.Inf(-1), since})
		case name == "withinLast" && noSpan == nil:
			l = l.and(limits{-span, 0})
		case name == "withinNext" && noSpan == nil:
			l = l.and(limits{0, span})
		}
	}
	return max(single, l.within(-1, 0))
}
