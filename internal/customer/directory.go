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
// customers who share an e-mail address or a phone number it holds only the first. When that customer loses the first place,
// the directory reads the next one.
type Directory struct {
	tx       *gorm.DB
	people   []*Person
	external map[string]*Person
	shared   map[sharedKey]*Person // the first customer with the address or number
	name     map[string]*Person
	stale    map[sharedKey]bool // those whose first customer has changed
}

// sharedKey is an identity that customers may share: a folded e-mail address or the digits of a phone number, in its column.
type sharedKey struct{ column, value string }

func emailKey(fold string) sharedKey { return sharedKey{"email_fold", fold} }
func phoneKey(key string) sharedKey  { return sharedKey{"phone_key", key} }

func sharedKeys(c *model.Customer) (keys []sharedKey) {
	if c.EmailFold != nil {
		keys = append(keys, emailKey(*c.EmailFold))
	}
	if c.PhoneKey != nil {
		keys = append(keys, phoneKey(*c.PhoneKey))
	}
	return keys
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
	d := &Directory{tx: p.Tx(), external: map[string]*Person{}, shared: map[sharedKey]*Person{}, name: map[string]*Person{}, stale: map[sharedKey]bool{}}
	if len(mentions) == 1 {
		return d.addOne(p, mentions[0])
	}
	return d.addAll(p, mentions)
}

// addOne looks for the customer of one mention by each of its keys, which costs less than by all keys at once.
func (d *Directory) addOne(p *pg.Pipeline, m *Mention) func() (*Directory, error) {
	var found []*[]*model.Customer
	var better []clause.Expression // identities that count before the next one
	look := func(identity, query string, args ...any) {
		if identity == "" {
			return
		}
		tx := d.tx.Where(query, args...)
		for _, b := range better {
			tx = tx.Where("NOT EXISTS (SELECT FROM customers WHERE ?)", b)
		}
		customers := new([]*model.Customer)
		d.addFirst(p, tx, customers)
		found, better = append(found, customers), append(better, clause.Expr{SQL: query, Vars: args})
	}
	look(m.id, "external_id_fold = ? AND external_id = ?", model.Fold(m.id), m.id)
	look(m.email, "email_fold = ?", m.email)
	look(m.phone, "phone_key = ?", m.phone)
	look(m.name, "name_key = ?", m.name)
	return func() (*Directory, error) {
		for _, customers := range found {
			for _, c := range *customers {
				d.Add(&Person{c, c})
			}
		}
		return d, nil
	}
}

// addFirst adds to a pipeline the lock of the row of the first customer that a query finds. Of the customers who share an
// address or a number, the one without an external id comes first, then the oldest.
func (d *Directory) addFirst(p *pg.Pipeline, query *gorm.DB, into *[]*model.Customer) {
	pg.AddFind(p, "find a customer", query.Clauses(clause.Locking{Strength: "UPDATE"}).Order("external_id IS NOT NULL, id").Limit(1), into)
}

