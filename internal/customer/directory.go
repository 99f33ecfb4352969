package customer

import (
	"bytes"
	"fmt"
	"slices"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Directory holds the customers whom some responses may mention, by their identities. Their rows are locked, and a
// transaction that looks for the same identities waits for the advisory locks that the caller holds.
//
// The directory contains the changes that the responses make to the customers, which are not in the database yet. Of the
// customers who share an e-mail address it contains only the first: when that customer loses the first place, the
// directory reads the next one.
type Directory struct {
	tx       *gorm.DB
	people   []*Person
	external map[string]*Person
	email    map[string]*Person // by folded address: the first customer who has it
	name     map[string]*Person
	stale    map[string]bool // folded addresses that lost their first customer
}

// Person is a customer with the changes of the responses so far. Every change makes a new model.Customer, so that an item
// with an earlier one keeps it unchanged.
type Person struct {
	*model.Customer
	Stored *model.Customer // as in the database; nil: not inserted yet
}

// OpenDirectory reads the directory for responses.
func OpenDirectory(tx *gorm.DB, of []*Mention) (*Directory, error) {
	d := &Directory{tx: tx, external: map[string]*Person{}, email: map[string]*Person{}, name: map[string]*Person{}, stale: map[string]bool{}}
	if len(of) == 1 {
		return d, d.read(of[0])
	}
	return d, d.readAll(of)
}

// read looks for one customer by one key after the other, which costs less than by all keys at once.
func (d *Directory) read(s *Mention) error {
	if s.Given.ExternalID != nil {
		if found, err := d.take("external_id = ?", *s.Given.ExternalID); found || err != nil {
			return err
		}
	}
	if email, _ := s.Given.Email.ValueOK(); email != nil {
		_, err := d.take("email_fold = ?", model.Fold(*email))
		return err
	}
	if s.Given.ExternalID == nil && s.NameKey != "" {
		_, err := d.take("name_key = ?", s.NameKey)
		return err
	}
	return nil
}

// take locks the row of the customer that a condition finds, and adds the customer.
func (d *Directory) take(condition string, values ...any) (found bool, err error) {
	var rows []*model.Customer
	// Where an address is shared, the customer without an external id comes first, then the oldest.
	err = d.tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(condition, values...).Order("external_id IS NOT NULL, id").Limit(1).Find(&rows).Error
	if err != nil {
		return false, fmt.Errorf("find a customer: %w", err)
	}
	for _, c := range rows {
		d.Add(&Person{c, c})
	}
	return len(rows) > 0, nil
}

func (d *Directory) readAll(of []*Mention) error {
	var ids, emails, names []string
	for _, s := range of {
		if s.Given.ExternalID != nil {
			ids = append(ids, *s.Given.ExternalID)
		}
		if email, _ := s.Given.Email.ValueOK(); email != nil {
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
		for _, r := range rows { // the row may have changed while this statement waited for it: then other customers may be found
			moved = moved || !model.Same(r.ExternalID, r.FoundExternalID) || !model.Same(r.EmailFold, r.FoundEmail)
		}
	}
	for _, r := range rows {
		d.Add(&Person{&r.Customer, &r.Customer})
	}
	return nil
}

type found struct {
	model.Customer
	FoundExternalID *string
	FoundEmail      *string
}

// Each key is looked up by itself: for a list of keys, PostgreSQL plans to read a small table whole, and keeps that plan
// when the table grows.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email FROM (
		SELECT x.* FROM unnest(CAST(? AS text[])) AS k(id), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE external_id = k.id) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(name), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE name_key = k.name) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(fold), LATERAL (
			SELECT id, external_id, email_fold FROM customers WHERE email_fold = k.fold ORDER BY external_id IS NOT NULL, id LIMIT 1) x
		ORDER BY id) f, LATERAL (SELECT * FROM customers WHERE id = f.id FOR UPDATE) c`

// Find looks up the customer of a response: by external id, else by e-mail address unless that belongs to a customer
// with another external id, else by name and country if an import has nothing else. It returns nil if there is none.
func (d *Directory) Find(s *Mention) (*Person, error) {
	if s.Given.ExternalID != nil {
		if p := d.external[*s.Given.ExternalID]; p != nil {
			return p, nil
		}
	}
	if email, _ := s.Given.Email.ValueOK(); email != nil {
		p, err := d.firstByEmail(model.Fold(*email))
		if p != nil && s.Given.ExternalID != nil && p.ExternalID != nil {
			p = nil
		}
		return p, err
	}
	if s.Given.ExternalID == nil && s.NameKey != "" {
		return d.name[s.NameKey], nil
	}
	return nil, nil
}

// firstByEmail returns the first customer of those who share an address.
func (d *Directory) firstByEmail(fold string) (*Person, error) {
	if !d.stale[fold] {
		return d.email[fold], nil
	}
	delete(d.stale, fold)
	var known []model.CustomerID
	for _, p := range d.people {
		known = append(known, p.ID)
		d.index(p)
	}
	if _, err := d.take("email_fold = ? AND id <> ALL(?)", fold, pg.Array(model.UUIDs(known))); err != nil {
		return nil, err
	}
	return d.email[fold], nil
}

// People returns all customers of the directory, in the order in which they were added.
func (d *Directory) People() []*Person { return d.people }

// Add makes a person found by all identities that they have.
func (d *Directory) Add(p *Person) {
	d.people = append(d.people, p)
	d.index(p)
	if p.NameKey != nil {
		d.name[*p.NameKey] = p
	}
}

// Replace gives a person their new data, and makes them found by the identities in it.
func (d *Directory) Replace(p *Person, now *model.Customer) {
	was := p.Customer
	p.Customer = now
	moved := !model.Same(was.EmailFold, now.EmailFold) || !model.Same(was.ExternalID, now.ExternalID)
	if moved && was.EmailFold != nil && d.email[*was.EmailFold] == p {
		delete(d.email, *was.EmailFold)
		d.stale[*was.EmailFold] = true
	}
	d.index(p)
}

func (d *Directory) index(p *Person) {
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
func (p *Person) before(other *Person) bool {
	if (p.ExternalID == nil) != (other.ExternalID == nil) {
		return p.ExternalID == nil
	}
	return bytes.Compare(p.ID.UUID[:], other.ID.UUID[:]) < 0
}

func sortedUnique(texts []string) []string {
	slices.Sort(texts)
	return slices.Compact(texts)
}
