package byhand

import (
	"testing"
	"time"

	"github.com/google/uuid"
)

func TestCursor(t *testing.T) {
	t.Parallel()
	at, id := time.Date(2026, 11, 29, 10, 0, 0, 123456000, time.UTC), uuid.New()
	gotAt, gotID, err := readCursor(cursor(at, id))
	if err != nil || !gotAt.Equal(at) || gotID != id {
		t.Errorf("%v, %v, %v", gotAt, gotID, err)
	}
	if _, _, err := readCursor("MQ"); err == nil { // "1", without an id
		t.Error("a cursor without an id is accepted")
	}
}
