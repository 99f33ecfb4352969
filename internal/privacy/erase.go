// Package privacy owns the export and the permanent erasure of a customer's data, the retention time after which a customer
// is erased, and the redaction of notes.
//
// It does not delete the data that figures are computed from: scores, times and events stay, without personal data.
package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/audit"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// EraseCustomerInput identifies the customer to erase.
type EraseCustomerInput struct{ CustomerID model.CustomerID }

// EraseCustomerPayload is the erased customer and the number of their responses, which stay without personal data.
type EraseCustomerPayload struct {
	Customer      *model.Customer
	ResponsesKept int
}

// Privacy erases, redacts and exports.
type Privacy struct {
	db   *pg.DB
	work *casework.Work
}

// New returns the Privacy of one database.
func New(db *pg.DB, work *casework.Work) *Privacy { return &Privacy{db: db, work: work} }

// EraseCustomer permanently removes a customer's personal data from the customer, their responses, the notes and links of
// their cases, the mails about them, and all events in the log. The data that figures are computed from stays. Erasing a
// customer again changes nothing and returns the same payload.
func (p *Privacy) EraseCustomer(ctx context.Context, viewer auth.Viewer, in EraseCustomerInput) (*EraseCustomerPayload, error) {
	out := new(EraseCustomerPayload)
	err := p.work.Write(pg.WithoutTimeLimit(ctx), func(tx *gorm.DB, now time.Time) error {
		erased := new(model.Customer)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.CustomerID).Take(erased).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.customerId", "there is no such customer")
		}
		if err != nil {
			return fmt.Errorf("read a customer: %w", err)
		}
		if erased.ErasedAt == nil {
			if err := erase(tx, now, erased, viewer); err != nil {
				return err
			}
		}
		var kept int64
		if err := tx.Model(&model.Response{}).Where("customer_id = ?", in.CustomerID).Count(&kept).Error; err != nil {
			return fmt.Errorf("count a customer's responses: %w", err)
		}
		*out = EraseCustomerPayload{Customer: erased, ResponsesKept: int(kept)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// erase removes the personal data of a customer whose row the caller has locked. No other transaction can insert a case or
// response of the customer meanwhile, because it would have to lock the row too. A transaction that looks for the customer
// by an identity waits for the row, and then finds that the row no longer has the identity. So erase does not need the
// locks of the identities.
func erase(tx *gorm.DB, now time.Time, c *model.Customer, viewer auth.Viewer) error {
	var by *model.UserID
	if viewer.User != nil {
		by = &viewer.User.ID
	}
	var cases []model.CaseID
	err := tx.Raw("SELECT id FROM cases WHERE customer_id = ? ORDER BY id FOR UPDATE", c.ID).Scan(&cases).Error
	if err != nil {
		return fmt.Errorf("lock a customer's cases: %w", err)
	}
	was := *c
	c.Erase(now)
	if err := customer.Save(tx, c); err != nil {
		return err
	}
	if err := tx.Exec("UPDATE customers SET name_key = NULL WHERE id = ?", c.ID).Error; err != nil {
		return fmt.Errorf("erase a customer's name: %w", err)
	}
	ids, err := responseIDs(tx, c.ID)
	if err != nil {
		return err
	}
	if err := eraseResponses(tx, &was, c); err != nil {
		return err
	}
	for _, statement := range eraseRelations {
		err := tx.Exec(statement, map[string]any{"customer": c.ID, "marker": model.Erased, "now": now}).Error
		if err != nil {
			return fmt.Errorf("erase the notes, links and mails of cases: %w", err)
		}
	}
	for _, id := range cases {
		if err := eraseCase(tx, now, id, by); err != nil {
			return err
		}
	}
	addresses := []string{}
	if was.Email != nil {
		addresses = append(addresses, *was.Email)
	}
	for _, id := range cases {
		found, err := event.Erase(tx, id, now)
		if err != nil {
			return err
		}
		addresses = append(addresses, found...)
	}
	if err := eraseAddresses(tx, c.ID, addresses); err != nil {
		return err
	}
	if err := eraseDeliveries(tx, &was, append(ids, addresses...)); err != nil {
		return err
	}
	return audit.Append(tx, viewer, audit.Entry{Action: model.AuditCustomerErased, Object: c.ID})
}

// eraseRelations erases notes, links and the errors of mails. A note is free text and may name the customer anywhere, so all
// of its text is removed. A mail server that rejected a mail about the customer may have quoted the mail in its answer, so
// the answer is replaced by a marker, which still shows that there was an error.
var eraseRelations = []string{
	`UPDATE notes SET body = @marker, body_fold = @marker, redacted_at = coalesce(redacted_at, @now) WHERE case_id IN (SELECT id FROM cases WHERE customer_id = @customer)`,
	`DELETE FROM case_external_refs WHERE case_id IN (SELECT id FROM cases WHERE customer_id = @customer)`,
	`UPDATE notifications SET last_error = @marker WHERE last_error IS NOT NULL AND ` + aboutCustomer,
}

// aboutCustomer selects the mails about a customer. It repeats the conditions of the indexes on notifications, so that
// PostgreSQL uses these.
const aboutCustomer = `(case_id IN (SELECT id FROM cases WHERE customer_id = @customer)
	OR kind = 'NEW_RESPONSE' AND response_id IN (SELECT id FROM responses WHERE customer_id = @customer))`

// eraseResponses removes the personal data of the customer's responses. A response's external id may be personal, so only
// its hash is kept: a response that is sent again is recognised by the hash, and is not stored as a new response with the
// erased data.
func eraseResponses(tx *gorm.DB, was, c *model.Customer) error {
	err := tx.Exec(`INSERT INTO erased_response_ids (hash, response_id)
		SELECT erased_id(response_key(external_id, survey_fold)), id FROM responses WHERE customer_id = ? AND external_id IS NOT NULL`, c.ID).Error
	if err != nil {
		return fmt.Errorf("store the hashes of response ids: %w", err)
	}
	var responses []*model.Response
	if err := tx.Where("customer_id = ?", c.ID).Order("id").Find(&responses).Error; err != nil {
		return fmt.Errorf("read a customer's responses: %w", err)
	}
	for _, r := range responses {
		r.Erase(was)
		r.CopyCustomer(c)
		if err := rewrite(tx, r); err != nil {
			return fmt.Errorf("erase a response: %w", err)
		}
	}
	return nil
}

// rewrite writes all columns of a response, including the folded texts.
func rewrite(tx *gorm.DB, r *model.Response) error {
	row := r.Row()
	err := tx.Model(&model.ResponseRow{}).Where("id = ?", r.ID).Select("*").Omit("ID", clause.Associations).Updates(row).Error
	if err != nil {
		return err
	}
	if err := tx.Where("response_id = ?", r.ID).Delete(&model.ResponseTexts{}).Error; err != nil {
		return err
	}
	if texts := row.Texts(); texts != nil {
		return tx.Create(texts).Error
	}
	return nil
}

// eraseCase removes the personal data of the case and records an event, which tells subscribers who keep a copy to drop it.
// The case is erased before the change begins, so that the event's former snapshot has no personal data either.
func eraseCase(tx *gorm.DB, now time.Time, id model.CaseID, by *model.UserID) error {
	locked, err := casework.LockCase(tx, id, nil)
	if err != nil {
		return err
	}
	locked.Case.Erase()
	locked.CopyCustomer(locked.Customer)
	_, err = locked.Change(tx, now, event.Entry{Type: model.EventCustomerErased, Actor: by}, func() {})
	return err
}

// eraseAddresses removes the customer's addresses from mails about them. A mail about a customer is never sent to that
// customer, but the address of a recipient may have become the customer's address later. A queued mail to such an address is
// not sent.
func eraseAddresses(tx *gorm.DB, id model.CustomerID, addresses []string) error {
	for i := range addresses {
		addresses[i] = model.Fold(addresses[i])
	}
	slices.Sort(addresses)
	if addresses = slices.Compact(addresses); len(addresses) == 0 {
		return nil
	}
	err := tx.Exec(`UPDATE notifications SET "to" = id || '@erased.invalid', to_fold = id || '@erased.invalid',
		status = CASE status WHEN 'QUEUED' THEN 'NOT_SENT' ELSE status END WHERE to_fold IN @addresses AND `+aboutCustomer,
		map[string]any{"customer": id, "addresses": addresses}).Error
	if err != nil {
		return fmt.Errorf("erase a customer's addresses: %w", err)
	}
	return nil
}
