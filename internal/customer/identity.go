package customer

import (
	"crypto/sha256"
	"encoding/hex"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// identity is by what a mention names a customer. What it does not give is empty.
type identity struct {
	id    string // external
	email string // folded
	phone string // its digits
	name  string // with country and company; empty if there is anything better
}

// Identifies reports whether the mention says who the customer is.
func (i identity) Identifies() bool { return i != identity{} }

// ByName reports whether the mention names the customer by name, country and company alone.
func (i identity) ByName() bool { return i.name != "" }

func (c *CustomerInput) identity(nameKey string, by []model.CustomerIdentity) (i identity) {
	counts := func(k model.CustomerIdentity) bool { return by == nil || slices.Contains(by, k) }
	if c.ExternalID != nil && counts(model.ByCustomerID) {
		i.id = *c.ExternalID
	}
	if email, _ := c.Email.ValueOK(); email != nil && counts(model.ByEmail) {
		i.email = model.Fold(*email)
	}
	if phone, _ := c.Phone.ValueOK(); phone != nil && counts(model.ByPhone) {
		if key := model.PhoneKey(*phone); key != nil {
			i.phone = *key
		}
	}
	if i == (identity{}) && counts(model.ByName) {
		i.name = c.name(nameKey)
	}
	return i
}

// nameMax keeps names within the limit for an entry of a PostgreSQL index (a third of a page).
const nameMax = 1000

// name identifies the customer by name, country and company; empty without a name: two customers without names are not the
// same person. The separator is a control character, which occurs in no name.
func (c *CustomerInput) name(key string) string {
	text := func(given graphql.Omittable[*string]) string {
		if v, _ := given.ValueOK(); v != nil {
			return strings.Join(strings.Fields(model.Fold(*v)), " ") // folding makes some spaces, and drops what stands between others
		}
		return ""
	}
	if key == "" {
		name := strings.TrimSpace(text(c.FirstName) + " " + text(c.LastName))
		if name == "" {
			return ""
		}
		key = name + "\x1f"
		if country, _ := c.Country.ValueOK(); country != nil {
			key += *country
		}
	}
	key += "\x1f" + text(c.Company)
	if len(key) > nameMax {
		sum := sha256.Sum256([]byte(key))
		return "sha256\x1f" + hex.EncodeToString(sum[:])
	}
	return key
}

// AddLockIdentities adds to a pipeline advisory locks for the external ids of responses and for the identities of their customers. Another
// transaction that submits one of these responses, or a response of one of these customers, waits until this transaction
// ends. Row locks are not enough, because a row that does not exist yet cannot be locked. All transactions take the locks
// in one order, so that batches do not deadlock. If two identities have the same hash, a transaction waits without need.
func AddLockIdentities(p *pg.Pipeline, responses []string, mentions []*Mention) {
	var keys []int64
	add := func(kind, id string) {
		if id == "" {
			return
		}
		hash := fnv.New64a()
		_, _ = hash.Write([]byte(kind + "\x00" + id))
		keys = append(keys, int64(hash.Sum64()))
	}
	for _, id := range responses {
		add("response", id)
	}
	for _, m := range mentions {
		add("customer", m.id)
		add("email", m.email)
		add("phone", m.phone)
		add("name", m.name)
	}
	slices.Sort(keys)
	for part := range slices.Chunk(slices.Compact(keys), 1000) {
		pg.AddLockKeys(p, part)
	}
}
