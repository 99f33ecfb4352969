package importer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/model"
)

// identifying are the fields that tell an answer from others: what was said, when, and by whom. Facts about the customer that
// change from one export to the next, such as the lifetime value, are not among them.
var identifying = [...]field{score, respondedAt, comment, drivers, contactRequested, survey, quoteConsent,
	customerExternalID, firstName, lastName, fullName, email, phone, company, countryName}

// occurrences counts how often each row has occurred in the file so far, by 8 bytes of its hash. Two rows with the same 8 bytes
// are counted together, in the same way in each run; their identities still differ, because an identity is computed from the
// whole hash. A row costs 20 to 40 bytes.
type occurrences map[uint64]uint32

// identify computes an external id for a row without one; the id is the same in each run over the file, and in another file with
// other columns beside these or with the columns in another order. It hashes the texts of the identifying fields, as they are
// in the file, and the number of equal rows so far, so that equal answers of two customers are two responses.
func (o occurrences) identify(p *Plan, rec *table.Record) string {
	h := sha256.New()
	for _, f := range identifying {
		if text := p.cell(rec, f); text != "" {
			_, _ = io.WriteString(h, fields[f].name)
			writeNumber(h, uint64(len(text))) // otherwise two texts could share the hash of one
			_, _ = io.WriteString(h, text)
		}
	}
	sum := h.Sum(nil)
	short := binary.BigEndian.Uint64(sum)
	o[short]++
	writeNumber(h, uint64(o[short]))
	return "import:" + hex.EncodeToString(h.Sum(nil)[:16])
}

func writeNumber(h hash.Hash, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	_, _ = h.Write(b[:])
}

// nameKeyMax keeps name keys within the limit for an entry of a PostgreSQL index (a third of a page).
const nameKeyMax = 1000

// nameKey is the identity of a customer who is known only by name and perhaps country. country is the code of the country,
// or the folded text of the file where the country is unknown. The key is empty without a name, because two customers
// without names are not the same person. The separator is a control character, which occurs in no name.
func nameKey(name, country string) string {
	name = fold(name)
	if name == "" {
		return ""
	}
	key := name + "\x1f" + country
	if len(key) > nameKeyMax {
		sum := sha256.Sum256([]byte(key))
		return "sha256\x1f" + hex.EncodeToString(sum[:])
	}
	return key
}

// fold makes texts equal that differ only in what Fold leaves out and in spaces, some of which Fold makes.
func fold(s string) string { return strings.Join(strings.Fields(model.Fold(s)), " ") }
