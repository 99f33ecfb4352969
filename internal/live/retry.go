package live

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

// Clients that are told to come back are spread to about this many a second, so that whoever serves them can.
const returnsPerSecond = 500

// retryAfter returns a random time after which a client should come back: longer than least, by up to a second and what it
// takes to serve those who are waiting already.
func retryAfter(least time.Duration, waiting int) time.Duration {
	within := time.Second + time.Duration(waiting)*time.Second/returnsPerSecond
	return (least + rand.N(within)).Round(time.Millisecond) + time.Millisecond
}

// busyWait is the least time after which a client should come back that the server cannot serve now.
const busyWait = 4 * time.Second

// busy returns the time after which a client should come back that the server cannot serve now.
func (s *Server) busy() time.Duration {
	return retryAfter(busyWait, int(s.excerpts.behind.Load()+s.signingIn.Load()))
}

// setRetryAfter sets the header that names a time to come back, in whole seconds, and returns it.
func setRetryAfter(w http.ResponseWriter, wait time.Duration) (seconds int) {
	seconds = int((wait + time.Second - 1) / time.Second)
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	return seconds
}
