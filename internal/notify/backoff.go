package notify

import "time"

// tries is how often a mail is tried before it is FAILED. With backoff's waits, of which all but the first eight are
// 15 minutes, that is three days: a weekend without a mail server, and the Monday to mend it. It counts tries, and
// not time, so that a mail is still tried when the program was off for a week.
const tries = 296

// backoff is 5 s after the first try, doubled after each, 15 min at most.
func backoff(attempt int) time.Duration {
	const first, most = 5 * time.Second, 15 * time.Minute
	if attempt > 8 { // 5 s · 2^8 is past the most
		return most
	}
	return min(first<<max(attempt-1, 0), most)
}
