package source

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"

	"github.com/tidwall/gjson"
	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/intake"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Answer is what became of a delivery.
type Answer struct {
	Fate     model.SourceFate
	Response *model.ResponseID // nil: there is none
	Faults   []*SourceFault    // of a delivery that was refused
}

// Deliver stores the response of a delivery, and records what became of it in the same transaction. An error means that
// nobody knows whether the response was stored: the tool repeats the delivery.
func (s *Sources) Deliver(ctx context.Context, viewer auth.Viewer, to *Source, body []byte) (*Answer, error) {
	submission, r := s.understand(to, body)
	if submission == nil {
		return r.answer(), s.db.Tx(ctx, func(tx *gorm.DB) error { return r.save(tx) })
	}
	_, err := s.in.SubmitAll(ctx, viewer, []intake.Submission{*submission}, intake.SubmitOptions{
		BeforeCommit: func(tx *gorm.DB, outcomes []intake.Outcome) error {
			r.decided(&outcomes[0])
			return r.save(tx)
		},
	})
	switch {
	case err == nil:
		return r.answer(), nil
	case len(fault.All(err)) == 0 || fault.Is(err, fault.CodeNotFound):
		return nil, err
	}
	r.refused(err) // outside the caller's scope, which is known only when the response is written
	return r.answer(), s.db.Tx(ctx, func(tx *gorm.DB) error { return r.save(tx) })
}

// understand reads a delivery. The submission is nil if there is nothing to submit.
func (s *Sources) understand(to *Source, body []byte) (*intake.Submission, *receipt) {
	r := &receipt{row: model.SourceDelivery{
		ID: model.SourceDeliveryID{UUID: model.NewUUID()}, SourceID: to.ID, ReceivedAt: s.clock(),
	}}
	if !json.Valid(body) {
		r.refuse(&SourceFault{Code: string(fault.CodeBadUserInput), Message: "the body is not JSON"})
		return nil, r
	}
	r.row.Payload = kept(body)
	if c := to.Condition; c != nil && !slices.Contains(c.Values, gjson.GetBytes(body, c.Path).String()) {
		r.row.Fate = model.FateIgnored
		return nil, r
	}
	in, found, faults := to.reader.read(body)
	r.values = found
	if len(faults) > 0 {
		r.refuse(faults...)
		return nil, r
	}
	if in.Survey == nil {
		in.Survey = &to.Survey
	}
	conflict := intake.OnConflict(to.OnConflict)
	in.OnConflict = &conflict
	return &intake.Submission{SubmitResponseInput: in}, r
}

// payloadMax is how many bytes of a payload are kept: each source has a hundred.
const payloadMax = 256 << 10

// kept is a payload as it is kept: with every character that has no need of an escape written out, so that an erasure finds
// what it looks for. It is nil if it would be too long.
func kept(body []byte) *string {
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return nil // a number that is none in Go
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil || b.Len() > payloadMax {
		return nil
	}
	text := string(bytes.TrimSpace(b.Bytes()))
	return &text
}

// receipt is the record of a delivery while it is decided.
type receipt struct {
	row    model.SourceDelivery
	values []*SourceValue
	faults []*SourceFault
}

func (r *receipt) answer() *Answer { return &Answer{r.row.Fate, r.row.ResponseID, r.faults} }

// refuse records faults, of which there is at least one.
func (r *receipt) refuse(faults ...*SourceFault) {
	first := faults[0]
	r.faults, r.row.Fate, r.row.ResponseID = faults, model.FateRefused, nil
	message := first.Message
	for _, f := range faults[1:] {
		message += "; " + f.Message
	}
	r.row.Code, r.row.Field, r.row.Path, r.row.Error = &first.Code, first.Field, first.Path, &message
}

// refused records the faults of an error.
func (r *receipt) refused(err error) {
	if faults := faultsOf(err, r.values); len(faults) > 0 {
		r.refuse(faults...)
	}
}

// decided records what intake has decided. It may be called again when the transaction is retried.
func (r *receipt) decided(o *intake.Outcome) {
	if o.Fault != nil {
		r.refused(o.Fault)
		return
	}
	r.faults, r.row.ResponseID = nil, &o.Response.ID
	r.row.Code, r.row.Field, r.row.Path, r.row.Error = nil, nil, nil, nil
	switch {
	case o.Created:
		r.row.Fate = model.FateAccepted
	case len(o.Changed) > 0:
		r.row.Fate = model.FateCompleted
	default:
		r.row.Fate = model.FateKnown
	}
}

// save writes the record, and deletes those of the source beyond the newest.
func (r *receipt) save(tx *gorm.DB) error {
	if r.row.ResponseID != nil {
		// An erasure waits for this lock, or has ended: it finds the payload, or the payload is not kept.
		var erased bool
		err := tx.Raw("SELECT external_id IS NULL FROM responses WHERE id = ? FOR SHARE", *r.row.ResponseID).Scan(&erased).Error
		if err != nil {
			return pg.WrapErr("lock the response of a delivery", err)
		}
		if erased {
			r.row.Payload = nil
		}
	}
	if err := tx.Create(&r.row).Error; err != nil {
		if pg.Violates(err, "source_deliveries_source_fkey") { // deleted within the last second
			return errNoSource("")
		}
		return pg.WrapErr("record a delivery", err)
	}
	return pg.WrapErr("delete old deliveries", tx.Exec(`DELETE FROM source_deliveries WHERE id IN (SELECT id FROM source_deliveries
		WHERE id IN (SELECT id FROM source_deliveries WHERE source_id = ? ORDER BY received_at DESC, id DESC OFFSET ?) FOR UPDATE SKIP LOCKED)`,
		r.row.SourceID, deliveriesKept).Error)
}

// deliveriesKept is how many deliveries of a source are kept, the newest.
const deliveriesKept = 100
