package report

import (
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/pg"
)

func TestBoardSharesItsStatementsAmongItsWatchers(t *testing.T) {
	t.Parallel()
	got := map[int]pg.Usage{}
	b := &board{boards: newBoards(nil), watchers: map[*Watch]func(pg.Usage){}}
	b.share(pg.Usage{Time: time.Second}) // the last watcher has just left
	for i := range 3 {
		b.watchers[new(Watch)] = func(used pg.Usage) { got[i] = used }
	}
	b.share(pg.Usage{Time: 30 * time.Millisecond, Rows: 7})
	rows := int64(0)
	for i := range 3 {
		if rows += got[i].Rows; got[i].Time != 10*time.Millisecond || got[i].Rows < 2 {
			t.Errorf("a watcher of three pays %+v of 30 ms and 7 rows", got[i])
		}
	}
	if rows != 7 {
		t.Errorf("the watchers pay %d rows of 7", rows)
	}
}
