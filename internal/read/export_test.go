package read

import (
	"context"
	"maps"
	"slices"
)

// The fields of the lists' orders.
func CaseFields() []string     { return slices.Sorted(maps.Keys(caseKeys)) }
func ResponseFields() []string { return slices.Sorted(maps.Keys(responseKeys)) }
func CustomerFields() []string { return slices.Sorted(maps.Keys(customerKeys)) }

// How the goroutines of an operation share a processor.
const RestMost = restMost

var NewQueue = newQueue

func (q queue) Await(ctx context.Context) (resume func()) { return q.await(ctx) }
