package conn

import (
	"errors"
	"testing"
)

func TestAnIdBelongsToTheLastOperationThatTookIt(t *testing.T) {
	t.Parallel()
	o := newOperations(5)
	cancelled := 0
	cancel := func() { cancelled++ }
	old, young := &Operation{}, &Operation{}
	if err := o.begin(old, "1"); err != nil || !old.Control(cancel) {
		t.Fatal(err)
	}
	if err := o.begin(young, "1"); !errors.Is(err, ErrExists) {
		t.Fatalf("began twice: %v", err)
	}
	o.stop("1")
	if cancelled != 1 {
		t.Fatal("stop does not cancel")
	}
	if old.Control(cancel) {
		t.Error("the old operation goes on")
	}
	if err := o.begin(young, "1"); err != nil {
		t.Fatal(err)
	}
	// What the old one still has to say must not reach the client under the young one's id.
	if !old.Gone() || old.release() {
		t.Error("the old operation still has the id")
	}
	if young.Gone() || !young.release() || !young.Gone() {
		t.Error("the young operation did not have the id, or did not give it back")
	}
	old.End()
	young.End()
	o.wait()
}
