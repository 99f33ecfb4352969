package read

import (
	"maps"
	"slices"
)

// The fields of the lists' orders.
func CaseFields() []string     { return slices.Sorted(maps.Keys(caseKeys)) }
func ResponseFields() []string { return slices.Sorted(maps.Keys(responseKeys)) }
func CustomerFields() []string { return slices.Sorted(maps.Keys(customerKeys)) }
