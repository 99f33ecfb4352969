package intake

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/closeloop/closeloop/internal/configuration"
	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/pg"
)

// Behind is a batch that is being saved while the next one begins. The next one finds and saves meanwhile what concerns other
// customers and other responses. The rest, the turns and cases, and its commit wait for the commit of this batch. So the result is
// that of one batch after the other. Only an unrestricted viewer's batch begins early: a scope is checked item by item.
type Behind struct {
	Batch []Submission
	// Committed waits until the batch is committed. It returns an error if the batch failed, or if ctx ends.
	Committed func(ctx context.Context) error
}

// heldUpAfter is how long a transaction waits for the one before it. PostgreSQL does not see this wait: if the one before waits for a
// lock of this transaction, as when one customer has two identities of which each batch names another, nobody else would end it.
const heldUpAfter = time.Second

// errTogether says that a batch cannot be saved while the one before it is being saved.
var errTogether = errors.New("the batch has to wait for the one before it")

// saveBehind saves the items of a batch that begins before the one before it is committed.
func (in *Intake) saveBehind(t *batchTx, items []*item) error {
	behind := t.options.Behind
	apart, joint, named := behind.split(items)
	if t.viewer.Scope().Restricted() || len(apart) == 0 {
		return errTogether
	}
	b := t.newBatch(items)
	var revision configuration.Revision
	first := pg.NewPipeline(t.tx)
	configuration.Share(first, &revision)
	addLockIdentities(first, apart)
	early := b.find(first, apart)
	err := first.Send()
	if err != nil {
		return err
	}
	if t.house, err = in.houseAt(t.tx, revision); err != nil {
		return err
	}
	if err := b.load(early); err != nil {
		return err
	}
	if early.directory.Has(named) { // an item would come before an earlier one of the same customer
		return errTogether
	}
	if err := b.saveEarly(early); err != nil {
		return err
	}
	if err := behind.wait(t.tx.Statement.Context); err != nil {
		return err
	}
	second := pg.NewPipeline(t.tx)
	addLockIdentities(second, joint)
	late := b.find(second, joint)
	known := len(early.found) > 0
	if known { // the batch before may have changed them, and their cases
		b.addStored(second, early)
	}
	if err := second.Send(); err != nil {
		return err
	}
	if known {
		stored, err := b.storedCases(early.found)
		if err != nil {
			return err
		}
		for _, it := range early.items {
			if it.stored != nil {
				it.stored = stored[*it.ExternalID]
			}
		}
	}
	return b.process(late)
}

// saveEarly writes the customers and responses of a part before the rest of the batch.
func (b *batch) saveEarly(early *part) error {
	p := pg.NewPipeline(b.tx)
	b.addNumbers(p, 0)
	if err := p.Send(); err != nil {
		return err
	}
	if err := b.saveCustomers(p, early); err != nil {
		return err
	}
	b.saveResponses(p, early)
	return p.Send()
}

// split separates the items that name neither a response nor a customer of the batch before from those that do, or that name
// one of another such item. named are the identities of the batch before and of the joint items.
func (bh *Behind) split(items []*item) (apart, joint []*item, named map[int64]bool) {
	named = map[int64]bool{}
	add := func(hashes []int64) {
		for _, h := range hashes {
			named[h] = true
		}
	}
	for _, s := range bh.Batch {
		add(s.identities())
	}
	isJoint := map[*item]bool{}
	for found := -1; found < len(isJoint); {
		found = len(isJoint)
		for _, it := range items {
			hashes := it.identities()
			if !isJoint[it] && slices.ContainsFunc(hashes, func(h int64) bool { return named[h] }) {
				isJoint[it] = true
				add(hashes)
			}
		}
	}
	for _, it := range items {
		if isJoint[it] {
			joint = append(joint, it)
		} else {
			apart = append(apart, it)
		}
	}
	return apart, joint, named
}

// identities are those of a submission that has not been validated, so that one with blanks around it counts as another.
func (s *Submission) identities() []int64 {
	given := s.Customer
	if given == nil {
		given = &customer.CustomerInput{}
	}
	return customer.Identities(s.ExternalID, &customer.Mention{Given: given, NameKey: s.NameKey})
}

func (bh *Behind) wait(ctx context.Context) error {
	limited, cancel := context.WithTimeout(ctx, heldUpAfter)
	defer cancel()
	err := bh.Committed(limited)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return errTogether
	}
	if err != nil {
		return fmt.Errorf("wait for the batch before: %w", err)
	}
	return nil
}
