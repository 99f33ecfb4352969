package filter

import (
	"errors"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

const (
	depthMax  = 20   // levels of nested objects
	valuesMax = 2000 // objects and list items in one filter
)

// parser reads what the caller wrote: GraphQL values or decoded JSON.
type parser struct {
	strict bool // what is stored: no nulls, nothing empty
	depth  int
	values int

	path []string // to the object that is being read
	traits
}

// traits are what a whole filter is asked about before it is decided.
type traits struct {
	mine     bool   // whether the viewer matters
	searches bool   // whether only PostgreSQL can decide it
	personal string // the path of the first field that holds personal data; empty where there is none
}

func (p *parser) object(v any, n *noun) (expr, error) {
	m, err := p.enter(v)
	if err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var all allOf
	for _, name := range sorted(m) {
		given := m[name]
		if given == nil {
			if p.strict {
				return nil, fault.Input(name, "null is not allowed in a filter that is kept: leave the field out")
			}
			continue
		}
		x, err := p.field(name, given, n)
		if err != nil {
			return nil, fault.WithPath(name, scalar(err))
		}
		all = append(all, x)
	}
	if len(all) == 0 && p.strict {
		return nil, fault.New(fault.CodeBadUserInput, "an empty filter is not allowed here: it would match everything; leave it out instead")
	}
	if len(all) == 1 {
		return all[0], nil
	}
	return all, nil
}

func (p *parser) field(name string, v any, n *noun) (expr, error) {
	switch name {
	case "and", "or":
		i := -1
		list, err := each(p, v, func(item any) (expr, error) {
			i++
			return within(p, name+"["+strconv.Itoa(i)+"]", func() (expr, error) { return p.object(item, n) })
		})
		if err != nil {
			return nil, err
		}
		if len(list) == 0 && p.strict {
			return nil, fault.New(fault.CodeBadUserInput, "an empty list is not allowed in a filter that is kept")
		}
		if name == "and" {
			return allOf(list), nil
		}
		return anyOf(list), nil
	case "not":
		of, err := within(p, name, func() (expr, error) { return p.object(v, n) })
		return notOf{of}, err
	}
	f, ok := n.fields[name]
	if !ok {
		return nil, fault.New(fault.CodeBadUserInput, "%s has no such field", n.name)
	}
	return within(p, name, func() (expr, error) {
		if f.personal && p.personal == "" {
			p.personal = strings.Join(p.path, ".")
		}
		return f.parse(p, v)
	})
}

// within reads what stands below a name.
func within(p *parser, name string, read func() (expr, error)) (expr, error) {
	p.path = append(p.path, name)
	defer func() { p.path = p.path[:len(p.path)-1] }()
	return read()
}

// operators reads an object such as {gte: 7, lte: 8}: each operator is one condition, all of them hold.
func (p *parser) operators(v any, ops map[string]func(any) (expr, error)) (expr, error) {
	m, err := p.enter(v)
	if err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var all allOf
	for _, name := range sorted(m) {
		op, ok := ops[name]
		switch {
		case !ok:
			return nil, fault.Input(name, "there is no such operator here; there are %s", list(slices.Sorted(maps.Keys(ops))))
		case m[name] == nil:
			return nil, fault.Input(name, "null is not a value to compare with: say isNull, or leave the operator out")
		}
		x, err := op(m[name])
		if err != nil {
			return nil, fault.WithPath(name, scalar(err))
		}
		all = append(all, x)
	}
	if len(all) == 0 && p.strict {
		return nil, fault.New(fault.CodeBadUserInput, "an empty filter is not allowed here: it would match everything; leave it out instead")
	}
	return all, nil
}

// parts reads an object whose fields together say what one thing is like; it may leave fields out.
func (p *parser) parts(v any, name string, read map[string]func(any) error) error {
	m, err := p.enter(v)
	if err != nil {
		return err
	}
	defer func() { p.depth-- }()
	given := 0
	for _, field := range sorted(m) {
		into, ok := read[field]
		switch {
		case !ok:
			return fault.Input(field, "%s has no such field", name)
		case m[field] == nil && p.strict:
			return fault.Input(field, "null is not allowed in a filter that is kept: leave the field out")
		case m[field] == nil:
			continue
		}
		if err := into(m[field]); err != nil {
			return fault.WithPath(field, scalar(err))
		}
		given++
	}
	if given == 0 && p.strict {
		return fault.New(fault.CodeBadUserInput, "an empty filter is not allowed here: it would match everything; leave it out instead")
	}
	return nil
}

func (p *parser) enter(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fault.New(fault.CodeBadUserInput, "an object is asked for")
	}
	if p.depth++; p.depth > depthMax {
		return nil, fault.New(fault.CodeBadUserInput, "the filter is nested more than %d levels deep", depthMax)
	}
	return m, p.count()
}

func (p *parser) count() error {
	if p.values++; p.values > valuesMax {
		return fault.New(fault.CodeBadUserInput, "the filter has more than %d values", valuesMax)
	}
	return nil
}

// each reads a list; a lone value is a list of one (GraphQL spec, section 3.11, input coercion of lists).
func each[T any](p *parser, v any, read func(any) (T, error)) ([]T, error) {
	given := listOf(v)
	items := make([]T, 0, len(given))
	for i, g := range given {
		at := "[" + strconv.Itoa(i) + "]"
		if err := p.count(); err != nil {
			return nil, err
		}
		if g == nil {
			return nil, fault.Input(at, "null is not allowed in a list")
		}
		item, err := read(g)
		if err != nil {
			return nil, fault.WithPath(at, scalar(err))
		}
		items = append(items, item)
	}
	return items, nil
}

// listOf also takes the lists that gqlparser makes of lone values of variables: these are of the value's own type.
func listOf(v any) []any {
	if given, ok := v.([]any); ok {
		return given
	}
	typed := reflect.ValueOf(v)
	if typed.Kind() != reflect.Slice {
		return []any{v}
	}
	given := make([]any, typed.Len())
	for i := range given {
		given[i] = typed.Index(i).Interface()
	}
	return given
}

// scalar makes the model's complaint about a value a fault of the argument's.
func scalar(err error) error {
	var s *model.ScalarError
	if errors.As(err, &s) {
		return fault.New(fault.CodeBadUserInput, "%s", s.Message)
	}
	return err
}

func readBool(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, fault.New(fault.CodeBadUserInput, "true or false is asked for")
	}
	return b, nil
}

func readDuration(v any) (time.Duration, error) {
	var d model.Duration
	err := d.UnmarshalGQL(v)
	return time.Duration(d), err
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func list(words []string) string {
	text := ""
	for i, w := range words {
		if i > 0 {
			text += ", "
		}
		text += w
	}
	return text
}
