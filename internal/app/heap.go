package app

import "runtime"

// The garbage collector begins when the heap has doubled. The heap of an idle server is small, so under load it would
// collect many times a second. These bytes count as heap but are never touched, so they take no memory of the machine; what
// the server leaves to the collector may grow by as much.
const heapFloor = 24 << 20

func keepHeapFloor() (release func()) {
	floor := make([]byte, heapFloor)
	return func() { runtime.KeepAlive(floor) }
}
