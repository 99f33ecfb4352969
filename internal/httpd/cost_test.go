package httpd

import (
	"reflect"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/graph"
)

// A report scans all rows, so that a document with many aliases of a report must not be cheap. The cost depends on the
// field's name, which must therefore exist in the schema.
func TestReportCost(t *testing.T) {
	t.Parallel()
	var root graph.ComplexityRoot
	price(&root)
	v := reflect.ValueOf(&root).Elem()
	for place := range reportFields {
		object, field, _ := strings.Cut(place, ".")
		of := v.FieldByName(object)
		if !of.IsValid() || !of.FieldByName(field).IsValid() {
			t.Errorf("%s is not in the schema", place)
			continue
		}
		call := of.FieldByName(field)
		args := []reflect.Value{reflect.ValueOf(1)}
		for i := 1; i < call.Type().NumIn(); i++ {
			args = append(args, reflect.Zero(call.Type().In(i)))
		}
		if cost := call.Call(args)[0].Int(); cost < reportCost || cost > 2*reportCost {
			t.Errorf("%s costs %d", place, cost)
		}
	}
}
