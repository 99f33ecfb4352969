package querytest

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// enum is a value of an enum, which has no quotation marks in a document.
type enum string

// inputDepth is how deep an input is nested at most; then only required fields are given.
const inputDepth = 5

// value makes a value of a type for an argument or an input field.
func (m *Maker) value(place string, t *ast.Type, depth int) any {
	if t.Elem != nil {
		list := []any{}
		for range m.length(place, depth) {
			list = append(list, m.value(place, t.Elem, depth))
		}
		return list
	}
	d := m.Schema.Types[t.NamedType]
	switch d.Kind {
	case ast.Enum:
		return enum(pick(m.Random, d.EnumValues).Name)
	case ast.InputObject:
		return m.object(place, d, depth+1)
	}
	for _, key := range []string{place, d.Name} {
		if values := m.Pool[key]; len(values) > 0 {
			return pick(m.Random, values)
		}
	}
	switch d.Name {
	case "Int":
		return m.Random.IntN(12)
	case "Float":
		return float64(m.Random.IntN(100)) / 100
	case "Boolean":
		return m.Random.IntN(2) == 0
	}
	return strconv.Itoa(m.Random.IntN(1000))
}

// length is how long a list is: mostly short, sometimes long at the top of an input.
func (m *Maker) length(place string, depth int) int {
	if depth == 1 && strings.HasSuffix(place, ".or") && m.chance(15) {
		return pick(m.Random, []int{10, 40, 150})
	}
	if strings.HasSuffix(place, ".ids") && m.chance(30) {
		return pick(m.Random, []int{10, 50, 100})
	}
	return 1 + m.Random.IntN(3)
}

// object makes an input object: its required fields and one to three others; exactly one field where the type is @oneOf.
func (m *Maker) object(place string, d *ast.Definition, depth int) map[string]any {
	var required, optional []*ast.FieldDefinition
	for _, f := range d.Fields {
		switch {
		case f.Type.NonNull && f.DefaultValue == nil:
			required = append(required, f)
		case depth < inputDepth || m.Schema.Types[f.Type.Name()].Kind != ast.InputObject:
			optional = append(optional, f)
		}
	}
	wanted := 0
	if len(optional) > 0 {
		wanted = 1
		if d.Directives.ForName("oneOf") == nil {
			wanted = []int{1, 1, 1, 2, 2, 3}[m.Random.IntN(6)]
		}
	}
	v := map[string]any{}
	chosen := append([]*ast.FieldDefinition{}, required...)
	for _, i := range m.Random.Perm(len(optional))[:min(wanted, len(optional))] {
		chosen = append(chosen, optional[i])
	}
	for _, f := range chosen {
		at := d.Name + "." + f.Name
		// The operators of a filter take the values of the field that has the filter.
		if m.Schema.Types[f.Type.Name()].Kind == ast.Scalar && len(m.Pool[place]) > 0 && f.Type.Name() != "Boolean" {
			at = place
		}
		v[f.Name] = m.value(at, f.Type, depth)
	}
	return v
}

// literal writes a value as a document has it.
func literal(b *strings.Builder, v any) {
	switch v := v.(type) {
	case enum:
		b.WriteString(string(v))
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			literal(b, item)
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name + ": ")
			literal(b, v[name])
		}
		b.WriteByte('}')
	default:
		text, err := json.Marshal(v)
		if err != nil {
			panic(err) // a pool holds only scalars
		}
		b.Write(text)
	}
}
