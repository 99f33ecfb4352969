package casework

import (
	"bytes"
	"fmt"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// directory is the customers whom some submissions may be of, by what they are found by: their rows are locked, and
// whoever else looks for the same identities waits for the advisory locks that the caller holds.
//
// It keeps up with what the submissions make of them, which is not in the database yet. Of the customers who share an
// e-mail address it has the first alone: when that one is it no more, it asks for the next of those it has not met.
type directory struct {
	tx       *gorm.DB
	people   []*person
	external map[string]*person
	email    map[string]*person // by folded address: who comes first
	name     map[string]*person
	left     map[string]bool // folded addresses whose first is it no more
}

// person is a customer as the submissions have made them by now. With every change there is another one: who has seen
// an earlier one keeps it.
type person struct {
	*model.Customer
	stored *model.Customer // as in the database; nil: still to be made
}

// openDirectory reads the directory for submissions.
func openDirectory(tx *gorm.DB, of []*arrival) (*directory, error) {
	var ids, emails, names []string
	for _, s := range of {
		if s.Customer.ExternalID != nil {
			ids = append(ids, *s.Customer.ExternalID)
		}
		if email, _ := s.Customer.Email.ValueOK(); email != nil {
			emails = append(emails, model.Fold(*email))
		}
		if s.NameKey != "" {
			names = append(names, s.NameKey)
		}
	}
	for _, list := range []*[]string{&ids, &emails, &names} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	for {
		d := &directory{tx: tx, external: map[string]*person{}, email: map[string]*person{}, name: map[string]*person{}, left: map[string]bool{}}
		if len(ids)+len(emails)+len(names) == 0 {
			return d, nil
		}
		var rows []*found
		if err := tx.Raw(lookUp, pg.Array(ids), pg.Array(names), pg.Array(emails)).Scan(&rows).Error; err != nil {
			return nil, fmt.Errorf("find customers: %w", err)
		}
		moved := false
		for _, row := range rows {
			moved = moved || !sameText(row.ExternalID, row.FoundExternalID) || !sameText(row.EmailFold, row.FoundEmail)
			d.enter(&person{&row.Customer, &row.Customer})
		}
		if !moved {
			return d, nil
		}
		// Somebody has changed one while this waited for their row: they may be found by something else now.
	}
}

type found struct {
	model.Customer
	FoundExternalID *string
	FoundEmail      *string
}

// Where an address is shared, the customer without an external id comes first, then the oldest.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email FROM (
		SELECT id, external_id, email_fold FROM customers WHERE external_id = ANY(?)
		UNION SELECT id, external_id, email_fold FROM customers WHERE name_key = ANY(?)
		UNION SELECT first.* FROM unnest(CAST(? AS text[])) AS e(fold), LATERAL (
			SELECT id, external_id, email_fold FROM customers WHERE email_fold = e.fold ORDER BY external_id IS NOT NULL, id LIMIT 1) first) f
	JOIN customers c ON c.id = f.id ORDER BY c.id FOR UPDATE OF c`

// find looks the customer of a submission up: by external id, else by e-mail where that belongs to no customer with
// another external id, else by name and country where an import knows no more. It is nil where there is none.
func (d *directory) find(s *prepared) (*person, error) {
	if s.Customer.ExternalID != nil {
		if p := d.external[*s.Customer.ExternalID]; p != nil {
			return p, nil
		}
	}
	if email, _ := s.Customer.Email.ValueOK(); email != nil {
		p, err := d.at(model.Fold(*email))
		if p != nil && s.Customer.ExternalID != nil && p.ExternalID != nil {
			p = nil
		}
		return p, err
	}
	if s.Customer.ExternalID == nil && s.NameKey != "" {
		return d.name[s.NameKey], nil
	}
	return nil, nil
}

// at gives who comes first at an address.
func (d *directory) at(fold string) (*person, error) {
	if !d.left[fold] {
		return d.email[fold], nil
	}
	delete(d.left, fold)
	var met []model.CustomerID
	for _, p := range d.people {
		met = append(met, p.ID)
		d.index(p)
	}
	var rows []*model.Customer
	err := d.tx.Raw("SELECT * FROM customers WHERE email_fold = ? AND id <> ALL(?) ORDER BY external_id IS NOT NULL, id LIMIT 1 FOR UPDATE",
		fold, pg.Array(model.UUIDs(met))).Scan(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("find a customer: %w", err)
	}
	for _, c := range rows {
		d.enter(&person{c, c})
	}
	return d.email[fold], nil
}

// enter keeps a person, by all they are found by.
func (d *directory) enter(p *person) {
	d.people = append(d.people, p)
	d.index(p)
	if p.NameKey != nil {
		d.name[*p.NameKey] = p
	}
}

// become makes another of a person, and has them found by what they have now.
func (d *directory) become(p *person, now *model.Customer) {
	was := p.Customer
	p.Customer = now
	moved := !sameText(was.EmailFold, now.EmailFold) || !sameText(was.ExternalID, now.ExternalID)
	if moved && was.EmailFold != nil && d.email[*was.EmailFold] == p {
		delete(d.email, *was.EmailFold)
		d.left[*was.EmailFold] = true
	}
	d.index(p)
}

func (d *directory) index(p *person) {
	if p.ExternalID != nil {
		d.external[*p.ExternalID] = p
	}
	if p.EmailFold == nil {
		return
	}
	if first := d.email[*p.EmailFold]; first == nil || p.before(first) {
		d.email[*p.EmailFold] = p
	}
}

// before is the order of customers who share an address, as in lookUp.
func (p *person) before(other *person) bool {
	if (p.ExternalID == nil) != (other.ExternalID == nil) {
		return p.ExternalID == nil
	}
	return bytes.Compare(p.ID.UUID[:], other.ID.UUID[:]) < 0
}
