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
	run := func(t *testing.T, viewer auth.Viewer, key *string) (executed bool, err error) {
		t.Helper()
		write := func(_ context.Context, do func(*gorm.DB, time.Time) error) error { return do(nil, worktest.Start) }
		err = idempotency.Run(t.Context(), write, viewer, idempotency.Call{Mutation: "addNote", Key: key},
			func(*gorm.DB, time.Time) (int, error) { executed = true; return 0, nil },
			func(*gorm.DB, int) error { return nil })
		return executed, err
	}
	for name, viewer := range map[string]auth.Viewer{"System": auth.System("import"), "the zero viewer": {}} {
		t.Run("refuses a key from "+name, func(t *testing.T) {
			t.Parallel()
			executed, err := run(t, viewer, new("k"))
			worktest.Refused(t, "a key", err, fault.CodeBadUserInput, "input.idempotencyKey")
			if executed {
				t.Error("a rejected call was executed")
			}
		})
		t.Run("executes a call without a key from "+name, func(t *testing.T) {
			t.Parallel()
			if executed, err := run(t, viewer, nil); err != nil || !executed {
				t.Errorf("want the call executed, got %v, %v", executed, err)
			}
		})
	}
}
