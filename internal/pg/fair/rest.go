package fair

import (
	"runtime"
	"time"
)

// Rest is how long work that occupies a processor rests after a time of running, at most most. On two processors it occupies a
// half of one, so that others' work and the collection of garbage go on; on more processors it rests less.
func Rest(ran, most time.Duration) time.Duration {
	return min(ran/time.Duration(max(1, runtime.GOMAXPROCS(0)-1)), most)
}
