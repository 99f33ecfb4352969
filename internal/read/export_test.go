package read

import (
	"maps"
	"slices"
)

// What lists can be sorted by.
func CaseFields() []string     { return slices.Sorted(maps.Keys(caseKeys)) }
func ResponseFields() []string { return slices.Sorted(maps.Keys(responseKeys)) }
func CustomerFields() []string { return slices.Sorted(maps.Keys(customerKeys)) }
