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

// Directory holds the customers that a batch of responses may mention, by their identities. The rows of these customers are
// locked, and the caller holds the advisory locks of the identities, so that a transaction that looks for one of them waits.
//
// The directory includes the changes that the responses make to the customers, which are not in the database yet. Of the
// customers who share an e-mail address it holds only the first. When that customer loses the first place, the directory
// reads the next one.
type Directory struct {
	tx       *gorm.DB
	people   []*Person
	external map[string]*Person
	email    map[string]*Person // by folded address: the first customer with the address
	name     map[string]*Person
	stale    map[string]bool // folded addresses whose first customer has changed
}

// Person is a customer with the changes of the responses so far. Every change creates a new model.Customer, so that an item
// that refers to an earlier version keeps that version unchanged.
type Person struct {
	*model.Customer
	Stored *model.Customer // the row in the database; nil if it is not inserted yet
}

// OpenDirectory locks and reads the customers that the mentions may refer to.
func OpenDirectory(tx *gorm.DB, mentions []*Mention) (*Directory, error) {
	d := &Directory{tx: tx, external: map[string]*Person{}, email: map[string]*Person{}, name: map[string]*Person{}, stale: map[string]bool{}}
	if len(mentions) == 1 {
		return d, d.readOne(mentions[0])
	}
	return d, d.readAll(mentions)
}

// readOne looks for the customer of one mention by one key after the other, which costs less than by all keys at once.
func (d *Directory) readOne(m *Mention) error {
	if m.Given.ExternalID != nil {
		if found, err := d.lockFirst("external_id = ?", *m.Given.ExternalID); found || err != nil {
			return err
		}
	}
	if email, _ := m.Given.Email.ValueOK(); email != nil {
		_, err := d.lockFirst("email_fold = ?", model.Fold(*email))
		return err
	}
	if m.Given.ExternalID == nil && m.NameKey != "" {
		_, err := d.lockFirst("name_key = ?", m.NameKey)
		return err
	}
	return nil
}

// lockFirst locks the row of the first customer that matches a condition, and adds the customer.
func (d *Directory) lockFirst(condition string, values ...any) (found bool, err error) {
	var rows []*model.Customer
	// Of the customers who share an address, the one without an external id comes first, then the oldest.
	err = d.tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where(condition, values...).Order("external_id IS NOT NULL, id").Limit(1).Find(&rows).Error
	if err != nil {
		return false, fmt.Errorf("find a customer: %w", err)
	}
	for _, c := range rows {
		d.Add(&Person{c, c})
	}
	return len(rows) > 0, nil
}

func (d *Directory) readAll(mentions []*Mention) error {
	var ids, emails, names []string
	for _, m := range mentions {
		if m.Given.ExternalID != nil {
			ids = append(ids, *m.Given.ExternalID)
		}
		if email, _ := m.Given.Email.ValueOK(); email != nil {
			emails = append(emails, model.Fold(*email))
		}
		if m.NameKey != "" {
			names = append(names, m.NameKey)
		}
	}
	ids, emails, names = sortedUnique(ids), sortedUnique(emails), sortedUnique(names)
	if len(ids)+len(emails)+len(names) == 0 {
		return nil
	}
	var rows []*found
	for changed := true; changed; {
		rows, changed = nil, false
		if err := d.tx.Raw(lookUp, pg.Array(ids), pg.Array(names), pg.Array(emails)).Scan(&rows).Error; err != nil {
			return fmt.Errorf("find customers: %w", err)
		}
		for _, r := range rows { // a row that changed while the statement waited for it may no longer match: look again
			changed = changed || !model.Same(r.ExternalID, r.FoundExternalID) || !model.Same(r.EmailFold, r.FoundEmail)
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

// lookUp looks up each key separately. For a condition on a list of keys, PostgreSQL would plan to read the whole table while
// it is small, and would keep that plan when the table grows.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email FROM (
		SELECT x.* FROM unnest(CAST(? AS text[])) AS k(id), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE external_id = k.id) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(name), LATERAL (SELECT id, external_id, email_fold FROM customers WHERE name_key = k.name) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(fold), LATERAL (
			SELECT id, external_id, email_fold FROM customers WHERE email_fold = k.fold ORDER BY external_id IS NOT NULL, id LIMIT 1) x
		ORDER BY id) f, LATERAL (SELECT * FROM customers WHERE id = f.id FOR UPDATE) c`

// Find looks up the customer of a response by external id. If no customer has it, Find looks by e-mail address, but does not
// return a customer with another external id. If the response has neither identity, Find looks by name and country, which
// only imports give. It returns nil if no customer is found.
func (d *Directory) Find(m *Mention) (*Person, error) {
	if m.Given.ExternalID != nil {
		if p := d.external[*m.Given.ExternalID]; p != nil {
			return p, nil
		}
	}
	if email, _ := m.Given.Email.ValueOK(); email != nil {
		p, err := d.firstByEmail(model.Fold(*email))
		if p != nil && m.Given.ExternalID != nil && p.ExternalID != nil {
			p = nil
		}
		return p, err
	}
	if m.Given.ExternalID == nil && m.NameKey != "" {
		return d.name[m.NameKey], nil
	}
	return nil, nil
}

// firstByEmail returns the first of the customers who share an address, or nil.
func (d *Directory) firstByEmail(fold string) (*Person, error) {
	if !d.stale[fold] {
		return d.email[fold], nil
	}
	delete(d.stale, fold)
	var loaded []model.CustomerID
	for _, p := range d.people {
		loaded = append(loaded, p.ID)
		d.index(p)
	}
	if _, err := d.lockFirst("email_fold = ? AND id <> ALL(?)", fold, pg.Array(model.UUIDs(loaded))); err != nil {
		return nil, err
	}
	return d.email[fold], nil
}

// People returns all customers of the directory, in the order in which they were added.
func (d *Directory) People() []*Person { return d.people }

// Add adds a person under each identity that the person has.
func (d *Directory) Add(p *Person) {
	d.people = append(d.people, p)
	d.index(p)
	if p.NameKey != nil {
		d.name[*p.NameKey] = p
	}
}

// Replace replaces a person's data, and indexes the person by the identities in the new data.
func (d *Directory) Replace(p *Person, updated *model.Customer) {
	was := p.Customer
	p.Customer = updated
	changed := !model.Same(was.EmailFold, updated.EmailFold) || !model.Same(was.ExternalID, updated.ExternalID)
	if changed && was.EmailFold != nil && d.email[*was.EmailFold] == p {
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
