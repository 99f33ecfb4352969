package live

import (
	"fmt"
	"testing"
)

func TestExcerptsAreKeptWithinALimitThatGrowsWithThoseBehind(t *testing.T) {
	t.Parallel()
	const size = 1 << 20
	for behind, want := range map[int64]int{1: 32, 10_000: 110, 1_000_000: 256} { // in MB
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			t.Parallel()
			es := newExcerpts(1)
			es.behind.Store(behind)
			for i := range int64(300) {
				e := es.ask(key{}, Position{Offset: i}, 0)
				<-e.turn
				es.begin(e, 0)
				e.bytes = size
				es.finish(e, &Position{Offset: i + 1}, true, false)
				es.stopWaiting(e)
			}
			if got := es.kept.Len(); got != want || es.bytes != want*size || len(es.all[key{}]) != want {
				t.Errorf("with %d behind, %d MB are kept, %d are counted and %d are found, want %d", behind, got, es.bytes/size, len(es.all[key{}]), want)
			}
			es.behind.Store(1)
			es.leave()
			if es.kept.Len() != 0 || es.bytes != 0 {
				t.Errorf("nobody is behind, and %d MB are kept", es.kept.Len())
			}
		})
	}
}
