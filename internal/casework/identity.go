package casework

import (
	"fmt"
	"hash/fnv"
	"slices"

	"gorm.io/gorm"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// lockIdentities makes whoever submits the same response, or a response of the same customer, wait until this
// transaction ends: what is not there yet has no row to lock. The locks are taken in one order by all, so that
// batches do not wait for each other in a circle. Two identities of one hash only wait needlessly.
func lockIdentities(tx *gorm.DB, batch []*prepared) error {
	var keys []int64
	add := func(kind, id string) {
		h := fnv.New64a()
		_, _ = h.Write([]byte(kind + "\x00" + id))
		keys = append(keys, int64(h.Sum64()))
	}
	for _, p := range batch {
		if p == nil {
			continue
		}
		if p.ExternalID != nil {
			add("response", *p.ExternalID)
		}
		if p.Customer.ExternalID != nil {
			add("customer", *p.Customer.ExternalID)
		}
		if email, _ := p.Customer.Email.ValueOK(); email != nil {
			add("email", model.Fold(*email))
		}
		if p.NameKey != "" {
			add("name", p.NameKey)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.Sort(keys)
	for part := range slices.Chunk(slices.Compact(keys), 1000) {
		if err := pg.LockKeys(tx, part); err != nil {
			return fmt.Errorf("lock identities: %w", err)
		}
	}
	return nil
}
