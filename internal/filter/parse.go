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

const depthMax = 20 // levels of nested objects

// ValuesMax is how many objects and list items one filter may have.
const ValuesMax = 2000

const emptyRefused = "an empty filter is not allowed here: it would match everything; leave it out instead"

// parser reads a filter as the caller wrote it: GraphQL values or decoded JSON.
type parser struct {
	strict bool // for stored filters: no nulls, nothing empty, no search
	depth  int
	values int
	full   bool // the filter is larger than it may be: nothing further of it is read

	mask func(any) any // replaces each condition on personal data, once it is read; nil: nothing does

	path []string // of the value that is being read
	traits
}

// traits are properties of a whole filter that callers check before they evaluate it.
type traits struct {
	mine     bool     // whether the answer depends on the viewer
	searches bool     // whether only PostgreSQL can evaluate the filter
	personal string   // path of the first field that reads personal data; empty if no field does
	fields   []string // the fields that the filter reads, such as customer.country, without and, or and not
}

func (p *parser) object(v any, n *entity) (expr, error) {
	m, err := p.enterObject(v)
	if err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var all allOf
	err = p.each(m, func(name string, given any) error {
		if given == nil {
			return p.null()
		}
		x, err := p.field(name, given, n)
		if err != nil {
			return err
		}
		if p.mask != nil && n.fields[name].personal {
			m[name] = p.mask(given)
		}
		all = append(all, x)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 && p.strict {
		return nil, fault.New(fault.CodeBadUserInput, emptyRefused)
	}
	if len(all) == 1 {
		return share(all[0]), nil
	}
	return share(all), nil
}

func (p *parser) field(name string, v any, n *entity) (expr, error) {
	switch name {
	case "and", "or":
		i := -1
		list, err := readList(p, v, func(item any) (expr, error) {
			i++
			return atPath(p, name+"["+strconv.Itoa(i)+"]", func() (expr, error) { return p.object(item, n) })
		})
		if err != nil {
			return nil, err
		}
		if len(list) == 0 && p.strict {
			return nil, fault.New(fault.CodeBadUserInput, "an empty list is not allowed in a stored filter")
		}
		if name == "and" {
			return allOf(list), nil
		}
		return anyOf(list), nil
	case "not":
		of, err := atPath(p, name, func() (expr, error) { return p.object(v, n) })
		return notOf{of}, err
	}
	f, ok := n.fields[name]
	if !ok {
		return nil, fault.New(fault.CodeBadUserInput, "%s has no such field", n.name)
	}
	return atPath(p, name, func() (expr, error) {
		if f.personal && p.personal == "" {
			p.personal = strings.Join(p.path, ".")
		}
		p.fields = append(p.fields, plainPath(p.path))
		x, err := f.parse(p, v)
		if err != nil {
			return nil, err
		}
		return conditionOn(n, name, f, v, x), nil
	})
}

// plainPath joins the fields of a path.
func plainPath(path []string) string {
	fields := slices.DeleteFunc(slices.Clone(path), func(name string) bool {
		return name == "not" || strings.HasPrefix(name, "and[") || strings.HasPrefix(name, "or[")
	})
	return strings.Join(fields, ".")
}

// atPath calls read with the name added to the path.
func atPath(p *parser, name string, read func() (expr, error)) (expr, error) {
	p.path = append(p.path, name)
	defer func() { p.path = p.path[:len(p.path)-1] }()
	return read()
}

// operators reads an object such as {gte: 7, lte: 8}: each operator is one condition, joined by AND.
func (p *parser) operators(v any, ops map[string]func(any) (expr, error)) (expr, error) {
	m, err := p.enterObject(v)
	if err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	var all allOf
	err = p.each(m, func(name string, given any) error {
		op, ok := ops[name]
		switch {
		case !ok:
			return fault.New(fault.CodeBadUserInput, "unknown operator: expected one of %s", strings.Join(sorted(ops), ", "))
		case given == nil:
			return fault.New(fault.CodeBadUserInput, "an operator cannot compare with null: use isNull, or leave the operator out")
		}
		x, err := op(given)
		all = append(all, x)
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(all) == 0 && p.strict {
		return nil, fault.New(fault.CodeBadUserInput, emptyRefused)
	}
	return all, nil
}

// objectParts reads an object whose fields together describe one related record. A field may be left out.
func (p *parser) objectParts(v any, name string, read map[string]func(any) error) error {
	m, err := p.enterObject(v)
	if err != nil {
		return err
	}
	defer func() { p.depth-- }()
	parts := 0
	err = p.each(m, func(field string, given any) error {
		into, ok := read[field]
		switch {
		case !ok:
			return fault.New(fault.CodeBadUserInput, "%s has no such field", name)
		case given == nil:
			return p.null()
		}
		parts++
		return into(given)
	})
	if err != nil {
		return err
	}
	if parts == 0 && p.strict {
		return fault.New(fault.CodeBadUserInput, emptyRefused)
	}
	return nil
}

// each reads the members of an object, in the order of their names, and returns the faults of all of them.
func (p *parser) each(m map[string]any, read func(name string, given any) error) error {
	var faults []error
	for _, name := range sorted(m) {
		if err := read(name, m[name]); err != nil {
			if faults = append(faults, fault.WithPath(name, scalarFault(err))); p.full {
				break
			}
		}
	}
	return fault.Join(faults...)
}

// null is the fault of a member that is null; nil where it counts as left out.
func (p *parser) null() error {
	if p.strict {
		return fault.New(fault.CodeBadUserInput, "null is not allowed in a stored filter: leave the field out")
	}
	return nil
}

func (p *parser) enterObject(v any) (map[string]any, error) {
	m, ok := v.(map[string]any)
	if !ok {
		return nil, fault.New(fault.CodeBadUserInput, "expected an object")
	}
	if p.depth++; p.depth > depthMax {
		p.full = true
		return nil, fault.New(fault.CodeBadUserInput, "the filter is nested more than %d levels deep", depthMax)
	}
	return m, p.count()
}

func (p *parser) count() error {
	if p.values++; p.values > ValuesMax {
		p.full = true
		return fault.New(fault.CodeBadUserInput, "the filter has more than %d values", ValuesMax)
	}
	return nil
}

// readList reads a list; a single value is a list of one (GraphQL spec, section 3.11, input coercion of lists).
func readList[T any](p *parser, v any, read func(any) (T, error)) ([]T, error) {
	given := listOf(v)
	items := make([]T, 0, len(given))
	var faults []error
	for i, g := range given {
		at := "[" + strconv.Itoa(i) + "]"
		if err := p.count(); err != nil {
			return nil, err
		}
		if g == nil {
			faults = append(faults, fault.Input(at, "null is not allowed in a list"))
			continue
		}
		item, err := read(g)
		if err != nil {
			if faults = append(faults, fault.WithPath(at, scalarFault(err))); p.full {
				break
			}
			continue
		}
		items = append(items, item)
	}
	if len(faults) > 0 {
		return nil, fault.Join(faults...)
	}
	return items, nil
}

// listOf also takes the list that gqlparser makes of a variable with a single value: it is a slice of the value's own
// type, not []any.
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

// scalarFault turns the model's error about a scalar value into the caller's error.
func scalarFault(err error) error {
	var s *model.ScalarError
	if errors.As(err, &s) {
		return fault.New(fault.CodeBadUserInput, "%s", s.Message)
	}
	return err
}

func readBool(v any) (bool, error) {
	b, ok := v.(bool)
	if !ok {
		return false, fault.New(fault.CodeBadUserInput, "expected true or false")
	}
	return b, nil
}

func readDuration(v any) (time.Duration, error) {
	var d model.Duration
	err := d.UnmarshalGQL(v)
	return time.Duration(d), err
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
