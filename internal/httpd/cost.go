package httpd

import (
	"reflect"

	"github.com/closeloop/closeloop/graph"
)

// CostMax is the highest cost of an operation, in points.
const CostMax = 30_000

const (
	rowsDefault = 20  // rows of a list without `first` and `last`: the default page
	rootCost    = 20  // about one statement
	writeCost   = 200 // about one transaction

	reportCost = 1000 // a scan of all the rows that a filter leaves
)

// reportFields are the fields that aggregate all rows, however few rows they return.
var reportFields = map[string]bool{
	"Query.CaseSummary": true, "Query.FollowUpReport": true, "Query.NpsReport": true, "Query.TopThemes": true, "Query.RecoveryReport": true,
	"Query.SuggestThemes": true, "Query.PreviewRule": true, "Subscription.CaseSummary": true, "CaseSummary.Groups": true,
}

// price sets the cost functions of all fields. A list costs as much as its rows, and a root field at least as much as a
// statement; otherwise ninety aliases of a cheap field would pass any limit.
//
// The generated struct has a cost function for each field. Lists are the fields with the arguments `first` and `last`;
// price recognises lists by the signature of the function, so that a new list cannot be forgotten.
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
			if reportFields[name+"."+object.Type().Field(j).Name] {
				extra = reportCost
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
		rows = rowsDefault
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

// isList reports whether a field's arguments begin with first, after, last, before, the order that all lists of the schema
// use.
func isList(args []reflect.Value) bool {
	if len(args) < 5 {
		return false
	}
	number, text := reflect.TypeFor[*int](), reflect.TypeFor[*string]()
	return args[1].Type() == number && args[2].Type() == text && args[3].Type() == number && args[4].Type() == text
}
