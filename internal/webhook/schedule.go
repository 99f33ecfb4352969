package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// patience is how long an event is tried, and how long a webhook may take nothing at all.
const patience = 3 * 24 * time.Hour

// waits are those after the first tries; the last one is that after all others. In three days that makes some 29.
var waits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour}

// backoff adds up to a fifth by chance: what failed together must not come back together.
func backoff(tries int) time.Duration {
	wait := waits[min(max(tries, 1), len(waits))-1]
	return wait + rand.N(wait/5)
}

const retryAfterMax = 24 * time.Hour

// retryAfter is how long the receiver asks to be left alone (RFC 9110, section 10.2.3): in seconds, or until a time.
func retryAfter(h http.Header, now time.Time) time.Duration {
	given := h.Get("Retry-After")
	seconds, err := strconv.Atoi(given)
	wait := time.Duration(min(max(seconds, 0), int(retryAfterMax/time.Second))) * time.Second
	if err != nil {
		until, err := http.ParseTime(given)
		if err != nil {
			return 0
		}
		wait = until.Sub(now)
	}
	return min(max(wait, 0), retryAfterMax)
}
