package notify

import "time"

// triesMax is how often a mail is tried before it is FAILED. With the waits of backoff, which are 15 minutes after the first
// eight tries, that takes three days: a weekend without a mail server, and the Monday to repair it. The limit counts
// tries instead of time, so that a mail is still tried after the program was off for a week.
const triesMax = 296

// backoff returns 5 s after the first try; the wait doubles after each try, up to 15 min.
func backoff(attempt int) time.Duration {
	const first, most = 5 * time.Second, 15 * time.Minute
	if attempt > 8 { // 5 s · 2^8 exceeds the maximum
		return most
	}
	return min(first<<max(attempt-1, 0), most)
}
