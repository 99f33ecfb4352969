package live

import (
	"testing"
	"time"
)

func TestRetryAfterIsSpreadAndGrowsWithWhoIsWaiting(t *testing.T) {
	t.Parallel()
	const least = 4 * time.Second
	for waiting, most := range map[int]time.Duration{0: time.Second, 1000: 3 * time.Second, 10_000: 21 * time.Second} {
		thirds := [3]int{}
		for range 3000 {
			wait := retryAfter(least, waiting)
			if wait <= least || wait > least+most+time.Millisecond || wait%time.Millisecond != 0 {
				t.Fatalf("with %d waiting a client is to come back after %v", waiting, wait)
			}
			thirds[min(2, 3*(wait-least)/most)]++
		}
		for i, n := range thirds { // 1,000 each, with a standard deviation of 26
			if n < 800 || n > 1200 {
				t.Errorf("with %d waiting, %d of 3000 come back in third %d of the time", waiting, n, i+1)
			}
		}
	}
}

func TestBusyServerNamesAWaitThatGrowsWithItsQueue(t *testing.T) {
	t.Parallel()
	s := &Server{excerpts: newExcerpts(1)}
	longest := func() (longest time.Duration) {
		for range 100 {
			longest = max(longest, s.busy())
		}
		return longest
	}
	if wait := longest(); wait > busyWait+time.Second+time.Millisecond {
		t.Errorf("an idle server names a wait of %v", wait)
	}
	for range 5000 {
		s.excerpts.enter()
		s.signingIn.Add(1)
	}
	if wait := longest(); wait < busyWait+10*time.Second { // of 21 s: missed by all with a probability of 10^-28
		t.Errorf("with 10,000 waiting the longest wait of 100 is %v", wait)
	}
}
