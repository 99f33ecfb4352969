package program

import (
	"testing"
	"time"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	s, ok := parseStat("4711 (postgres: a (b) c) S 42 1 1 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 1 0 5 6 7")
	if want := (ProcessorTime{Own: 2 * time.Second, Ended: 500 * time.Millisecond}); !ok || s != want {
		t.Errorf("%+v", s)
	}
	if _, ok := parseStat("4711 (postgres) S 42"); ok {
		t.Error("a line that is cut off is accepted")
	}
}
