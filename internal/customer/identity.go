package customer

import (
	"hash/fnv"
	"slices"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Identities are hashes of the external id of a response, if it has one, and of the identities by which its customer is
// looked for.
func Identities(response *string, m *Mention) (hashes []int64) {
	if response != nil {
		hashes = append(hashes, hashOf("response", *response))
	}
	if m.Given.ExternalID != nil {
		hashes = append(hashes, hashOf("customer", *m.Given.ExternalID))
	}
	if email, _ := m.Given.Email.ValueOK(); email != nil {
		hashes = append(hashes, hashOf("email", model.Fold(*email)))
	}
	if m.NameKey != "" {
		hashes = append(hashes, hashOf("name", m.NameKey))
	}
	return hashes
}

// identities are the hashes under which a mention may find the customer.
func identities(c *model.Customer) (hashes []int64) {
	for kind, id := range map[string]*string{"customer": c.ExternalID, "email": c.EmailFold, "name": c.NameKey} {
		if id != nil {
			hashes = append(hashes, hashOf(kind, *id))
		}
	}
	return hashes
}

func hashOf(kind, id string) int64 {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(kind + "\x00" + id))
	return int64(hash.Sum64())
}

// AddLockIdentities adds to a pipeline advisory locks for identities of responses and their customers. Another
// transaction that submits one of these responses, or a response of one of these customers, waits until this transaction
// ends. Row locks are not enough, because a row that does not exist yet cannot be locked. All transactions take the locks
// in one order, so that batches do not deadlock. If two identities have the same hash, a transaction waits without need.
func AddLockIdentities(p *pg.Pipeline, hashes []int64) {
	hashes = slices.Compact(slices.Sorted(slices.Values(hashes)))
	for part := range slices.Chunk(hashes, 1000) {
		pg.AddLockKeys(p, part)
	}
}
