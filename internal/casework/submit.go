package casework

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// SubmitResponse takes one response in.
func (w *Work) SubmitResponse(ctx context.Context, viewer auth.Viewer, in SubmitResponseInput) (*SubmitResponsePayload, error) {
	p, err := prepare(Submission{SubmitResponseInput: in}, pg.Timestamp(w.now()))
	if err != nil {
		return nil, fault.WithPath("input", err)
	}
	var out *SubmitResponsePayload
	err = idempotency.Run(ctx, w.Write, viewer, idempotency.Call{Mutation: "submitResponse", Key: in.IdempotencyKey, Input: in}, func(tx *gorm.DB, now time.Time) (submitted, error) {
		outcomes := make([]Outcome, 1)
		if err := w.takeIn(ctx, tx, now, viewer, []*prepared{p}, SubmitOptions{}, outcomes); err != nil {
			return submitted{}, err
		}
		out = outcomes[0].SubmitResponsePayload
		return out.submitted(), nil
	}, func(tx *gorm.DB, kept submitted) (err error) {
		if out, err = kept.payload(tx); err != nil {
			return err
		}
		return withinScope(tx, w.now(), viewer, out)
	})
	return payload(out, err)
}

// submitted is what a payload is made of again. A case that was opened for the response later is not of it.
type submitted struct {
	Response model.ResponseID `json:"response"`
	Case     *model.CaseID    `json:"case,omitempty"`
	Created  bool             `json:"created"`
}

func (p *SubmitResponsePayload) submitted() submitted {
	s := submitted{Response: p.Response.ID, Created: p.Created}
	if p.Case != nil {
		s.Case = &p.Case.ID
	}
	return s
}

func (s submitted) payload(tx *gorm.DB) (*SubmitResponsePayload, error) {
	out := &SubmitResponsePayload{Response: new(model.Response), Created: s.Created}
	if err := tx.Where("id = ?", s.Response).Take(out.Response).Error; err != nil {
		return nil, fmt.Errorf("read a response again: %w", err)
	}
	if s.Case == nil {
		return out, nil
	}
	out.Case = new(model.Case)
	return out, pg.WrapErr("read a case again", tx.Where("id = ?", *s.Case).Take(out.Case).Error)
}

// SubmitAll takes a batch of responses in, in their order and in one transaction. A submission that is wrong by
// itself is left out, with its fault in the outcome; the others go in.
func (w *Work) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []Submission, o SubmitOptions) ([]Outcome, error) {
	outcomes := make([]Outcome, len(batch))
	good := make([]*prepared, len(batch))
	asked := pg.Timestamp(w.now())
	for i, s := range batch {
		good[i], outcomes[i].Fault = prepare(s, asked)
	}
	err := w.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		if err := w.takeIn(ctx, tx, now, viewer, good, o, outcomes); err != nil || o.Also == nil {
			return err
		}
		return o.Also(tx, outcomes)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// bulk is how many responses are so many that the tables may have grown much since the last plan.
const bulk = 100

// takeIn takes those in that were found good, and writes what became of each to its place in the outcomes.
func (w *Work) takeIn(ctx context.Context, tx *gorm.DB, now time.Time, viewer auth.Viewer, good []*prepared, o SubmitOptions, outcomes []Outcome) error {
	if len(good) >= bulk {
		if err := pg.Replan(tx); err != nil {
			return err
		}
	}
	if err := lockIdentities(tx, good); err != nil {
		return err
	}
	in := &intake{w: w, tx: tx, now: now, viewer: viewer, options: o}
	if err := in.readThemes(); err != nil {
		return err
	}
	if err := in.readRules(); err != nil {
		return err
	}
	var arrivals []*arrival
	for i, p := range good {
		if p != nil {
			arrivals = append(arrivals, &arrival{prepared: p, outcome: &outcomes[i]})
		}
	}
	together := max(1, len(arrivals))
	if viewer.Scope().Restricted() {
		together = 1 // what they see is asked of the database, which must know of those before
	}
	for part := range slices.Chunk(arrivals, together) {
		if err := in.take(ctx, part); err != nil {
			return err
		}
	}
	return nil
}
