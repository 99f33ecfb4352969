package intake

import (
	"context"
	"errors"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Trial is what would become of a submission.
type Trial struct {
	Outcome
	Matched  []model.RuleID // the rules that match for the first time
	Opens    *model.RuleID  // the rule that would open a case; nil: none would
	Assignee *model.UserID  // who would get the case; nil: nobody
}

// errTried ends the transaction of a trial, so that nothing of it stays.
var errTried = errors.New("this was a trial")

// Try does all that SubmitAll does with one submission, in a transaction that is rolled back. It saves nothing on the way
// either, so that it draws no numbers, unless the viewer has a scope, which is checked by what was saved.
func (in *Intake) Try(ctx context.Context, viewer auth.Viewer, s Submission) (*Trial, error) {
	t := new(Trial)
	v, err := validate(s, in.work.Now())
	if err != nil {
		t.Fault = err
		return t, nil
	}
	err = in.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		*t = Trial{}
		it := &item{valid: v, outcome: &t.Outcome}
		batch := &batchTx{work: in.work, tx: tx, now: now, viewer: viewer, options: SubmitOptions{unsaved: !viewer.Scope().Restricted()}}
		if err := in.decideAlone(batch, it); err != nil {
			return err
		}
		t.read(it)
		return errTried
	})
	if errors.Is(err, errTried) {
		return t, nil
	}
	return nil, err
}

// decideAlone processes one item.
func (in *Intake) decideAlone(batch *batchTx, it *item) (err error) {
	var revision configuration.Revision
	first := pg.NewPipeline(batch.tx)
	configuration.Share(first, &revision)
	addLockIdentities(first, []*valid{it.valid})
	b := batch.newBatch(first, []*item{it})
	if err := first.Send(); err != nil {
		return err
	}
	if batch.house, err = in.houseAt(batch.tx, revision); err != nil {
		return err
	}
	_, err = b.process()
	return err
}

func (t *Trial) read(it *item) {
	for _, r := range it.Matched {
		t.Matched = append(t.Matched, r.ID)
	}
	if it.opened != nil {
		t.Opens, t.Assignee = &it.Opens.ID, it.opened.AssigneeID
	}
}
