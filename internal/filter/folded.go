package filter

import (
	"math/bits"
	"strings"
	"sync"
	"unsafe"

	"github.com/closeloop/closeloop/model"
)

// folded is a stored text as the operators compare it.
type folded struct {
	text  string
	grams grams // nil: every needle has to be looked for
}

func (f folded) contains(needle string) bool {
	return f.grams.mayContain(needle) && strings.Contains(f.text, needle)
}

// grams are the hashes of every three bytes in a row of a text, as a set of bits: a text lacks most needles because it
// lacks three bytes of them, which is found in nanoseconds. PostgreSQL's trigram indexes have the same idea. The number of
// bits is a power of two.
type grams []uint64

// gramsLeast is the shortest text, in bytes, that has grams: searching a shorter one takes no longer.
const gramsLeast = 256

func gramsOf(text string) grams {
	if len(text) < gramsLeast {
		return nil
	}
	g := make(grams, 1<<bits.Len(uint(len(text)/8))) // 8 to 16 bits for each byte of the text
	for i := 0; i+3 <= len(text); i++ {
		bit := g.bit(text[i : i+3])
		g[bit/64] |= 1 << (bit % 64)
	}
	return g
}

// mayContain is false only if the text does not contain the needle.
func (g grams) mayContain(needle string) bool {
	for i := 0; g != nil && i+3 <= len(needle); i++ {
		if bit := g.bit(needle[i : i+3]); g[bit/64]&(1<<(bit%64)) == 0 {
			return false
		}
	}
	return true
}

// bit spreads three bytes over the set (Knuth, The Art of Computer Programming, volume 3, section 6.4, multiplicative
// hashing).
func (g grams) bit(three string) uint32 {
	hash := (uint32(three[0]) | uint32(three[1])<<8 | uint32(three[2])<<16) * 2654435769
	return hash >> (32 - bits.Len(uint(len(g)*64-1)))
}

// foldedTexts are the folded texts of a snapshot, each folded by the first who asks for it.
type foldedTexts struct {
	mu  sync.RWMutex
	all map[textKey]*foldOnce
}

// textKey is a text in memory: the same bytes at the same address. Comparing a long text takes longer than deciding most
// conditions on it.
type textKey struct {
	at  *byte
	len int
}

type foldOnce struct {
	once sync.Once
	folded
}

func (t *foldedTexts) of(text string) folded {
	key := textKey{unsafe.StringData(text), len(text)}
	t.mu.RLock()
	one := t.all[key]
	t.mu.RUnlock()
	if one == nil {
		one = t.add(key)
	}
	one.once.Do(func() {
		one.text = model.Fold(text)
		one.grams = gramsOf(one.text)
	})
	return one.folded
}

func (t *foldedTexts) add(key textKey) *foldOnce {
	t.mu.Lock()
	defer t.mu.Unlock()
	one := t.all[key]
	if one == nil {
		if t.all == nil {
			t.all = map[textKey]*foldOnce{}
		}
		one = new(foldOnce)
		t.all[key] = one
	}
	return one
}

// fold folds a text of the subject.
func (s *Subject) fold(text string) folded {
	if s.kept == nil || text == "" {
		return folded{text: model.Fold(text)}
	}
	return s.kept.texts.of(text)
}
