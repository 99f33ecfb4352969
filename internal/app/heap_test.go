package app

import "testing"

func TestHeapLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name        string
		collections []uint64 // in each second
		busy        bool     // after the last one
	}{
		{"an idle server", []uint64{0, 0, 1, 0, 0, 0}, false},
		{"an attack of two seconds", []uint64{0, 20, 20, 0}, false},
		{"two attacks of two seconds", []uint64{0, 20, 20, 0, 20, 20}, false},
		{"some load", []uint64{3, 3, 3, 3, 3, 3}, false},
		{"a busy server", []uint64{0, 4, 4, 4}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var load heapLoad
			var total uint64
			for i, n := range c.collections {
				total += n
				if busy := load.busy(total); busy != (c.busy && i == len(c.collections)-1) {
					t.Errorf("after second %d of %v: busy is %t", i+1, c.collections, busy)
				}
			}
		})
	}
}
