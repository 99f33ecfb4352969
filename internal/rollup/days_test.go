package rollup

import (
	"fmt"
	"runtime"
	"testing"
)

// Not parallel: it measures the heap.
func TestSizeOfDaysIsWhatTheyTake(t *testing.T) {
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	for _, c := range []struct{ days, groups int }{{3000, 1}, {365, 36}, {2, 9000}, {2000, 200}} {
		before := heap()
		d := newDays(mostKeys)
		for date := range c.days {
			for group := range c.groups {
				if !d.add(line{day: int32(date), key: Key{Text: fmt.Sprint("group ", group)}, promoters: 1}, false) {
					t.Fatal("a group is too much")
				}
			}
		}
		d.compact()
		took, size := heap()-before, sizeOf("", d)
		if took > size*5/4 || took < size/3 {
			t.Errorf("%d days of %d groups take %d bytes, and count as %d", c.days, c.groups, took, size)
		}
		runtime.KeepAlive(d)
	}
}
