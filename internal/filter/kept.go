package filter

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
	"time"

	"github.com/closeloop/closeloop/model"
)

// Many filters are decided on one event, and many of them are equal or have equal parts. A subject that is made by Kept
// keeps what was found out about it.
type kept struct {
	texts *foldedTexts

	mu      sync.RWMutex
	decided map[identity]bool
}

// decidedMost is how many decisions a subject keeps, which takes 3 KB. Parts of filters take half of them at most, so that
// a filter of many parts does not displace whole filters.
const decidedMost = 64

// Kept makes the subjects of an event's snapshots right after and right before it; before may be nil. Many goroutines
// may decide many filters on them at once: a text is folded once for all, and equal parts of filters are decided once.
// The snapshots must not change.
func Kept(after, before *model.Snapshot, at time.Time) (then, was *Subject) {
	texts := new(foldedTexts) // shared, because the snapshots share the parts that the event did not change
	then = Of(after, at)
	then.kept = &kept{texts: texts}
	if before != nil {
		was = Of(before, at)
		was.kept = &kept{texts: texts}
	}
	return then, was
}

// decide returns the kept decision of an expression, or makes it and keeps it.
func (k *kept) decide(x *shared, s *Subject, viewer model.UserID) bool {
	k.mu.RLock()
	matches, known := k.decided[x.identity]
	full := len(k.decided) >= decidedMost || !x.whole && len(k.decided) >= decidedMost/2
	k.mu.RUnlock()
	if known {
		return matches
	}
	matches = x.expr.match(s, viewer)
	if !full {
		k.mu.Lock()
		defer k.mu.Unlock()
		if k.decided == nil {
			k.decided = map[identity]bool{}
		}
		if len(k.decided) < decidedMost {
			k.decided[x.identity] = matches
		}
	}
	return matches
}

// identity is the same for expressions that are written in the same way. It is a hash that nobody can find another
// expression for.
type identity [16]byte

func identityOf(kind string, parts ...[]byte) identity {
	h := sha256.New()
	h.Write([]byte(kind))
	for _, p := range parts {
		var size [4]byte
		for i := range size {
			size[i] = byte(len(p) >> (8 * i))
		}
		h.Write(size[:])
		h.Write(p)
	}
	return identity(h.Sum(nil)[:16])
}

// condition is what the caller wrote for one field.
type condition struct {
	expr
	identity identity
	work     int
	mine     bool // whether it depends on the viewer
}

// shared is an expression that is dear enough to be kept.
type shared struct {
	expr
	identity identity
	work     int
	whole    bool // a whole filter
}

func (x *shared) match(s *Subject, viewer model.UserID) bool {
	if s.kept == nil {
		return x.expr.match(s, viewer)
	}
	return s.kept.decide(x, s, viewer)
}

// Work of a condition, in units of the cheapest. A decision is looked up in the time of sharedLeast: one condition, even on
// a text, is decided in less.
const (
	workCheap   = 1
	workText    = 4
	sharedLeast = 8
)

// conditionOn names a field's expression by the field and its value.
func conditionOn(n *entity, name string, f field, v any, x expr) expr {
	if _, ok := f.fieldType.(nested); ok {
		return x // its parts have names
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return x
	}
	c := condition{expr: x, identity: identityOf("field", []byte(n.name), []byte(name), raw), work: workCheap}
	switch f.fieldType.(type) {
	case textField, attributeField, driversField:
		c.work = workText
	case mineField:
		c.mine = true
	}
	return c
}

// share makes an expression shared if it is dear enough and the same for every viewer.
func share(x expr) expr {
	if _, is := x.(*shared); is {
		return x
	}
	id, work, same := identify(x)
	if !same || work < sharedLeast {
		return x
	}
	return &shared{expr: x, identity: id, work: work}
}

// identify returns the identity and the work of an expression; false if viewers may get different results. It does not
// look into shared expressions, so that naming all parts of a filter takes the time of its size.
func identify(x expr) (id identity, work int, same bool) {
	all := func(kind string, list ...expr) (identity, int, bool) {
		parts, sum := make([][]byte, len(list)), 0
		for i, part := range list {
			id, work, same := identify(part)
			if !same {
				return id, 0, false
			}
			parts[i], sum = id[:], sum+work
		}
		return identityOf(kind, parts...), sum, true
	}
	switch x := x.(type) {
	case condition:
		return x.identity, x.work, !x.mine
	case *shared:
		return x.identity, x.work, true
	case allOf:
		return all("and", x...)
	case anyOf:
		return all("or", x...)
	case notOf:
		return all("not", x.of)
	case withResponse:
		return all("response", x.of)
	}
	return id, 0, false
}
