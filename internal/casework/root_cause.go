package casework

import (
	"context"
	"fmt"
	"strings"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// SetRootCauseInput has the answers of the '5 whys' method, at most five.
type SetRootCauseInput struct {
	CaseID          model.CaseID
	Whys            []string
	ExpectedVersion *int
}

// SetRootCausePayload is the case and its event.
type SetRootCausePayload struct {
	Case  *model.Case
	Event *model.RootCauseSet
}

// SetRootCause replaces the case's '5 whys': the first is the symptom and the last is the root cause.
func (w *Work) SetRootCause(ctx context.Context, viewer auth.Viewer, in SetRootCauseInput) (*SetRootCausePayload, error) {
	whys, ofWhys := in.check()
	out := new(SetRootCausePayload)
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		c, ofCase := LockCaseFor(tx, now, viewer, in.CaseID, in.ExpectedVersion)
		if err := fault.Join(ofCase, ofWhys); err != nil {
			return err
		}
		e := event.Entry{Type: model.EventRootCauseSet, Actor: &viewer.User.ID, Whys: whys}
		logged, err := c.Change(tx, now, e, func() { c.RootCause = whys })
		*out = SetRootCausePayload{Case: &c.Case, Event: &model.RootCauseSet{LoggedEvent: logged}}
		return err
	})
	return payload(out, err)
}

const whysMax = 5

// check returns the trimmed whys, and the faults of all of them.
func (in SetRootCauseInput) check() ([]string, error) {
	if n := len(in.Whys); n < 1 || n > whysMax {
		return nil, fault.Input("input.whys", "give from 1 to %d whys, not %d", whysMax, n)
	}
	whys := make([]string, len(in.Whys))
	var faults []error
	for i, why := range in.Whys {
		faults = append(faults, CheckNote(fmt.Sprintf("input.whys[%d]", i), why))
		whys[i] = strings.TrimSpace(why)
	}
	return whys, fault.Join(faults...)
}
