package conn

import (
	"errors"
	"testing"
)

func TestOperationsGiveAnIDToTheLastOperationThatTookIt(t *testing.T) {
	t.Parallel()
	o := newOperations(5)
	cancelled := 0
	cancel := func() { cancelled++ }
	old, recent := &Operation{}, &Operation{}
	if err := o.begin(old, "1"); err != nil || !old.Control(cancel) {
		t.Fatal(err)
	}
	if err := o.begin(recent, "1"); !errors.Is(err, ErrExists) {
		t.Fatalf("the id was taken twice: %v", err)
	}
	o.stop("1")
	if cancelled != 1 {
		t.Fatal("stop does not cancel the operation")
	}
	if old.Control(cancel) {
		t.Error("the old operation accepts a new execution")
	}
	if err := o.begin(recent, "1"); err != nil {
		t.Fatal(err)
	}
	// The old operation's last message must not reach the client under the new operation's id.
	if !old.Gone() || old.release() {
		t.Error("the old operation still has the id")
	}
	if recent.Gone() || !recent.release() || !recent.Gone() {
		t.Error("the new operation did not have the id, or did not give it back")
	}
	old.End()
	recent.End()
	o.running.Wait()
}
