package source

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// trialMax is how long the payload of a trial may be, in bytes; a request is no longer either.
const trialMax = 1 << 20

// TestSourceInput is a payload to try.
type TestSourceInput struct {
	SourceID model.SourceID
	Payload  string
}

// TestSourcePayload is what would become of a delivery with this payload.
type TestSourcePayload struct {
	Fate       model.SourceFate
	Values     []*SourceValue
	Faults     []*SourceFault
	Changed    []string          // fields of a known response
	ResponseID *model.ResponseID // the known response; nil: there is none
	RuleIDs    []model.RuleID    // that match for the first time
	OpensID    *model.RuleID     // the rule that would open a case
	AssigneeID *model.UserID     // who would get it
}

// Test says what would become of a delivery, and writes nothing. It is decided as for the source's user, where it has one.
func (s *Sources) Test(ctx context.Context, viewer auth.Viewer, in TestSourceInput) (*TestSourcePayload, error) {
	if err := viewer.Require(model.Manager); err != nil {
		return nil, err
	}
	if len(in.Payload) > trialMax {
		return nil, fault.Input("input.payload", "a payload has at most 1 MiB")
	}
	to, as, err := s.load(ctx, in.SourceID, viewer)
	if err != nil {
		return nil, err
	}
	submission, r := s.understand(to, []byte(in.Payload))
	out := &TestSourcePayload{Changed: []string{}, RuleIDs: []model.RuleID{}}
	if submission != nil {
		trial, err := s.in.Try(ctx, as, *submission)
		switch {
		case err == nil:
			r.decided(&trial.Outcome)
			if trial.Fault == nil {
				out.Changed, out.OpensID, out.AssigneeID = trial.Changed, trial.Opens, trial.Assignee
				out.RuleIDs = append(out.RuleIDs, trial.Matched...)
			}
		case len(fault.All(err)) > 0:
			r.refused(err)
		default:
			return nil, err
		}
	}
	out.Fate, out.Values, out.Faults = r.row.Fate, append([]*SourceValue{}, r.values...), append([]*SourceFault{}, r.faults...)
	if out.Fate == model.FateKnown || out.Fate == model.FateCompleted {
		out.ResponseID = r.row.ResponseID
	}
	return out, nil
}

// load reads a source as it is now, and as whom its deliveries are stored.
func (s *Sources) load(ctx context.Context, id model.SourceID, viewer auth.Viewer) (*Source, auth.Viewer, error) {
	db := s.db.Gorm.WithContext(ctx)
	var row model.Source
	err := db.Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return nil, viewer, errNoSource("input.sourceId")
	}
	if err != nil {
		return nil, viewer, pg.WrapErr("read a source", err)
	}
	var users []*model.User
	if row.UserID != nil {
		if err := db.Where("id = ? AND active AND role = ?", *row.UserID, model.Intake).Find(&users).Error; err != nil {
			return nil, viewer, pg.WrapErr("read the user of a source", err)
		}
	}
	to, err := newSource(row, users)
	if err != nil {
		return nil, viewer, err
	}
	if signer, ok := to.Signer(); ok {
		return to, signer, nil
	}
	return to, viewer, nil
}
