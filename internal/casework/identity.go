package casework

import (
	"fmt"
	"hash/fnv"
	"slices"

	"gorm.io/gorm"

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
	for _, part := range slices.Collect(slices.Chunk(slices.Compact(keys), 1000)) {
		if err := tx.Exec("SELECT pg_advisory_xact_lock(k) FROM unnest(CAST(? AS bigint[])) AS keys(k)", literal(part)).Error; err != nil {
			return fmt.Errorf("lock identities: %w", err)
		}
	}
	return nil
}

// literal writes numbers as PostgreSQL's array text; GORM would spell a slice out as so many parameters.
func literal(numbers []int64) string {
	text := []byte{'{'}
	for i, n := range numbers {
		if i > 0 {
			text = append(text, ',')
		}
		text = fmt.Appendf(text, "%d", n)
	}
	return string(append(text, '}'))
}
