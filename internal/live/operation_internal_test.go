package live

import (
	"errors"
	"testing"
)

func TestAnIdBelongsToTheLastOperationThatTookIt(t *testing.T) {
	t.Parallel()
	o := newOperations(5)
	cancelled := 0
	cancel := func() { cancelled++ }
	old, err := o.begin("1")
	if err != nil || !old.control(cancel) {
		t.Fatal(err)
	}
	if _, err := o.begin("1"); !errors.Is(err, errExists) {
		t.Fatalf("began twice: %v", err)
	}
	o.stop("1")
	if cancelled != 1 {
		t.Fatal("stop does not cancel")
	}
	if old.control(cancel) {
		t.Error("the old operation goes on")
	}
	young, err := o.begin("1")
	if err != nil {
		t.Fatal(err)
	}
	// What the old one still has to say must not reach the client under the young one's id.
	if !old.isGone() || old.release() {
		t.Error("the old operation still has the id")
	}
	if young.isGone() || !young.release() || !young.isGone() {
		t.Error("the young operation did not have the id, or did not give it back")
	}
	old.end()
	young.end()
	o.wait()
}
