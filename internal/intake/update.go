package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// UpdateResponseInput is a correction of a response by hand: an absent field keeps its value.
type UpdateResponseInput struct {
	ResponseID       model.ResponseID
	Score            *int
	Comment          graphql.Omittable[*string] // nil clears it
	Drivers          []string                   // nil: absent
	ContactRequested *bool
	QuoteConsent     *bool
	RespondedAt      *time.Time
}

// UpdateResponsePayload is the corrected response, its case, if there is one, and the names of the fields that changed.
type UpdateResponsePayload struct {
	Response *model.Response
	Case     *model.Case
	Changed  []string
}

// Update corrects a response by hand. Themes, copies, figures and the history of its case follow, and rules that did not match
// before are applied.
func (in *Intake) Update(ctx context.Context, viewer auth.Viewer, input UpdateResponseInput) (*UpdateResponsePayload, error) {
	s := SubmitResponseInput{
		Drivers: input.Drivers, ContactRequested: input.ContactRequested, QuoteConsent: input.QuoteConsent, RespondedAt: input.RespondedAt,
		OnConflict: new(OnConflictUpdate),
	}
	if input.Score != nil {
		s.Score = *input.Score
	}
	comment, given := input.Comment.ValueOK()
	s.Comment = comment
	v, faults := validate(Submission{SubmitResponseInput: s}, in.work.Now())
	var outcome Outcome
	err := in.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		var stored model.Response
		err := tx.Where("id = ?", input.ResponseID).Where(viewer.Scope().Responses(now)).Take(&stored).Error
		if err != nil {
			return fault.Join(casework.RowErr(err, "input.responseId", "response"), fault.WithPath("input", faults))
		}
		if faults != nil {
			return fault.WithPath("input", faults)
		}
		v.keepsScore, v.clearsComment = input.Score == nil, given && v.Comment == nil
		v.by = &viewer.User.ID
		outcome = Outcome{}
		it := &item{valid: v, outcome: &outcome}
		if err := in.revise(tx, now, viewer, it, &stored); err != nil {
			return err
		}
		if it.revision == nil { // refused, or nothing is new
			return fault.WithPath("input", outcome.Fault)
		}
		after := audited(outcome.Response)
		after["changed"] = outcome.Changed
		return audit.Append(tx, viewer, audit.Entry{Action: model.AuditResponseUpdated, Object: input.ResponseID, Before: audited(it.revision.was), After: after})
	})
	if err != nil {
		return nil, err
	}
	return &UpdateResponsePayload{outcome.Response, outcome.Case, outcome.Changed}, nil
}

// audited is what the audit keeps of a response: nothing personal.
func audited(r *model.Response) map[string]any {
	return map[string]any{"score": r.Score, "contactRequested": r.ContactRequested, "quoteConsent": r.QuoteConsent, "respondedAt": r.RespondedAt}
}

// revise changes one stored response, which the caller names.
func (in *Intake) revise(tx *gorm.DB, now time.Time, viewer auth.Viewer, it *item, stored *model.Response) error {
	t := &batchTx{work: in.work, tx: tx, now: now, viewer: viewer}
	var revision configuration.Revision
	first := pg.NewPipeline(tx)
	configuration.Share(first, &revision)
	b := t.newBatch(first, []*item{it})
	if err := first.Send(); err != nil {
		return err
	}
	var err error
	if t.house, err = in.houseAt(tx, revision); err != nil {
		return err
	}
	if b.directory, err = b.customers(); err != nil {
		return fmt.Errorf("find a customer: %w", err)
	}
	if err := b.loadRevision(it, stored); err != nil {
		return err
	}
	return b.finish()
}
