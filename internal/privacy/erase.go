// Package privacy owns a customer's right to their data: the export of all that is kept about them, its erasure for good,
// the retention time after which a customer is erased, and the redaction of a note.
//
// It refuses to remove what figures are made of: scores, times and events stay, without personal data.
package privacy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// EraseCustomerInput names a customer.
type EraseCustomerInput struct{ CustomerID model.CustomerID }

// EraseCustomerPayload is the erased customer, and how many of their responses stay without personal data.
type EraseCustomerPayload struct {
	Customer      *model.Customer
	ResponsesKept int
}

// Privacy erases, redacts and exports.
type Privacy struct {
	db   *pg.DB
	work *casework.Work
}

// New makes it for one database.
func New(db *pg.DB, work *casework.Work) *Privacy { return &Privacy{db: db, work: work} }

// EraseCustomer removes a customer's personal data for good: from the customer, their responses, the notes and links
// of their cases, the mails about them, and all events in the log. What figures are made of stays. Erasing a customer
// again changes nothing and answers the same.
func (p *Privacy) EraseCustomer(ctx context.Context, viewer auth.Viewer, in EraseCustomerInput) (*EraseCustomerPayload, error) {
	out := new(EraseCustomerPayload)
	err := p.work.Write(ctx, func(tx *gorm.DB, now time.Time) error {
		found := new(model.Customer)
		err := tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", in.CustomerID).Take(found).Error
		if errors.Is(err, gorm.ErrRecordNotFound) {
			return fault.NotFound("input.customerId", "there is no such customer")
		}
		if err != nil {
			return fmt.Errorf("read a customer: %w", err)
		}
		if found.ErasedAt == nil {
			if err := erase(tx, now, found, &viewer.User.ID); err != nil {
				return err
			}
		}
		var kept int64
		if err := tx.Model(&model.Response{}).Where("customer_id = ?", in.CustomerID).Count(&kept).Error; err != nil {
			return fmt.Errorf("count a customer's responses: %w", err)
		}
		*out = EraseCustomerPayload{Customer: found, ResponsesKept: int(kept)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// erase removes the personal data of a customer whose row the caller has locked. No other transaction can make the
// customer a case or response meanwhile: it would lock the row too. A transaction that looked for the customer by an
// identity waits for the row and then finds that the row has the identity no longer; so the locks of identities are not
// needed here.
func erase(tx *gorm.DB, now time.Time, c *model.Customer, by *model.UserID) error {
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
	if err := eraseResponses(tx, &was, c); err != nil {
		return err
	}
	for _, statement := range eraseRelations {
		err := tx.Exec(statement, map[string]any{"customer": c.ID, "marker": model.Erased, "now": now}).Error
		if err != nil {
			return fmt.Errorf("erase what belongs to cases: %w", err)
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
	return eraseAddresses(tx, c.ID, addresses)
}

// eraseRelations: a note is free text, and may name the customer in any words, so no note is kept. A mail server that
// refused a mail about the customer may have quoted it in its answer, so the answer is not kept either; that there was
// one is kept.
var eraseRelations = []string{
	`UPDATE notes SET body = @marker, redacted_at = coalesce(redacted_at, @now) WHERE case_id IN (SELECT id FROM cases WHERE customer_id = @customer)`,
	`DELETE FROM case_external_refs WHERE case_id IN (SELECT id FROM cases WHERE customer_id = @customer)`,
	`UPDATE notifications SET last_error = @marker WHERE last_error IS NOT NULL AND ` + aboutCustomer,
}

// aboutCustomer uses the conditions of the indexes on notifications.
const aboutCustomer = `(case_id IN (SELECT id FROM cases WHERE customer_id = @customer)
	OR kind = 'NEW_RESPONSE' AND response_id IN (SELECT id FROM responses WHERE customer_id = @customer))`

// eraseResponses empties the customer's responses. The survey tool's id of one may be personal; it is kept as a hash,
// so that the same response, sent again, does not come back as a new one with all that was erased.
func eraseResponses(tx *gorm.DB, was, c *model.Customer) error {
	err := tx.Exec(`INSERT INTO erased_response_ids (hash, response_id)
		SELECT erased_id(external_id), id FROM responses WHERE customer_id = ? AND external_id IS NOT NULL`, c.ID).Error
	if err != nil {
		return fmt.Errorf("keep the hashes of responses' ids: %w", err)
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

// rewrite writes a response whole, with all that is folded of it.
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

// eraseCase empties the case and records an event, so that a subscriber who keeps a copy drops it. The event's former
// snapshot is empty already.
func eraseCase(tx *gorm.DB, now time.Time, id model.CaseID, by *model.UserID) error {
	h, err := casework.LockCase(tx, id, nil)
	if err != nil {
		return err
	}
	h.Case.Erase()
	h.CopyCustomer(h.Customer)
	_, err = h.Change(tx, now, event.Entry{Type: model.EventCustomerErased, Actor: by}, func() {})
	return err
}

// eraseAddresses takes the customer's addresses out of mails about them. An alert never goes to the customer whom it is
// about; but an address that was a colleague's may have become the customer's. A mail that still waits for such an
// address is not sent.
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
