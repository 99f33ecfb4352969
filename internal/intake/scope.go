package intake

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// errOutside reports that a response or its customer is outside the viewer's scope. The customer is checked too, so that a
// viewer cannot move a customer into their scope by submitting a response.
func errOutside() error {
	return fault.New(fault.CodeForbidden, "the response or its customer is outside your scope")
}

// withinScope returns errOutside for a submission whose response is outside the viewer's scope. It removes a case that is
// outside the scope from the payload.
func withinScope(tx *gorm.DB, now time.Time, viewer auth.Viewer, out *SubmitResponsePayload) error {
	if !viewer.Scope().Restricted() {
		return nil
	}
	visible, err := viewer.Sees(tx.Model(&model.Response{}).Where("id = ?", out.Response.ID).Where(viewer.Scope().Responses(now)))
	if err != nil {
		return err
	}
	if !visible {
		return errOutside()
	}
	if out.Case == nil {
		return nil
	}
	visible, err = viewer.Sees(tx.Model(&model.Case{}).Where("id = ?", out.Case.ID).Where(viewer.Scope().Cases(now)))
	if !visible {
		out.Case = nil
	}
	return err
}
