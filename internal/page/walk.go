package page

import (
	"slices"

	"gorm.io/gorm/clause"
)

// Walk reads a page of a list that no index has in its order. An index has the next few rows of each part of the list
// together, so Walk reads these of all parts and sorts them: the cost is that of the page, however long the list is. A
// part whose rows all come after other parts is read only if the other parts have too few rows.
type Walk[T any] struct {
	order    Order[T]
	n        int
	backward bool
	ends     []end

	other  Order[T] // the keys that are not ranked
	splits []split  // of the ends
}

// Run is a part that has rows between the ends of a walk.
type Run struct {
	Part
	Nth    int // the part's index in the list of parts
	bounds [2]bound
}

// Walk checks the arguments. A ranked key is an Integer in cursors; its values are ranks.
func (o Order[T]) Walk(args Args) (*Walk[T], error) {
	n, backward, ends, err := o.bounds(args)
	if err != nil {
		return nil, err
	}
	return &Walk[T]{order: o, n: n, backward: backward, ends: ends}, nil
}

// Backward reports whether the page is read from the end of the list.
func (w *Walk[T]) Backward() bool { return w.backward }

// Read returns the rows of the page, in the list's order, and whether there are more in the direction of the walk. next
// reads the first n rows of the given runs together, in the direction of the walk.
func (w *Walk[T]) Read(parts []Part, next func(runs []Run, n int) ([]T, error)) (rows []T, more bool, err error) {
	tiers := w.tiers(parts)
	for count := 1; len(tiers) > 0 && len(rows) <= w.n; count *= 2 {
		count = min(count, len(tiers))
		found, err := next(slices.Concat(tiers[:count]...), w.n+1)
		if err != nil {
			return nil, false, err
		}
		rows, tiers = append(rows, found...), tiers[count:]
	}
	more = len(rows) > w.n
	rows = rows[:min(w.n, len(rows))]
	if w.backward {
		slices.Reverse(rows)
	}
	return rows, more, nil
}

// tiers are the runs in the direction of the walk. Runs with the same ranks of all keys before the first unranked key
// form one tier: their rows mix, so that they must be sorted together.
func (w *Walk[T]) tiers(parts []Part) (tiers [][]Run) {
	if len(parts) == 0 {
		return nil
	}
	w.divide(parts[0].Ranks)
	leading := slices.Index(parts[0].Ranks, NoRank)
	var runs []Run
	for nth, p := range parts {
		r, all := Run{Part: p, Nth: nth}, true
		for i, e := range w.ends {
			var some bool
			r.bounds[i], some = p.beyond(w.splits[i], e.before)
			all = all && some
		}
		if all {
			runs = append(runs, r)
		}
	}
	compare := func(a, b Run) int { return slices.Compare(a.Ranks[:leading], b.Ranks[:leading]) }
	slices.SortStableFunc(runs, func(a, b Run) int {
		if w.backward {
			a, b = b, a
		}
		return compare(a, b)
	})
	for i, r := range runs {
		if i == 0 || compare(runs[i-1], r) != 0 {
			tiers = append(tiers, nil)
		}
		tiers[len(tiers)-1] = append(tiers[len(tiers)-1], r)
	}
	return tiers
}

// divide separates the ranked keys from the others. The last key of an order is unique, so it is never ranked.
func (w *Walk[T]) divide(ranks []int) {
	w.other, w.splits = nil, make([]split, len(w.ends))
	for i, rank := range ranks {
		if rank == NoRank {
			w.other = append(w.other, w.order[i])
		}
		for j, e := range w.ends {
			if rank == NoRank {
				w.splits[j].values = append(w.splits[j].values, e.at[i])
				w.splits[j].ranks = append(w.splits[j].ranks, NoRank)
			} else {
				w.splits[j].ranks = append(w.splits[j].ranks, int(e.at[i].(int64)))
			}
		}
	}
}

// Where are the SQL conditions of the run's rows that lie between the ends of the walk.
func (w *Walk[T]) Where(r Run) (conditions []clause.Expr) {
	for i, e := range w.ends {
		if b := r.bounds[i]; b.keys > 0 {
			conditions = append(conditions, w.other.beyond(w.splits[i].values[:b.keys], e.before, b.equal))
		}
	}
	return conditions
}

// OrderBy is the SQL order of a run's rows, in the direction of the walk.
func (w *Walk[T]) OrderBy() string { return w.other.by(w.backward).Expression.(clause.Expr).SQL }

// Alike groups the runs that have the same conditions, so that one statement of a fixed size can read a group.
func Alike(runs []Run) (groups [][]Run) {
	at := map[[2]bound]int{} // index in groups, which are in the order of the runs: equal reads make equal statements
	for _, r := range runs {
		i, known := at[r.bounds]
		if !known {
			i = len(groups)
			at[r.bounds], groups = i, append(groups, nil)
		}
		groups[i] = append(groups[i], r)
	}
	return groups
}
