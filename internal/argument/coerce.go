package argument

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

const (
	faultsMax = 20 // that one answer names
	nameMax   = 40 // characters of the name of an unknown field that an answer repeats
)

// coercer brings values to types and collects what does not fit.
type coercer struct {
	schema   *ast.Schema
	prefix   string // of the path in messages: "$" before the name of a variable
	variable string // the variable that is coerced

	path     []string // of the value that is coerced, with its dots and brackets
	inFilter bool
	inRow    int // steps of the path that lead to the row; 0 outside of rows
	faults   fault.List
	rejected Rejected
}

// in calls do with a step added to the path.
func (c *coercer) in(step string, do func()) {
	c.path = append(c.path, step)
	do()
	c.path = c.path[:len(c.path)-1]
}

// field is the name of the input field that has the value, or the list with it; "" for an argument or a variable.
func (c *coercer) field() string {
	for _, step := range slices.Backward(c.path) {
		if name, inside := strings.CutPrefix(step, "."); inside {
			return name
		}
		if step != "" && step[0] != '[' {
			break
		}
	}
	return ""
}

func (c *coercer) fault(format string, args ...any) {
	if len(c.faults) >= faultsMax {
		return
	}
	what := fmt.Sprintf(format, args...)
	if c.inRow > 0 { // the row's result says which row it is
		c.faults = append(c.faults, fault.Input(strings.TrimPrefix(strings.Join(c.path[c.inRow:], ""), "."), "%s", what))
		return
	}
	path := strings.Join(c.path, "")
	c.faults = append(c.faults, fault.Input(path, "%s%s: %s", c.prefix, path, what))
}

// value returns v as the executor reads a value of the type: it writes whole numbers without fraction and exponent, and
// lists as lists. It changes no part of v.
func (c *coercer) value(t *ast.Type, v any) any {
	switch {
	case v == nil:
		if t.NonNull {
			c.fault("%s expected, not null", t.Name())
		}
		return nil
	case t.Elem != nil:
		return c.list(t, v)
	}
	switch def := c.schema.Types[t.NamedType]; def.Kind {
	case ast.Enum:
		return c.enum(def, v)
	case ast.InputObject:
		return c.object(def, v)
	default:
		return c.scalar(def.Name, v)
	}
}

func (c *coercer) list(t *ast.Type, v any) []any {
	items, ok := v.([]any)
	if !ok { // a single value is a list of one (GraphQL specification, section 3.11)
		items = []any{v}
	}
	list := make([]any, len(items))
	for i, item := range items {
		at := "[" + strconv.Itoa(i) + "]"
		if !ok {
			at = ""
		}
		c.in(at, func() {
			if t.Elem.NamedType == rowType && c.variable != "" {
				list[i] = c.row(t.Elem, item, i)
			} else {
				list[i] = c.value(t.Elem, item)
			}
		})
	}
	return list
}

func (c *coercer) enum(def *ast.Definition, v any) any {
	if s, ok := v.(string); ok && def.EnumValues.ForName(s) != nil {
		return s
	}
	names := make([]string, len(def.EnumValues))
	for i, value := range def.EnumValues {
		names[i] = value.Name
	}
	c.fault("%s expected, which is one of %s", def.Name, strings.Join(names, ", "))
	return nil
}

func (c *coercer) object(def *ast.Definition, v any) any {
	given, ok := v.(map[string]any)
	if !ok {
		c.fault("%s expected, which is an object, not %s", def.Name, kindOf(v))
		return nil
	}
	before := len(c.faults)
	inside := c.inFilter
	check := checks[def.Name]
	c.inFilter = inside || check != nil
	object := make(map[string]any, len(given))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if def.Fields.ForName(name) == nil && name != "__typename" {
			c.in("."+shorten(name), func() { c.fault("%s has no such field", def.Name) })
		}
	}
	for _, f := range def.Fields {
		c.in("."+f.Name, func() {
			if v, ok := given[f.Name]; ok {
				object[f.Name] = c.value(f.Type, v)
			} else if f.Type.NonNull && f.DefaultValue == nil {
				c.fault("%s is missing", f.Type)
			}
		})
	}
	c.inFilter = inside
	if def.Directives.ForName("oneOf") != nil {
		c.oneOf(def, given)
	}
	if len(c.faults) > before {
		return nil
	}
	switch {
	case inside:
	case check != nil:
		c.add(check(object))
	case strings.HasSuffix(def.Name, "Filter") && values(object) > filter.ValuesMax:
		c.fault("the filter has more than %d values", filter.ValuesMax)
	}
	return object
}

