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

// mask runs on every field of an operation whose viewer may not see personal data. It masks the value of a field before
// GraphQL resolves the fields below it, and it refuses arguments that filter or sort by personal data. Operations of
// other viewers run without this middleware.
func mask(next graphql.FieldMiddleware) graphql.FieldMiddleware {
	return func(ctx context.Context, resolve graphql.Resolver) (any, error) {
		if fc := graphql.GetFieldContext(ctx); fc != nil {
			for name, value := range fc.Args {
				if path := personalPath(reflect.ValueOf(value), name); path != "" {
					return nil, fault.Input(path, "you may not see personal data, so you cannot filter or sort by it: leave this out")
				}
			}
		}
		v, err := next(ctx, resolve)
		return maskValue(v), err
	}
}

// maskValue returns v without personal data. It lists every type that holds personal data, and masks lists of those
// types item by item. A page or a payload that contains such values needs no case: mask runs again on its fields.
func maskValue(v any) any {
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
	case *model.Webhook:
		return maskedWebhook(v)
	case *model.Notification: // a notification holds an address and the mail server's answer about the address
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
		if item := maskValue(list.Index(i).Interface()); item != nil {
			out.Index(i).Set(reflect.ValueOf(item))
		}
	}
	return out.Interface()
}

// maskedRule hides a rule's filter if the filter looks at personal data.
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

// maskedWebhook hides a webhook's filter if the filter looks at personal data: an administrator may have written it.
func maskedWebhook(w *model.Webhook) *model.Webhook {
	if w == nil || w.Filter == nil {
		return w
	}
	if f, err := filter.ParseStoredCase(w.Filter); err == nil && f.Personal() == "" {
		return w
	}
	hidden := *w
	hidden.Filter = nil
	return &hidden
}

// selector is a filter or an order: the parts of an argument that can look at personal data.
type selector interface{ Personal() string }

// personalPath returns the path of the first part of an argument that looks at personal data, or an empty string. path is
// the path of v itself.
func personalPath(v reflect.Value, path string) string {
	if !v.IsValid() {
		return ""
	}
	if v.CanInterface() {
		if s, ok := v.Interface().(selector); ok {
			if v.Kind() == reflect.Pointer && v.IsNil() {
				return ""
			}
			if field := s.Personal(); field != "" {
				return path + "." + field
			}
			return ""
		}
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		return personalPath(v.Elem(), path)
	case reflect.Slice:
		for i := range v.Len() {
			if found := personalPath(v.Index(i), path+"["+strconv.Itoa(i)+"]"); found != "" {
				return found
			}
		}
	case reflect.Struct:
		if value := v.MethodByName("ValueOK"); value.IsValid() && value.Type().NumIn() == 0 { // graphql.Omittable
			return personalPath(value.Call(nil)[0], path)
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				if found := personalPath(v.Field(i), path+"."+lowerFirst(f.Name)); found != "" {
					return found
				}
			}
		}
	}
	return ""
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }
