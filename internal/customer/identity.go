package customer

import (
	"hash/fnv"
	"slices"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// AddLockIdentities adds to a pipeline advisory locks for the external ids of responses and for the identities of their customers. Another
// transaction that submits one of these responses, or a response of one of these customers, waits until this transaction
// ends. Row locks are not enough, because a row that does not exist yet cannot be locked. All transactions take the locks
// in one order, so that batches do not deadlock. If two identities have the same hash, a transaction waits without need.
func AddLockIdentities(p *pg.Pipeline, responses []string, mentions []*Mention) {
	var keys []int64
	add := func(kind, id string) {
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(kind + "\x00" + id))
		keys = append(keys, int64(hash.Sum64()))
	}
	for _, id := range responses {
		add("response", id)
	}
	for _, m := range mentions {
		if m.Given.ExternalID != nil {
			add("customer", *m.Given.ExternalID)
		}
		if email, _ := m.Given.Email.ValueOK(); email != nil {
			add("email", model.Fold(*email))
		}
		if key := m.phoneKey(); key != nil {
			add("phone", *key)
		}
		if key := m.nameKey(); key != "" {
			add("name", key)
		}
	}
	slices.Sort(keys)
	for part := range slices.Chunk(slices.Compact(keys), 1000) {
		pg.AddLockKeys(p, part)
	}
}
