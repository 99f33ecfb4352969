package event_test

import (
	"testing"

	"github.com/closeloop/closeloop/internal/fault"
)

func TestForkSeparatesTheFeedFromThatOfTheOtherCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	l := w.follow(w.db, never, 0)
	w.listening(1)
	s := w.open()
	w.moves(s, 4)
	before := *w.head(l)
	given := w.cursor(nonces(w)[0], 7) // a cursor that the other copy will give out too
	live := w.from(l, &before)
	w.moves(s, 2) // committed, but without positions: the other copy gives them other positions
	after, err := w.log().Fork(t.Context())
	if err != nil || after != 5 {
		t.Fatalf("forked after %d: %v", after, err)
	}
	l.Wake()
	fresh := w.take(live, 2) // a waiting reader continues
	w.run(fresh, 6)
	w.moves(s, 1)
	l.Wake()
	if _, err := l.From(t.Context(), given); !is(err, fault.CodeFeedReset, "after") {
		t.Errorf("a cursor of the other copy: %v", err)
	}
	w.run(w.take(w.from(l, &before), 3), 6)
	if n := nonces(w); len(n) != 2 || n[0] == n[1] {
		t.Errorf("the epochs' nonces are %q", n)
	}
	// Each fork begins an epoch: two copies of a copy differ, too.
	if after, err := l.Fork(t.Context()); err != nil || after != 8 || len(nonces(w)) != 3 {
		t.Errorf("forked again after %d, %q: %v", after, nonces(w), err)
	}
	if _, err := l.From(t.Context(), &fresh[1].Cursor); err != nil {
		t.Errorf("a cursor from between the forks: %v", err)
	}
}
