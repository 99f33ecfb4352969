package notify

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	t.Parallel()
	var all, last time.Duration
	for attempt := 1; attempt < triesMax; attempt++ {
		wait := backoff(attempt)
		if wait < last || wait > 15*time.Minute {
			t.Fatalf("the wait after try %d is %s, the wait before is %s", attempt, wait, last)
		}
		all, last = all+wait, wait
	}
	if backoff(1) != 5*time.Second || last != 15*time.Minute || all < 72*time.Hour || all > 73*time.Hour {
		t.Errorf("the first wait is %s, the last is %s, the sum is %s", backoff(1), last, all)
	}
}
