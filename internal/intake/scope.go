package intake

import (
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// errOutside refuses a response outside of the viewer's scope, and one whose customer is: no viewer may pull a customer
// into their own scope by submitting a response.
func errOutside() error {
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
		return errOutside()
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
