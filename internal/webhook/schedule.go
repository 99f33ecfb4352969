package webhook

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// giveUpAfter is how long an event is tried, and how long a receiver may accept nothing before its webhook is disabled.
const giveUpAfter = 3 * 24 * time.Hour

// retryWaits are the waits after the first tries; the last wait repeats. An event gets about 29 tries in three days.
var retryWaits = []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour}

// backoff adds a random time of up to a fifth, so that deliveries which failed together are not retried together.
func backoff(tries int) time.Duration {
	wait := retryWaits[min(max(tries, 1), len(retryWaits))-1]
	return wait + rand.N(wait/5)
}

const retryAfterMax = 24 * time.Hour

// retryAfter returns the wait that the receiver asks for (RFC 9110, section 10.2.3), in seconds or until a time.
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
