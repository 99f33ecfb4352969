package worktest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// NoLeak checks that no goroutine is left except those of before, which is goleak.IgnoreCurrent, and those of the
// database's pool. A goroutine that is about to end gets the whole limit for this; goleak alone would wait for a second.
func NoLeak(t *testing.T, limit time.Duration, before goleak.Option) {
	t.Helper()
	pool := goleak.IgnoreTopFunction("github.com/jackc/pgx/v5/pgxpool.(*Pool).backgroundHealthCheck")
	for end := time.Now().Add(limit); ; {
		err := goleak.Find(before, pool)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}
