package app

import "testing"

func TestHeapFloor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cycles []uint64 // in each second
		want   int      // after them
	}{
		{name: "an idle server", cycles: []uint64{0, 0, 1, 0, 0, 0}, want: heapFloor},
		{name: "an attack of two seconds", cycles: []uint64{0, 20, 20, 0}, want: heapFloor},
		{name: "a busy server", cycles: []uint64{5, 5, 5}, want: heapFloorBusy},
		{name: "collections that are rarer with the floor", cycles: []uint64{5, 5, 5, 1, 1, 1, 1, 1, 1}, want: heapFloorBusy},
		{name: "a pause of a busy server", cycles: []uint64{5, 5, 5, 1, 0, 0, 1, 1}, want: heapFloorBusy},
		{name: "a server that has nothing more to do", cycles: []uint64{5, 5, 5, 1, 0, 0, 0}, want: heapFloor},
		{name: "a few collections after that", cycles: []uint64{5, 5, 5, 1, 0, 0, 0, 1, 1, 1, 1}, want: heapFloor},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var l heapLoad
			var total uint64
			var floor int
			for _, n := range c.cycles {
				total += n
				floor = l.floor(total)
			}
			if floor != c.want {
				t.Errorf("after %v collections a second the floor is %d MiB, want %d", c.cycles, floor>>20, c.want>>20)
			}
		})
	}
}
