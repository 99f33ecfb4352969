package intake

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// Intake takes responses in.
type Intake struct{ work *casework.Work }

// New makes the intake of one database.
func New(work *casework.Work) *Intake { return &Intake{work} }

// Submit takes one response in.
func (n *Intake) Submit(ctx context.Context, viewer auth.Viewer, in SubmitResponseInput) (*SubmitResponsePayload, error) {
	p, err := validate(Submission{SubmitResponseInput: in}, n.work.Now())
	if err != nil {
		return nil, fault.WithPath("input", err)
	}
	var out *SubmitResponsePayload
	err = idempotency.Run(ctx, n.work.Write, viewer, idempotency.Call{Mutation: "submitResponse", Key: in.IdempotencyKey, Input: in}, func(tx *gorm.DB, now time.Time) (submitted, error) {
		outcomes := make([]Outcome, 1)
		if err := n.takeIn(ctx, tx, now, viewer, []*valid{p}, SubmitOptions{}, outcomes); err != nil {
			return submitted{}, err
		}
		out = outcomes[0].SubmitResponsePayload
		return out.submitted(), nil
	}, func(tx *gorm.DB, kept submitted) (err error) {
		if out, err = kept.payload(tx); err != nil {
			return err
		}
		return withinScope(tx, n.work.Now(), viewer, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// submitted is what a payload is rebuilt from. A case that was opened for the response later is not part of it.
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
func (n *Intake) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []Submission, o SubmitOptions) ([]Outcome, error) {
	outcomes := make([]Outcome, len(batch))
	good := make([]*valid, len(batch))
	asked := n.work.Now()
	for i, s := range batch {
		good[i], outcomes[i].Fault = validate(s, asked)
	}
	err := n.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		if err := n.takeIn(ctx, tx, now, viewer, good, o, outcomes); err != nil || o.Also == nil {
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

// takeIn takes the valid submissions in, and writes the result of each to its place in the outcomes.
func (n *Intake) takeIn(ctx context.Context, tx *gorm.DB, now time.Time, viewer auth.Viewer, good []*valid, o SubmitOptions, outcomes []Outcome) error {
	if len(good) >= bulk {
		if err := pg.Replan(tx); err != nil {
			return err
		}
	}
	if err := lockIdentities(tx, good); err != nil {
		return err
	}
	in := &batchTx{work: n.work, tx: tx, now: now, viewer: viewer, options: o}
	var err error
	if in.themes, err = theme.ReadMatcher(tx); err != nil {
		return err
	}
	if err := in.readRules(); err != nil {
		return err
	}
	var items []*item
	for i, p := range good {
		if p != nil {
			items = append(items, &item{valid: p, outcome: &outcomes[i]})
		}
	}
	together := max(1, len(items))
	if viewer.Scope().Restricted() {
		together = 1 // the scope is asked of the database, which must hold the items before
	}
	for part := range slices.Chunk(items, together) {
		if err := in.take(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

func lockIdentities(tx *gorm.DB, good []*valid) error {
	var responses []string
	var mentions []*customer.Mention
	for _, p := range good {
		if p == nil {
			continue
		}
		if p.ExternalID != nil {
			responses = append(responses, *p.ExternalID)
		}
		mentions = append(mentions, &p.mention)
	}
	return customer.LockIdentities(tx, responses, mentions)
}
