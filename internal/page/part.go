package page

// An index has the rows of a list in the list's order, with two exceptions: keys that can be missing (missing values come
// last in both directions, and an index has them at one end), and keys of few values that no column of the list's own
// index begins with. Such a list is cut into parts, each of which an index has in its order. This file decides which rows
// of a part lie beyond a position of the list; nullable.go and walk.go read the parts.

// Part is a run of a list whose rows are alike in some of the order's keys: the ranked ones. An index has the rows in the
// order of the other keys.
type Part struct {
	// Ranks has one item for each key of the order: the rank of the part's value among all values of the key, or NoRank for
	// a key that is not ranked. All parts of a list have the same ranked keys.
	Ranks []int
}

// NoRank is in Part.Ranks for a key by which the rows of a part differ.
const NoRank = -1

// split is a position to compare with parts: the ranks by the order's keys, and the values of the other keys.
type split struct {
	ranks  []int
	values position
}

// bound is the condition that the rows of a part must meet to be beyond a position.
type bound struct {
	keys  int  // how many of the part's other keys are compared with the position's; 0: no condition
	equal bool // rows that are equal by these keys are beyond the position as well
}

// beyond decides which rows of the part are after the position, or before it; some is false if none can be. It compares
// the keys in their order. At the first rank that differs between the part and the position, the result depends only on
// the keys before it.
func (p Part) beyond(at split, backward bool) (b bound, some bool) {
	for i, rank := range p.Ranks {
		switch {
		case rank == NoRank:
			b.keys++
		case rank != at.ranks[i]:
			b.equal = (rank > at.ranks[i]) != backward
			return b, b.equal || b.keys > 0
		}
	}
	return b, true
}
