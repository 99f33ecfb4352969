package httpd

import (
	"reflect"

	"github.com/closeloop/closeloop/graph"
)

// CostMax is what the dearest operation may cost.
const CostMax = 30_000

const (
	rowsCost  = 20  // of a list whose size is not given: the default page
	rootCost  = 20  // a statement or so
	writeCost = 200 // a transaction

	figureCost = 1000 // a look at all the rows that a filter leaves
)

// figures are the fields that count over all rows, however few they answer with.
var figures = map[string]bool{
	"Query.CaseSummary": true, "Query.FollowUpReport": true, "Query.NpsReport": true, "Query.TopThemes": true, "Query.RecoveryReport": true,
	"Query.SuggestThemes": true, "Query.PreviewRule": true, "Subscription.CaseSummary": true, "CaseSummary.Groups": true,
}

// price makes a list cost what its rows cost, and a root field no less than a statement: without it ninety aliases of
// a cheap field would pass any limit.
//
// The generated struct has a function for each field; those with arguments `first` and `last` are the lists. They are
// found by their signature, so that a new list cannot be forgotten.
func price(root *graph.ComplexityRoot) {
	v := reflect.ValueOf(root).Elem()
	for i := range v.NumField() {
		object := v.Field(i)
		name := v.Type().Field(i).Name
		for j := range object.NumField() {
			field := object.Field(j)
			if field.Kind() != reflect.Func {
				continue
			}
			extra := 0
			if figures[name+"."+object.Type().Field(j).Name] {
				extra = figureCost
			}
			field.Set(reflect.MakeFunc(field.Type(), func(args []reflect.Value) []reflect.Value {
				return []reflect.Value{reflect.ValueOf(extra + cost(name, args))}
			}))
		}
	}
}

func cost(object string, args []reflect.Value) int {
	child := int(args[0].Int())
	rows := 1
	if isList(args) {
		rows = rowsCost
		for _, i := range []int{1, 3} { // first, last
			if n, _ := args[i].Interface().(*int); n != nil {
				rows = max(1, min(*n, 1000))
			}
		}
	}
	total := 1 + rows*child
	switch object {
	case "Query", "Subscription":
		total += rootCost
	case "Mutation":
		total += writeCost
	}
	return total
}

// isList tells whether a field's arguments begin with first, after, last, before: the order in which all lists of the
// schema have them.
func isList(args []reflect.Value) bool {
	if len(args) < 5 {
		return false
	}
	number, text := reflect.TypeFor[*int](), reflect.TypeFor[*string]()
	return args[1].Type() == number && args[2].Type() == text && args[3].Type() == number && args[4].Type() == text
}
