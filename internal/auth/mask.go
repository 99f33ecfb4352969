package auth

import (
	"context"
	"reflect"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// mask runs on every field of an operation whose viewer may not see personal data: what a field gives is masked before
// anything below it is looked at, and what a field is asked by must not look at what is hidden. It is in no other
// operation's way.
func mask(next graphql.FieldMiddleware) graphql.FieldMiddleware {
	return func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		if fc := graphql.GetFieldContext(ctx); fc != nil {
			for name, given := range fc.Args {
				if at := personal(reflect.ValueOf(given), name); at != "" {
					return nil, fault.Input(at, "you may not see personal data, so you cannot ask by it either")
				}
			}
		}
		v, err := next(ctx, resolve)
		return masked(v), err
	}
}

// masked is the value without personal data. The types that hold any are all here; lists of them are masked item by
// item, and what contains them (a page, a payload) comes by again for its own fields.
func masked(v any) any {
	switch v := v.(type) {
	case nil, string, *string, bool, int, *int:
		return v
	case *model.Customer:
		return v.Masked()
	case model.Customer:
		return *v.Masked()
	case *model.Response:
		return v.Masked()
	case model.Response:
		return *v.Masked()
	case *model.Case:
		return v.Masked()
	case model.Case:
		return *v.Masked()
	case *model.Snapshot:
		return v.Masked()
	case model.CaseEvent:
		if reflect.ValueOf(v).IsNil() {
			return v
		}
		return v.Logged().Masked().Typed()
	case *model.Rule:
		return maskedRule(v)
	case *model.Notification: // it names an address, and quotes what the mail server said of it
		return nil
	case []*model.Notification:
		return []*model.Notification{}
	case []*model.ExternalRef:
		return []*model.ExternalRef{}
	}
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice || list.IsNil() {
		return v
	}
	switch list.Type().Elem().Kind() {
	case reflect.Pointer, reflect.Interface, reflect.Struct:
	default:
		return v
	}
	out := reflect.MakeSlice(list.Type(), list.Len(), list.Len())
	for i := range list.Len() {
		if item := masked(list.Index(i).Interface()); item != nil {
			out.Index(i).Set(reflect.ValueOf(item))
		}
	}
	return out.Interface()
}

// maskedRule hides a rule's filter where it names somebody.
func maskedRule(r *model.Rule) *model.Rule {
	if r == nil || r.Filter == nil {
		return r
	}
	if f, err := filter.ParseStored(r.Filter); err == nil && f.Personal() == "" {
		return r
	}
	hidden := *r
	hidden.Filter = nil
	return &hidden
}

// asked is what an argument can be made of that looks at rows: a filter, an order.
type asked interface{ Personal() string }

// personal finds the first place in an argument that looks at personal data; empty where none does.
func personal(v reflect.Value, at string) string {
	if !v.IsValid() {
		return ""
	}
	if v.CanInterface() {
		if a, ok := v.Interface().(asked); ok {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				return ""
			}
			if field := a.Personal(); field != "" {
				return at + "." + field
			}
			return ""
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return personal(v.Elem(), at)
	case reflect.Slice:
		for i := range v.Len() {
			if found := personal(v.Index(i), at+"["+strconv.Itoa(i)+"]"); found != "" {
				return found
			}
		}
	case reflect.Struct:
		if given := v.MethodByName("ValueOK"); given.IsValid() && given.Type().NumIn() == 0 { // graphql.Omittable
			return personal(given.Call(nil)[0], at)
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if found := personal(v.Field(i), at+"."+lower(f.Name)); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

func lower(name string) string { return strings.ToLower(name[:1]) + name[1:] }
