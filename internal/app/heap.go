package app

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"
)

// The garbage collector begins when the heap has doubled. The heap of an idle server is small, so under load it would
// collect many times a second. The bytes of a floor count as heap but are never touched, so they take no memory of the
// machine; what the server leaves to the collector may grow by as much. A server that is idle has a small floor, because an
// attacker's connections may not take much memory.
const (
	heapFloor     = 24 << 20
	busyFloor     = 72 << 20 // more, from the first time that the server is busy: that it collects oftenCollects times a second for forSome
	forSome       = 3        // seconds
	oftenCollects = 4
)

// keepHeapFloor keeps a floor under the heap until the context ends. It never lets go of a floor before: Go would clear the
// next one, and so touch it.
func keepHeapFloor(ctx context.Context) {
	floor := make([]byte, heapFloor)
	defer runtime.KeepAlive(floor)
	if untilBusy(ctx) {
		more := make([]byte, busyFloor)
		defer runtime.KeepAlive(more)
	}
	<-ctx.Done()
}

// untilBusy returns true when the server is busy, or false when the context ends.
func untilBusy(ctx context.Context) bool {
	collections := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for load := (heapLoad{}); ; {
		select {
		case <-ctx.Done():
			return false
		case <-every.C:
		}
		metrics.Read(collections)
		if load.busy(collections[0].Value.Uint64()) {
			return true
		}
	}
}

// heapLoad is how often a server collects garbage.
type heapLoad struct {
	before  uint64 // collections until a second ago
	seconds int    // one after the other, in which it has collected often
}

// busy is called each second with the number of collections until now.
func (l *heapLoad) busy(collections uint64) bool {
	if collections-l.before >= oftenCollects {
		l.seconds++
	} else {
		l.seconds = 0
	}
	l.before = collections
	return l.seconds >= forSome
}
