package intake

import (
	"fmt"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/internal/rule"
	"github.com/closeloop/closeloop/model"
)

// part is items of a batch that are found together.
type part struct {
	items     []*item
	found     []*storedRow                        // responses that are stored already
	customers func() (*customer.Directory, error) // returns the directory
	directory *customer.Directory
}

// find adds to a pipeline what finds the responses and customers of items, whose identities are locked.
func (b *batch) find(p *pg.Pipeline, items []*item) *part {
	found := &part{items: items}
	mentions := make([]*customer.Mention, len(items))
	for i, it := range items {
		mentions[i] = &it.mention
	}
	b.addStored(p, found)
	found.customers = customer.AddDirectory(p, mentions)
	return found
}

// load finds the responses that are already stored. For each of the other responses it finds or creates the customer and
// matches the rules.
func (b *batch) load(of *part) error {
	stored, err := b.storedCases(of.found)
	if err != nil {
		return err
	}
	if of.directory, err = of.customers(); err != nil {
		return err
	}
	for _, it := range of.items {
		if it.ExternalID != nil {
			if it.stored, it.first = stored[*it.ExternalID], b.first[*it.ExternalID]; it.stored != nil || it.first != nil {
				continue
			}
			b.first[*it.ExternalID] = it
		}
		if err := b.resolveCustomer(of.directory, it); err != nil {
			return err
		}
		it.response = it.valid.response(it.customer, b.now)
		it.themes = b.themes.Match(it.response.Comment)
		if !b.options.SkipRules {
			it.Decision = rule.Match(b.rules, it.response, it.customer, b.now, it.themes...)
		}
	}
	return nil
}

// storedRow is a stored response, and the external id of this batch that it has.
type storedRow struct {
	Asked string
	model.Response
}

// addStored finds the stored responses that have an external id of these items. No other transaction can insert such a
// response meanwhile: the transaction holds the locks of the external ids.
func (b *batch) addStored(p *pg.Pipeline, of *part) {
	var ids []string
	for _, it := range of.items {
		if it.ExternalID != nil {
			ids = append(ids, *it.ExternalID)
		}
	}
	if len(ids) == 0 {
		return
	}
	// This is one statement: an erasure between two statements could move an id from responses to erased_response_ids, and
	// neither statement would find the response.
	sql, args := `SELECT i.id AS asked, r.* FROM unnest(CAST(@ids AS text[])) AS i(id), LATERAL (SELECT * FROM responses WHERE external_id = i.id) r UNION ALL
		SELECT i.id, r.* FROM unnest(CAST(@ids AS text[])) AS i(id) JOIN erased_response_ids e ON e.hash = erased_id(i.id) JOIN responses r ON r.id = e.response_id
		WHERE EXISTS (SELECT 1 FROM erased_response_ids)`, map[string]any{"ids": pg.Array(ids)}
	if len(ids) == 1 { // the statement for one id takes half as long
		sql, args = `SELECT @id AS asked, r.* FROM responses r WHERE external_id = @id UNION ALL
			SELECT @id, r.* FROM erased_response_ids e JOIN responses r ON r.id = e.response_id WHERE e.hash = erased_id(@id)`, map[string]any{"id": ids[0]}
	}
	pg.AddFind(p, "find stored responses", b.tx.Raw(sql, args), &of.found)
}

// storedCases returns stored responses with their cases, by the external ids of this batch.
func (b *batch) storedCases(found []*storedRow) (map[string]*SubmitResponsePayload, error) {
	if len(found) == 0 {
		return nil, nil
	}
	var responses []model.ResponseID
	for _, r := range found {
		responses = append(responses, r.ID)
	}
	var cases []*model.Case
	if err := b.tx.Where(pg.In("response_id", responses)).Find(&cases).Error; err != nil {
		return nil, fmt.Errorf("read the cases of stored responses: %w", err)
	}
	caseByResponse := map[model.ResponseID]*model.Case{}
	for _, c := range cases {
		caseByResponse[*c.ResponseID] = c
	}
	stored := map[string]*SubmitResponsePayload{}
	for _, r := range found {
		stored[r.Asked] = &SubmitResponsePayload{Response: &r.Response, Case: caseByResponse[r.ID]}
	}
	return stored, nil
}

// resolveCustomer finds or creates the item's customer.
func (b *batch) resolveCustomer(directory *customer.Directory, it *item) error {
	p, err := directory.Find(&it.mention)
	if err != nil {
		return err
	}
	if p == nil {
		it.customer = it.mention.NewCustomer(b.now)
		it.person = &customer.Person{Customer: it.customer}
		directory.Add(it.person)
		return nil
	}
	visible, err := b.viewer.Sees(b.tx.Model(&model.Customer{}).Where("id = ?", p.ID).Where(b.viewer.Scope().Customers(b.now)))
	if err != nil {
		return err
	}
	if !visible {
		return errOutside()
	}
	it.person = p
	it.customer, it.changed = it.mention.Merge(p.Customer)
	directory.Replace(p, it.customer)
	return nil
}
