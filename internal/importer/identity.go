package importer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"github.com/closeloop/closeloop/model"
)

// occurrences counts how often each record has been in the file so far, by 8 bytes of its hash. Two records of one
// such hash would only be counted together, and the same way in each run: their identities, which are made of the
// whole records, stay apart. A row costs 20 to 40 bytes.
type occurrences map[uint64]uint32

// identify gives a row without an external id of its own one that is the same in each run over the file: the hash of
// all its cells, not of those alone that are mapped, and of how many equal records went before it, so that two people
// who gave the same answer are two responses.
func (o occurrences) identify(cells []string) string {
	h := sha256.New()
	for _, c := range cells {
		writeLength(h, uint64(len(c))) // else "ab","c" and "a","bc" would be one
		_, _ = io.WriteString(h, c)
	}
	sum := h.Sum(nil)
	short := binary.BigEndian.Uint64(sum)
	o[short]++
	writeLength(h, uint64(o[short]))
	return "import:" + hex.EncodeToString(h.Sum(nil)[:16])
}

func writeLength(h hash.Hash, n uint64) {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], n)
	_, _ = h.Write(b[:])
}

// nameKeyMax keeps name keys within an entry of PostgreSQL's index (a third of a page).
const nameKeyMax = 1000

// nameKey is the identity of a customer of whom only the name and perhaps the country are known: its code, or what
// the file says where nobody knows it, folded. It is empty where there is no name: nobody is the same person as the
// last nameless one. The separator is a control character, which stands in no name.
func nameKey(name, land string) string {
	name = fold(name)
	if name == "" {
		return ""
	}
	key := name + "\x1f" + land
	if len(key) > nameKeyMax {
		sum := sha256.Sum256([]byte(key))
		return "sha256\x1f" + hex.EncodeToString(sum[:])
	}
	return key
}

// fold makes the same of texts that differ in case and spaces only.
func fold(s string) string { return model.Fold(strings.Join(strings.Fields(s), " ")) }
