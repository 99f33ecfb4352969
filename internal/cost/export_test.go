package cost

import (
	"maps"
	"slices"
)

// Places returns the types and fields that the tables name.
func Places() []string {
	all := []string{summaryGroups}
	all = slices.AppendSeq(all, maps.Keys(tables))
	all = slices.AppendSeq(all, maps.Keys(reports))
	all = slices.AppendSeq(all, maps.Keys(groups))
	all = slices.AppendSeq(all, maps.Keys(batches))
	all = slices.AppendSeq(all, maps.Keys(below))
	all = slices.AppendSeq(all, maps.Keys(children))
	all = slices.AppendSeq(all, maps.Keys(distinct))
	all = slices.AppendSeq(all, maps.Keys(dear))
	all = slices.AppendSeq(all, maps.Keys(sorted))
	all = slices.AppendSeq(all, maps.Keys(conditions))
	return slices.AppendSeq(all, maps.Keys(heavy))
}

// HasTable reports whether lists of the type have a table.
func HasTable(of string) bool { _, ok := tables[of]; return ok }
