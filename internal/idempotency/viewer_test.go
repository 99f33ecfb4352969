package idempotency_test

import (
	"context"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/worktest"
)

func TestRunForAViewerWithoutAUser(t *testing.T) {
	t.Parallel()
	run := func(t *testing.T, viewer auth.Viewer, key *string) (done bool, err error) {
		t.Helper()
		write := func(_ context.Context, do func(*gorm.DB, time.Time) error) error { return do(nil, worktest.Start) }
		err = idempotency.Run(t.Context(), write, viewer, idempotency.Call{Mutation: "addNote", Key: key},
			func(*gorm.DB, time.Time) (int, error) { done = true; return 0, nil },
			func(*gorm.DB, int) error { return nil })
		return done, err
	}
	for name, viewer := range map[string]auth.Viewer{"System": auth.System("import"), "nobody": {}} {
		t.Run("refuses a key from "+name, func(t *testing.T) {
			t.Parallel()
			done, err := run(t, viewer, new("k"))
			worktest.Refused(t, "a key", err, fault.CodeBadUserInput, "input.idempotencyKey")
			if done {
				t.Error("the call was executed")
			}
		})
		t.Run("executes a call without a key from "+name, func(t *testing.T) {
			t.Parallel()
			if done, err := run(t, viewer, nil); err != nil || !done {
				t.Errorf("executed: %v, %v", done, err)
			}
		})
	}
}
