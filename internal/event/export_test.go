package event

import "time"

// NotifyEvery is the shortest time between two wake-ups that a server sends.
const NotifyEvery = notifyEvery

// Tune changes, before Follow, how often the log is looked at without a wake-up and how many bytes of events the cache
// holds. 0 leaves a value as it is.
func (l *Log) Tune(lookEvery time.Duration, cacheBytes int) {
	if lookEvery > 0 {
		l.lookEvery = lookEvery
	}
	if cacheBytes > 0 {
		l.cacheBytes = cacheBytes
	}
}

// Cached returns the positions between which the cache reaches, the size that it counts, and its size counted anew.
func (l *Log) Cached() (first, tail int64, counted, bytes int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.recent {
		bytes += e.size()
	}
	if len(l.recent) > 0 {
		first = *l.recent[0].Position
	}
	return first, l.tail, l.bytes, bytes
}

// Started is closed when the follower knows where it begins.
func (l *Log) Started() <-chan struct{} { return l.started }
