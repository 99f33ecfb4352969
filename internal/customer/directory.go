package customer

import (
	"bytes"
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

// AddDirectory adds to a pipeline what locks and reads the customers that the mentions may refer to. When the pipeline has
// been sent, open returns their directory.
func AddDirectory(p *pg.Pipeline, mentions []*Mention) (open func() (*Directory, error)) {
	d := &Directory{tx: p.Tx(), external: map[string]*Person{}, email: map[string]*Person{}, name: map[string]*Person{}, stale: map[string]bool{}}
	if len(mentions) == 1 {
		return d.addOne(p, mentions[0])
	}
	return d.addAll(p, mentions)
}

// addOne looks for the customer of one mention by each of its keys, which costs less than by all keys at once.
func (d *Directory) addOne(p *pg.Pipeline, m *Mention) func() (*Directory, error) {
	var first, second []*model.Customer
	email, _ := m.Given.Email.ValueOK()
	id := m.Given.ExternalID
	if id != nil {
		d.addFirst(p, d.tx.Where("external_id_fold = ? AND external_id = ?", model.Fold(*id), *id), &first)
	}
	switch {
	case id != nil && email != nil:
		d.addFirst(p, d.tx.Where("email_fold = ? AND NOT EXISTS (SELECT FROM customers WHERE external_id_fold = ? AND external_id = ?)",
			model.Fold(*email), model.Fold(*id), *id), &second)
	case email != nil:
		d.addFirst(p, d.tx.Where("email_fold = ?", model.Fold(*email)), &first)
	case id == nil && m.NameKey != "":
		d.addFirst(p, d.tx.Where("name_key = ?", m.NameKey), &first)
	}
	return func() (*Directory, error) {
		for _, c := range append(first, second...) {
			d.Add(&Person{c, c})
		}
		return d, nil
	}
}

// addFirst adds to a pipeline the lock of the row of the first customer that a query finds. Of the customers who share an
// address, the one without an external id comes first, then the oldest.
func (d *Directory) addFirst(p *pg.Pipeline, query *gorm.DB, into *[]*model.Customer) {
	pg.AddFind(p, "find a customer", query.Clauses(clause.Locking{Strength: "UPDATE"}).Order("external_id IS NOT NULL, id").Limit(1), into)
}

func (d *Directory) addAll(p *pg.Pipeline, mentions []*Mention) func() (*Directory, error) {
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
	folds := make([]string, len(ids))
	for i, id := range ids {
		folds[i] = model.Fold(id)
	}
	var rows []*found
	add := func(p *pg.Pipeline) {
		if len(ids)+len(emails)+len(names) > 0 {
			pg.AddFind(p, "find customers", d.tx.Raw(lookUp, pg.Array(folds), pg.Array(ids), pg.Array(names), pg.Array(emails)), &rows)
		}
	}
	add(p)
	return func() (*Directory, error) {
		for slices.ContainsFunc(rows, (*found).changed) {
			if err := pg.Pipelined(d.tx, add); err != nil {
				return nil, err
			}
		}
		for _, r := range rows {
			d.Add(&Person{&r.Customer, &r.Customer})
		}
		return d, nil
	}
}

type found struct {
	model.Customer
	FoundExternalID *string
	FoundEmail      *string
}

// changed reports whether the row has changed while the statement waited for it, so that it may no longer match.
func (f *found) changed() bool {
	return !model.Same(f.ExternalID, f.FoundExternalID) || !model.Same(f.EmailFold, f.FoundEmail)
}

// lookUp looks up each key separately. For a condition on a list of keys, PostgreSQL would plan to read the whole table while
// it is small, and would keep that plan when the table grows.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email FROM (
		SELECT x.* FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS k(fold, id), LATERAL (
			SELECT id, external_id, email_fold FROM customers WHERE external_id_fold = k.fold AND external_id = k.id) x
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
	var next []*model.Customer
	err := pg.Pipelined(d.tx, func(p *pg.Pipeline) {
		d.addFirst(p, d.tx.Where("email_fold = ? AND id <> ALL(?)", fold, pg.Array(model.UUIDs(loaded))), &next)
	})
	if err != nil {
		return nil, err
	}
	for _, c := range next {
		d.Add(&Person{c, c})
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
