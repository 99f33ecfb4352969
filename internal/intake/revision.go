package intake

import (
	"fmt"
	"slices"

	"github.com/google/uuid"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/casework"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/event"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/internal/theme"
	"github.com/closeloop/closeloop/model"
)

// revision is the change of a stored response by a submission with its key.
type revision struct {
	was        *model.Response
	fields     []string // that change, such as response.comment
	statements []byte
	ownCase    *model.Case      // of the response; nil if there is none
	retagging  *theme.Retagging // by the new comment; nil: the comment stays
}

// loadRevision compares a submission with the stored response that has its key. The item is the only one of its batch, so
// that everything before it is saved. The item gets the changed response, or a fault if the submission contradicts; or the
// stored response as it is, if nothing is new.
func (b *batch) loadRevision(it *item, found *model.Response) error {
	if err := withinScope(b.tx, b.now, b.viewer, &SubmitResponsePayload{Response: found}); err != nil {
		return err
	}
	owner, other, err := b.owner(it, found.CustomerID)
	if err != nil {
		return err
	}
	// The customer is locked now, so nobody erases or merges the customer while the response changes.
	var stored model.ResponseRow
	if err := b.tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", found.ID).Take(&stored).Error; err != nil {
		return fmt.Errorf("lock a stored response: %w", err)
	}
	if stored.CustomerID != found.CustomerID { // it was moved meanwhile: another customer is to be locked
		return b.loadRevision(it, &stored.Response)
	}
	var own []*model.Case
	if err := b.tx.Where("response_id = ?", found.ID).Limit(1).Find(&own).Error; err != nil {
		return fmt.Errorf("read the case of a stored response: %w", err)
	}
	known := &SubmitResponsePayload{Response: &stored.Response}
	if len(own) > 0 {
		known.Case = own[0]
	}
	switch {
	case owner.ErasedAt != nil && it.by != nil:
		it.outcome.Fault = casework.ErrErased("responseId")
		return nil
	case owner.ErasedAt != nil:
		it.stored = known
		return nil
	}
	c := comparison{correct: it.corrects()}
	r := c.compare(it.valid, &stored.Response)
	person := owner
	if other != nil && c.take("customer", true, false, "the stored response is another customer's") {
		if known.Case != nil {
			c.faults = append(c.faults, &fault.Error{Code: fault.CodeConflict, Argument: "customer", Message: fmt.Sprintf(
				"the stored response is another customer's, and its case %d is under way; a response with a case keeps its customer", known.Case.Number)})
		}
		person = other
	}
	if it.outcome.Fault = fault.Join(c.faults...); len(c.faults) > 0 {
		return nil
	}
	it.person = person
	mention := it.mention
	mention.RespondedAt = r.RespondedAt
	switch {
	case person.Stored == nil:
		it.customer = person.Customer
		b.directory.Add(person)
	case c.correct:
		it.customer, it.changed = mention.Merge(person.Customer)
		b.directory.Replace(person, it.customer)
	default:
		it.customer, it.changed = mention.Complete(person.Customer)
		b.directory.Replace(person, it.customer)
	}
	if len(c.fields) == 0 && it.changed == nil {
		it.stored = known
		return nil
	}
	r.CustomerID = it.customer.ID
	r.CopyCustomer(it.customer)
	it.response = r
	it.revision = &revision{was: &stored.Response, fields: c.fields, statements: stored.Statements, ownCase: known.Case}
	if it.statement != nil {
		it.revision.statements = remember(stored.Statements, it.statement)
	}
	return b.match(it)
}

// owner returns the customer of the stored response, locked, and the customer whom the submission names, if that is another
// one: it may be new. An owner of whom at most a name is known may be named by an address or number that nobody has.
func (b *batch) owner(it *item, id model.CustomerID) (owner, other *customer.Person, err error) {
	named, err := b.directory.Find(&it.mention)
	if err != nil {
		return nil, nil, err
	}
	if named != nil && named.ID == id {
		return named, nil, nil
	}
	var row model.Customer
	if err := b.tx.Clauses(clause.Locking{Strength: "UPDATE"}).Where("id = ?", id).Take(&row).Error; err != nil {
		return nil, nil, fmt.Errorf("lock the customer of a stored response: %w", err)
	}
	owner = &customer.Person{Customer: &row, Stored: &row}
	b.directory.Add(owner)
	switch {
	case !it.mention.Identifies(), named == nil && !row.Known():
		return owner, nil, nil
	case named == nil:
		c := it.mention.NewCustomer(b.now)
		return owner, &customer.Person{Customer: c}, nil
	}
	return owner, named, nil
}

