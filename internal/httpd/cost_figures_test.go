package httpd

import (
	"reflect"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/graph"
)

// A figure looks at all rows, and a document has room for ninety aliases: ten thousand of them must not pass as cheap.
func TestFiguresAreDearByTheirNames(t *testing.T) {
	t.Parallel()
	var root graph.ComplexityRoot
	price(&root)
	v := reflect.ValueOf(&root).Elem()
	for place := range figures {
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
		if cost := call.Call(args)[0].Int(); cost < figureCost || cost > 2*figureCost {
			t.Errorf("%s costs %d", place, cost)
		}
	}
}
