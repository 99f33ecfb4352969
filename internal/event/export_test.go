package event

import "time"

// NotifyEvery is the shortest time between two notifications of a server.
const NotifyEvery = notifyEvery

// Tune changes settings for a test, before Follow: how often the log is read without a notification, and the size of the
// cache. 0 keeps the default.
func (l *Log) Tune(lookEvery time.Duration, cacheBytes int) {
	if lookEvery > 0 {
		l.lookEvery = lookEvery
	}
	if cacheBytes > 0 {
		l.cacheBytes = cacheBytes
	}
}

// TuneLook changes, for a test, how many positions a list looks at, and for how long. 0 keeps the default.
func (l *Log) TuneLook(most int64, within time.Duration) {
	if most > 0 {
		l.lookMost = most
	}
	if within > 0 {
		l.lookFor = within
	}
}

// Cached returns the first and the last cached position, the size that the cache has counted, and its real size.
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

// Started is closed when the follower knows its first position.
func (l *Log) Started() <-chan struct{} { return l.started }
