package app

import (
	"context"
	"runtime"
	"runtime/metrics"
	"time"
)

// The garbage collector begins when the heap has doubled. The heap of an idle server is small, so under load it would
// collect many times a second. The bytes of a floor count as heap but are never touched, so they take no memory of the
// machine; what the server leaves to the collector may grow by as much.
const (
	heapFloor     = 24 << 20 // of a server with little to do: attackers' connections may not take much memory
	heapFloorBusy = 96 << 20 // of one that collects garbage often, for some time

	oftenCollects = 4 // times a second
	forSome       = 3 // seconds
)

// keepHeapFloor keeps a floor under the heap until the context ends.
func keepHeapFloor(ctx context.Context) {
	cycles := []metrics.Sample{{Name: "/gc/cycles/automatic:gc-cycles"}}
	var load heapLoad
	size := heapFloor
	floor := make([]byte, size)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			runtime.KeepAlive(floor)
			return
		case <-every.C:
		}
		metrics.Read(cycles)
		if now := load.floor(cycles[0].Value.Uint64()); now != size {
			size, floor = now, make([]byte, now)
		}
	}
}

// heapLoad is how often a server collects garbage.
type heapLoad struct {
	cycles  uint64 // until now
	seconds int    // in which it has collected often, one after the other, at most forSome; fewer again after a quiet one
	busy    bool
}

// floor returns the size of the floor, each second, by the number of collections until now. The floor of a busy server makes its
// collections rarer, so it ends when there are hardly any.
func (l *heapLoad) floor(cycles uint64) int {
	in := cycles - l.cycles
	l.cycles = cycles
	switch {
	case in >= oftenCollects, l.busy && in > 0:
		l.seconds = min(l.seconds+1, forSome)
	default:
		l.seconds = max(l.seconds-1, 0)
	}
	l.busy = l.seconds == forSome || l.busy && l.seconds > 0
	if l.busy {
		return heapFloorBusy
	}
	return heapFloor
}
