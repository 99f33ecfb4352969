package casework

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// What a viewer writes on must lie within their scope when they begin: what is outside does not exist. It is asked
// once the row is locked, in the transaction that writes, so that nothing moves out in between. What a write makes of
// it may lie outside, as a case does that was handed on; its answer still tells.

// holdFor is hold for a case that a viewer names. Whoever does not see it learns nothing of it, its version neither.
func holdFor(tx *gorm.DB, now time.Time, viewer auth.Viewer, id model.CaseID, expectedVersion *int) (*held, error) {
	h, err := hold(tx, id, nil)
	if err != nil {
		return nil, err
	}
	seen, err := viewer.Sees(tx.Model(&model.Case{}).Where("id = ?", id).Where(viewer.Scope().Cases(now)))
	switch {
	case err != nil:
		return nil, err
	case !seen:
		return nil, noSuchCase()
	}
	return h, h.expect(expectedVersion)
}

// outside refuses a response that a scope does not see, or whose customer it does not: by submitting, nobody may pull
// another's customer into their own scope.
func outside() error {
	return fault.New(fault.CodeForbidden, "this response, or its customer, lies outside of your scope")
}

// withinScope refuses a submission that is not wholly within the viewer's scope, and hides a case that is not.
func withinScope(tx *gorm.DB, now time.Time, viewer auth.Viewer, out *SubmitResponsePayload) error {
	if !viewer.Scope().Restricted() {
		return nil
	}
	seen, err := viewer.Sees(tx.Model(&model.Response{}).Where("id = ?", out.Response.ID).Where(viewer.Scope().Responses(now)))
	if err != nil {
		return err
	}
	if !seen {
		return outside()
	}
	if out.Case == nil {
		return nil
	}
	seen, err = viewer.Sees(tx.Model(&model.Case{}).Where("id = ?", out.Case.ID).Where(viewer.Scope().Cases(now)))
	if !seen {
		out.Case = nil
	}
	return err
}

func noSuchCase() error { return fault.NotFound("input.caseId", "there is no such case") }

// missing makes a row that is not there the fault of the argument that names it.
func missing(err error, argument, what string) error {
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return fault.NotFound(argument, "there is no such %s", what)
	}
	return fmt.Errorf("read a %s: %w", what, err)
}
