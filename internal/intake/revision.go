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
	"github.com/closeloop/closeloop/model"
)

// revision is the change of a stored response by a submission with its key.
type revision struct {
	was        *model.Response
	fields     []string // that change, such as response.comment
	statements []byte
	ownCase    *model.Case  // of the response; nil if there is none
	themes     []uuid.UUID  // that the response will have
	tags       []*model.Tag // those of them that it does not have yet
}

// loadRevision compares a submission with the stored response that has its key. The item is the only one of its batch, so
// that everything before it is saved. The item gets the changed response, or a fault if the submission contradicts; or the
// stored response as it is, if nothing is new.
func (b *batch) loadRevision(it *item, found *storedRow, known *SubmitResponsePayload) error {
	if err := withinScope(b.tx, b.now, b.viewer, &SubmitResponsePayload{Response: known.Response}); err != nil {
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
	var own []*model.Case // it may have been opened meanwhile
	if err := b.tx.Where("response_id = ?", found.ID).Limit(1).Find(&own).Error; err != nil {
		return fmt.Errorf("read the case of a stored response: %w", err)
	}
	known = &SubmitResponsePayload{Response: &stored.Response}
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
	it.mention.RespondedAt = r.RespondedAt
	it.person = person
	if it.customer, it.changed = person.Customer, nil; person.Stored != nil {
		if c.correct {
			it.customer, it.changed = it.mention.Merge(person.Customer)
		} else {
			it.customer, it.changed = it.mention.Complete(person.Customer)
		}
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
	if it.by == nil {
		statement, err := it.statement()
		if err != nil {
			return err
		}
		it.revision.statements = remember(stored.Statements, statement)
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
	if it.person.Stored == nil {
		b.directory.Add(it.person)
	}
	if it.themes, err = b.themesAfter(it); err != nil {
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

// themesAfter returns the themes that the response will have. Keywords are applied to a new comment; what a person has set or
// removed stays.
func (b *batch) themesAfter(it *item) (themes []model.Theme, err error) {
	matched := []uuid.UUID{}
	for _, t := range b.themes.Match(it.response.Comment) {
		matched = append(matched, t.ID.UUID)
	}
	var had []model.Tag
	if err := b.tx.Where("response_id = ?", it.response.ID).Find(&had).Error; err != nil {
		return nil, fmt.Errorf("read the tags of a stored response: %w", err)
	}
	var removed []uuid.UUID
	if err := b.tx.Table("response_theme_removals").Where("response_id = ?", it.response.ID).Pluck("theme_id", &removed).Error; err != nil {
		return nil, fmt.Errorf("read the removed tags of a stored response: %w", err)
	}
	read := slices.Contains(it.revision.fields, "response.comment")
	ids := []uuid.UUID{}
	for _, t := range had {
		if !read || t.ByHand || slices.Contains(matched, t.ThemeID.UUID) {
			ids = append(ids, t.ThemeID.UUID)
		}
	}
	for _, id := range matched {
		if read && !slices.Contains(removed, id) && !slices.Contains(ids, id) {
			ids = append(ids, id)
			it.revision.tags = append(it.revision.tags, &model.Tag{ResponseID: it.response.ID, ThemeID: model.ThemeID{UUID: id}})
		}
	}
	it.revision.themes = ids
	err = b.tx.Where("deleted_at IS NULL AND id = ANY(?)", pg.Array(ids)).Order("name_fold, id").Find(&themes).Error
	return themes, pg.WrapErr("read the themes of a response", err)
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
		themes, changed := snapshotThemes(it.themes), slices.Clone(it.revision.fields)
		if !slices.EqualFunc(own.Themes, themes, func(a, b model.Theme) bool { return a.ID == b.ID }) {
			changed = append(changed, "themes")
		}
		b.log(own.Apply(b.now, event.Entry{Type: model.EventDetailsChanged, Actor: it.by, Changed: changed}, func() {
			own.Response, own.Themes = it.response, themes
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
	for _, locked := range []*casework.LockedCase{own, it.opened} {
		if locked != nil {
			c := locked.Case
			c.Customer, c.Response, c.Assignee = nil, nil, nil
			it.outcome.Case = &c
		}
	}
}

// snapshotThemes are themes as the snapshots of cases have them.
func snapshotThemes(themes []model.Theme) []model.Theme {
	out := make([]model.Theme, len(themes))
	for i, t := range themes {
		out[i] = model.Theme{ID: t.ID, Name: t.Name, Effort: t.Effort, ResolvedAt: t.ResolvedAt}
	}
	return out
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
	p.Exec("untag a changed response", "DELETE FROM response_themes WHERE response_id = $1 AND theme_id <> ALL($2)", row.ID, it.revision.themes)
	pg.AddInsert(p, "tag responses", it.revision.tags)
	was := it.revision.was
	if was.CustomerID != row.CustomerID || !was.RespondedAt.Equal(row.RespondedAt) {
		for _, id := range []model.CustomerID{was.CustomerID, row.CustomerID} {
			p.Exec("write a customer's last response", `UPDATE customers SET last_response_at = (SELECT max(responded_at) FROM responses WHERE customer_id = $1)
				WHERE id = $1`, id)
		}
	}
}