func (d *Directory) addAll(p *pg.Pipeline, mentions []*Mention) func() (*Directory, error) {
	var ids, emails, phones, names []string
	for _, m := range mentions {
		ids, emails, phones, names = append(ids, m.id), append(emails, m.email), append(phones, m.phone), append(names, m.name)
	}
	ids, emails, phones, names = given(ids), given(emails), given(phones), given(names)
	folds := make([]string, len(ids))
	for i, id := range ids {
		folds[i] = model.Fold(id)
	}
	var rows []*found
	add := func(p *pg.Pipeline) {
		if len(ids)+len(emails)+len(phones)+len(names) > 0 {
			pg.AddFind(p, "find customers", d.tx.Raw(lookUp, pg.Array(folds), pg.Array(ids), pg.Array(names), pg.Array(emails), pg.Array(phones)), &rows)
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
	FoundPhone      *string
}

// changed reports whether the row has changed while the statement waited for it, so that it may no longer match.
func (f *found) changed() bool {
	return !model.Same(f.ExternalID, f.FoundExternalID) || !model.Same(f.EmailFold, f.FoundEmail) || !model.Same(f.PhoneKey, f.FoundPhone)
}

// lookUp looks up each key separately. For a condition on a list of keys, PostgreSQL would plan to read the whole table while
// it is small, and would keep that plan when the table grows.
const lookUp = `SELECT c.*, f.external_id AS found_external_id, f.email_fold AS found_email, f.phone_key AS found_phone FROM (
		SELECT x.* FROM unnest(CAST(? AS text[]), CAST(? AS text[])) AS k(fold, id), LATERAL (
			SELECT id, external_id, email_fold, phone_key FROM customers WHERE external_id_fold = k.fold AND external_id = k.id) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(name), LATERAL (SELECT id, external_id, email_fold, phone_key FROM customers WHERE name_key = k.name) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(fold), LATERAL (
			SELECT id, external_id, email_fold, phone_key FROM customers WHERE email_fold = k.fold ORDER BY external_id IS NOT NULL, id LIMIT 1) x
		UNION SELECT x.* FROM unnest(CAST(? AS text[])) AS k(digits), LATERAL (
			SELECT id, external_id, email_fold, phone_key FROM customers WHERE phone_key = k.digits ORDER BY external_id IS NOT NULL, id LIMIT 1) x
		ORDER BY id) f, LATERAL (SELECT * FROM customers WHERE id = f.id FOR UPDATE) c`

// Find looks up the customer of a response by external id. If no customer has it, Find looks by e-mail address, and then by
// phone number, but does not return a customer with another external id or another address. If the response has no such
// identity, Find looks by name, country and company. It returns nil if no customer is found.
func (d *Directory) Find(m *Mention) (*Person, error) {
	if p := d.external[m.id]; p != nil {
		return p, nil
	}
	if m.email != "" {
		p, err := d.first(emailKey(m.email))
		switch {
		case err != nil:
			return nil, err
		case p != nil && m.id != "" && p.ExternalID != nil:
			return nil, nil // another customer, who has this address
		case p != nil:
			return p, nil
		}
	}
	if m.phone != "" {
		p, err := d.first(phoneKey(m.phone))
		if p != nil && (m.id != "" && p.ExternalID != nil || m.email != "" && p.Email != nil) {
			p = nil
		}
		return p, err
	}
	return d.name[m.name], nil
}

// first returns the first of the customers who share an identity, or nil.
func (d *Directory) first(key sharedKey) (*Person, error) {
	if !d.stale[key] {
		return d.shared[key], nil
	}
	delete(d.stale, key)
	var loaded []model.CustomerID
	for _, p := range d.people {
		loaded = append(loaded, p.ID)
		d.index(p)
	}
	var next []*model.Customer
	err := pg.Pipelined(d.tx, func(p *pg.Pipeline) {
		d.addFirst(p, d.tx.Where(key.column+" = ? AND id <> ALL(?)", key.value, pg.Array(model.UUIDs(loaded))), &next)
	})
	if err != nil {
		return nil, err
	}
	for _, c := range next {
		d.Add(&Person{c, c})
	}
	return d.shared[key], nil
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
	has := sharedKeys(updated)
	for _, key := range sharedKeys(was) {
		if (!slices.Contains(has, key) || !model.Same(was.ExternalID, updated.ExternalID)) && d.shared[key] == p {
			delete(d.shared, key)
			d.stale[key] = true
		}
	}
	d.index(p)
}

func (d *Directory) index(p *Person) {
	if p.ExternalID != nil {
		d.external[*p.ExternalID] = p
	}
	for _, key := range sharedKeys(p.Customer) {
		if first := d.shared[key]; first == nil || p.before(first) {
			d.shared[key] = p
		}
	}
}

// before is the order of customers who share an address or a number, as in lookUp.
func (p *Person) before(other *Person) bool {
	if (p.ExternalID == nil) != (other.ExternalID == nil) {
		return p.ExternalID == nil
	}
	return bytes.Compare(p.ID.UUID[:], other.ID.UUID[:]) < 0
}

// given sorts the texts, and leaves each once, without the empty one.
func given(texts []string) []string {
	slices.Sort(texts)
	texts = slices.Compact(texts)
	if len(texts) > 0 && texts[0] == "" {
		return texts[1:]
	}
	return texts
}
