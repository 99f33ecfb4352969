package intake

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/idempotency"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Intake saves submitted responses.
type Intake struct {
	work  *casework.Work
	known atomic.Pointer[house] // the last one that was read
	calls gathering
}

// New returns the intake for one database.
func New(work *casework.Work) *Intake { return &Intake{work: work} }

// AddMail adds the notifications of mails to a pipeline.
func (in *Intake) AddMail(p *pg.Pipeline, mails []model.Notification) { in.work.AddMail(p, mails) }

// Submit saves one response.
func (in *Intake) Submit(ctx context.Context, viewer auth.Viewer, input SubmitResponseInput) (*SubmitResponsePayload, error) {
	call := idempotency.Call{Mutation: "submitResponse", Key: input.IdempotencyKey, Input: input}
	v, err := validate(Submission{SubmitResponseInput: input}, in.work.Now())
	if err := fault.Join(fault.WithPath("input", err), call.Check(viewer)); err != nil {
		return nil, err
	}
	// A key is the first lock of a transaction, and a scope is checked by statements that see one response after the other.
	if call.Key == nil && !viewer.Scope().Restricted() {
		return in.submitGathered(ctx, viewer, v)
	}
	var out *SubmitResponsePayload
	err = idempotency.Run(ctx, in.work.Write, viewer, call, func(tx *gorm.DB, now time.Time) (submitted, error) {
		outcomes := make([]Outcome, 1)
		if err := in.saveAll(tx, now, viewer, []*valid{v}, SubmitOptions{}, outcomes); err != nil {
			return submitted{}, err
		}
		if outcomes[0].Fault != nil {
			return submitted{}, fault.WithPath("input", outcomes[0].Fault)
		}
		out = outcomes[0].SubmitResponsePayload
		return out.submitted(), nil
	}, func(tx *gorm.DB, stored submitted) (err error) {
		if out, err = stored.payload(tx); err != nil {
			return err
		}
		return withinScope(tx, in.work.Now(), viewer, out)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// submitAlone saves one response in a transaction of its own.
func (in *Intake) submitAlone(ctx context.Context, viewer auth.Viewer, v *valid) (*SubmitResponsePayload, error) {
	outcomes := make([]Outcome, 1)
	err := in.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		return in.saveAll(tx, now, viewer, []*valid{v}, SubmitOptions{}, outcomes)
	})
	if err != nil {
		return nil, err
	}
	return outcomes[0].SubmitResponsePayload, fault.WithPath("input", outcomes[0].Fault)
}

// submitted holds the ids from which a repeated call rebuilds its payload. It does not include a case that was opened for
// the response later.
type submitted struct {
	Response model.ResponseID `json:"response"`
	Case     *model.CaseID    `json:"case,omitempty"`
	Created  bool             `json:"created"`
	Changed  []string         `json:"changed,omitempty"`
}

func (p *SubmitResponsePayload) submitted() submitted {
	s := submitted{Response: p.Response.ID, Created: p.Created, Changed: p.Changed}
	if p.Case != nil {
		s.Case = &p.Case.ID
	}
	return s
}

func (s submitted) payload(tx *gorm.DB) (*SubmitResponsePayload, error) {
	out := &SubmitResponsePayload{Response: new(model.Response), Created: s.Created, Changed: append([]string{}, s.Changed...)}
	if err := tx.Where("id = ?", s.Response).Take(out.Response).Error; err != nil {
		return nil, fmt.Errorf("reload a response: %w", err)
	}
	if s.Case == nil {
		return out, nil
	}
	out.Case = new(model.Case)
	return out, pg.WrapErr("reload a case", tx.Where("id = ?", *s.Case).Take(out.Case).Error)
}

// SubmitAll saves a batch of responses, in their order and in one transaction. An invalid submission is left out, and its
// outcome holds the fault; the others are saved.
func (in *Intake) SubmitAll(ctx context.Context, viewer auth.Viewer, batch []Submission, o SubmitOptions) ([]Outcome, error) {
	outcomes := make([]Outcome, len(batch))
	checked := make([]*valid, len(batch))
	now := in.work.Now()
	for i, s := range batch {
		checked[i], outcomes[i].Fault = validate(s, now)
	}
	err := in.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		if err := in.saveAll(tx, now, viewer, checked, o, outcomes); err != nil || o.BeforeCommit == nil {
			return err
		}
		return o.BeforeCommit(tx, outcomes)
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

// replanFrom is the batch size from which the transaction makes PostgreSQL plan its statements again: after so many
// responses the tables may be much larger than at the last plan.
const replanFrom = 100

// saveAll saves the valid submissions, and sets the outcome of each at its index. A nil entry is an invalid submission.
func (in *Intake) saveAll(tx *gorm.DB, now time.Time, viewer auth.Viewer, checked []*valid, o SubmitOptions, outcomes []Outcome) error {
	if len(checked) >= replanFrom {
		if err := pg.Replan(tx); err != nil {
			return err
		}
	}
	batch := &batchTx{work: in.work, tx: tx, now: now, viewer: viewer, options: o}
	var items []*item
	for i, v := range checked {
		if v != nil {
			outcomes[i] = Outcome{} // of an earlier try
			items = append(items, &item{valid: v, outcome: &outcomes[i]})
		}
	}
	most := max(1, len(items))
	if viewer.Scope().Restricted() {
		most = 1 // the scope is checked by a query, which must see the items before this one
	}
	var revision configuration.Revision
	first := pg.NewPipeline(tx)
	configuration.Share(first, &revision)
	addLockIdentities(first, checked)
	for size := most; len(items) > 0; size = min(2*size, most) {
		size = min(size, len(items))
		b := batch.newBatch(first, items[:size])
		if err := first.Send(); err != nil {
			return err
		}
		if batch.house == nil {
			var err error
			if batch.house, err = in.houseAt(tx, revision); err != nil {
				return err
			}
		}
		done, err := b.process()
		if err != nil {
			return err
		}
		if items = items[done:]; done < size { // an item that may change a stored response is next, and more such may follow
			size = 1
		}
	}
	return nil
}

func addLockIdentities(p *pg.Pipeline, checked []*valid) {
	var responses []string
	var mentions []*customer.Mention
	for _, v := range checked {
		if v == nil {
			continue
		}
		if v.ExternalID != nil {
			responses = append(responses, v.key)
		}
		mentions = append(mentions, &v.mention)
	}
	customer.AddLockIdentities(p, responses, mentions)
}
