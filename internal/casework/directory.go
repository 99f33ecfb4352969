package casework

import (
	"bytes"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

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
	d := &directory{tx: tx, external: map[string]*person{}, email: map[string]*person{}, name: map[string]*person{}, left: map[string]bool{}}
	if len(of) == 1 {
		return d, d.read(of[0])
	}
	return d, d.readAll(of)
}

// read looks for one: by one key after the other, which costs less than by all at once.
func (d *directory) read(s *arrival) error {
	if s.Customer.ExternalID != nil {
		if found, err := d.take("external_id = ?", *s.Customer.ExternalID); found || err != nil {
			return err
		}
	}
	if email, _ := s.Customer.Email.ValueOK(); email != nil {
		_, err := d.take("email_fold = ?", model.Fold(*email))
		return err
	}
	if s.Customer.ExternalID == nil && s.NameKey != "" {
		_, err := d.take("name_key = ?", s.NameKey)
		return err
	}
	return nil
}

// take locks the row of whom a condition finds, and enters them.
func (d *directory) take(condition string, values ...any) (found bool, err error) {
	var rows []*model.Customer
	// Where an address is shared, the customer without an external id comes first, then the oldest.
	err = d.tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(condition, values...).Order("external_id IS NOT NULL, id").Limit(1).Find(&rows).Error
	if err != nil {
		return false, fmt.Errorf("find a customer: %w", err)
	}
	for _, c := range rows {
		d.enter(&person{c, c})
	}
	return len(rows) > 0, nil
}

func (d *directory) readAll(of []*arrival) error {
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
	ids, emails, names = sortedUnique(ids), sortedUnique(emails), sortedUnique(names)
	if len(ids)+len(emails)+len(names) == 0 {
		return nil
	}
	var rows []*found
	for moved := true; moved; {
		rows, moved = nil, false
		if err := d.tx.Raw(lookUp, pg.Array(ids), pg.Array(names), pg.Array(emails)).Scan(&rows).Error; err != nil {
			return fmt.Errorf("find customers: %w", err)
		}
		for _, r := range rows { // somebody may have changed one while this waited for the row: then others may be found
			moved = moved || !model.Same(r.ExternalID, r.FoundExternalID) || !model.Same(r.EmailFold, r.FoundEmail)
		}
	}
	for _, r := range rows {
		d.enter(&person{&r.Customer, &r.Customer})
	}
	return nil
}

type found struct {
	model.Customer
	FoundExternalID *string
	FoundEmail      *string
}

// Each key is looked up by itself: asked for a list of them, PostgreSQL would rather read a small table whole, and keep
// to that when it grows.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email FROM (
		SELECT x.* FROM unnest(CAST(? AS text[])) AS k(id), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE external_id = k.id) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(name), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE name_key = k.name) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(fold), LATERAL (
			SELECT id, external_id, email_fold FROM customers WHERE email_fold = k.fold ORDER BY external_id IS NOT NULL, id LIMIT 1) x
		ORDER BY id) f, LATERAL (SELECT * FROM customers WHERE id = f.id FOR UPDATE) c`

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
	if _, err := d.take("email_fold = ? AND id <> ALL(?)", fold, pg.Array(model.UUIDs(met))); err != nil {
		return nil, err
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
	moved := !model.Same(was.EmailFold, now.EmailFold) || !model.Same(was.ExternalID, now.ExternalID)
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

func sortedUnique(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}