// match finds the themes and the rules that the changed response matches for the first time.
func (b *batch) match(it *item) (err error) {
	if slices.Contains(it.revision.fields, "response.comment") {
		if it.revision.retagging, err = b.themes.Retag(b.tx, it.response.ID, it.response.Comment); err != nil {
			return err
		}
		it.themes = it.revision.retagging.Themes
	} else if it.themes, err = theme.Of(b.tx, it.response.ID); err != nil {
		return err
	}
	if b.options.SkipRules {
		return nil
	}
	var before []uuid.UUID
	if err := b.tx.Table("response_rules").Where("response_id = ?", it.response.ID).Pluck("rule_id", &before).Error; err != nil {
		return fmt.Errorf("read the rules of a stored response: %w", err)
	}
	rules := slices.DeleteFunc(slices.Clone(b.rules), func(r rule.Compiled) bool { return slices.Contains(before, r.ID.UUID) })
	it.Decision = rule.Match(rules, it.response, it.customer, b.now, it.themes...)
	if it.revision.ownCase != nil {
		it.Opens = nil // a response has at most one case
	}
	return nil
}

// applyRevision records the change of a response in the history of its case, and carries out what the rules decided.
func (b *batch) applyRevision(it *item) {
	var own *casework.LockedCase
	for _, locked := range b.cases[it.customer.ID] {
		if it.revision.ownCase != nil && locked.ID == it.revision.ownCase.ID {
			own = locked
		}
	}
	if own != nil && len(it.revision.fields) > 0 {
		changed := slices.Clone(it.revision.fields)
		if !theme.Same(own.Themes, it.themes) {
			changed = append(changed, "themes")
		}
		b.log(own.Apply(b.now, event.Entry{Type: model.EventDetailsChanged, Actor: it.by, Changed: changed}, func() {
			own.Response, own.Themes = it.response, it.themes
			own.CopyResponse(it.response)
		}))
		b.revised = append(b.revised, &own.Case)
	}
	if len(it.Matched) > 0 {
		b.applyDecision(it)
	}
	if it.changed != nil {
		b.propagate(it)
	}
	it.outcome.SubmitResponsePayload = &SubmitResponsePayload{Response: it.response, Changed: append([]string{}, it.revision.fields...)}
	it.outcome.Opened, it.outcome.PastTarget = it.opened != nil, it.pastTarget(b.now)
	for _, locked := range []*casework.LockedCase{own, it.opened} {
		if locked != nil {
			c := locked.Case
			c.Customer, c.Response, c.Assignee = nil, nil, nil
			it.outcome.Case = &c
		}
	}
}

// saveRevision writes a changed response, the copies that its case has, and the time of its customers' newest responses.
func (b *batch) saveRevision(p *pg.Pipeline, it *item) {
	row := it.response.Row()
	row.Statements = it.revision.statements
	pg.AddUpdate(p, "write a changed response", []*model.ResponseRow{row}, pg.Only("customer_id", "score", "comment", "drivers", "attributes",
		"contact_requested", "quote_consent", "testimonial_likelihood", "testimonial_estimated", "responded_at", "statements",
		"country", "company_fold", "segment_fold", "lifetime_value"))
	p.Exec("remove the texts of a changed response", "DELETE FROM response_texts WHERE response_id = $1", row.ID)
	if t := row.Texts(); t != nil {
		pg.AddInsert(p, "insert response texts", []*model.ResponseTexts{t})
	}
	if it.revision.retagging != nil {
		it.revision.retagging.AddTo(p)
	}
	was := it.revision.was
	if was.CustomerID != row.CustomerID || !was.RespondedAt.Equal(row.RespondedAt) {
		for _, id := range []model.CustomerID{was.CustomerID, row.CustomerID} {
			p.Exec("write a customer's last response", `UPDATE customers SET last_response_at = (SELECT max(responded_at) FROM responses WHERE customer_id = $1)
				WHERE id = $1`, id)
		}
	}
}
