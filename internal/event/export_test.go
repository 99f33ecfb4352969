package event

import "time"

// NotifyEvery is the shortest time between two wake-ups that a server sends.
const NotifyEvery = notifyEvery

// Tune sets what tests need otherwise than it is, before Follow: how often the log is looked at without being told to,
// and how much is remembered. 0 leaves it.
func (l *Log) Tune(lookEvery time.Duration, cacheBytes int) {
	if lookEvery > 0 {
		l.lookEvery = lookEvery
	}
	if cacheBytes > 0 {
		l.cacheBytes = cacheBytes
	}
}

// Remembered tells from which to which position memory reaches, what it counts as its size, and what that is.
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