// values counts objects and list items, as package filter does.
func values(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = 1
		for _, member := range v {
			n += values(member)
		}
	case []any:
		n = len(v)
		for _, item := range v {
			n += values(item)
		}
	}
	return n
}

// oneOf checks that an object has one field of its type, and a value for it.
func (c *coercer) oneOf(def *ast.Definition, given map[string]any) {
	fields, null := 0, ""
	for _, f := range def.Fields {
		if v, ok := given[f.Name]; ok {
			fields++
			if v == nil {
				null = ", not null"
			}
		}
	}
	if fields != 1 || null != "" {
		c.fault("%s expected, which has exactly one of %s%s", def.Name, namesOf(def), null)
	}
}

func namesOf(def *ast.Definition) string {
	names := make([]string, len(def.Fields))
	for i, f := range def.Fields {
		names[i] = f.Name
	}
	return strings.Join(names, ", ")
}

func (c *coercer) scalar(name string, v any) any {
	switch name {
	case "Int":
		n, ok := whole(v)
		if !ok && isHuge(v) {
			c.fault("Int expected, which is a whole number of 32 bits: this number is out of its range")
			return nil
		}
		if !ok {
			c.fault("Int expected, which is a whole number, not %s", kindOf(v))
			return nil
		}
		if _, err := model.UnmarshalInt(n); err != nil {
			c.fault("Int expected, which is a whole number of 32 bits")
			return nil
		}
		return n
	case "Float":
		if isHuge(v) {
			c.fault("Float expected: this number is out of its range")
		} else if !finite(v) {
			c.fault("Float expected, which is a number, not %s", kindOf(v))
		}
	case "Boolean":
		if _, ok := v.(bool); !ok {
			c.fault("Boolean expected, not %s", kindOf(v))
		}
	case "ID":
		_, isText := v.(string)
		if _, isWhole := whole(v); !isText && !isWhole {
			c.fault("ID expected, not %s", kindOf(v))
		} else if check := ids[c.field()]; check != nil {
			c.add(check(v))
		}
	case "Upload":
		if _, ok := v.(graphql.Upload); !ok {
			c.fault("Upload expected: send the file as a part of a multipart request")
		}
	default:
		if check := scalars[name]; check == nil {
			c.fault("%s is not a type of input", name)
		} else if name == "Decimal" && isHuge(v) {
			c.fault("Decimal expected: this number is out of its range")
		} else if _, isText := v.(string); !isText && (name != "Decimal" || !finite(v)) {
			c.fault("%s expected, which is a string, not %s", name, kindOf(v))
		} else if err := check(v); err != nil {
			c.fault("%s expected: %s", name, err.Error())
		}
	}
	return v
}

// add collects what a check found, at its place below the current path.
func (c *coercer) add(err error) {
	if err == nil {
		return
	}
	var f *fault.Error
	below := ""
	if errors.As(err, &f) && f.Argument != "" {
		if below = f.Argument; below[0] != '[' {
			below = "." + below
		}
	}
	c.in(below, func() { c.fault("%s", err.Error()) })
}

// kindOf names the kind of a JSON value, for messages that must not repeat the value.
func kindOf(v any) string {
	switch v := v.(type) {
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Number, float64, int64, int:
		if n, ok := v.(json.Number); ok && !isWhole(n.String()) {
			return "a number with a fraction"
		}
		return "a number"
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return "a file"
}

func shorten(name string) string {
	if r := []rune(name); len(r) > nameMax {
		return string(r[:nameMax]) + "…"
	}
	return name
}

func join(at, name string, index int) string {
	if name == "" {
		return at + "[" + strconv.Itoa(index) + "]"
	}
	return at + "." + name
}
