package model_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

// hidden are the fields that Masked removes; all others stay. A new personal field must be added here and in mask.go.
var hidden = map[string][]string{
	"Customer": {"ExternalID", "NameKey", "FirstName", "LastName", "Email", "EmailFold", "Phone", "PhoneKey", "AccountManagerEmail", "AgentEmail", "Attributes"},
	"Response": {"ExternalID", "Comment", "Attributes"},
	"Case":     {"RootCause"},
	"Snapshot": {"ExternalRefs"},
	"Event":    {"NoteID", "Improvement", "Whys", "Snapshot", "Before"},
}

func TestMasked(t *testing.T) {
	t.Parallel()
	customer, response, theCase, snapshot := new(model.Customer), new(model.Response), new(model.Case), new(model.Snapshot)
	event := &model.LoggedEvent{Then: snapshot}
	for _, v := range []any{customer, response, theCase, snapshot, &event.Event} {
		filled(t, reflect.ValueOf(v).Elem(), 0)
	}
	for name, masked := range map[string]any{
		"Customer": customer.Masked(), "Response": response.Masked(), "Case": theCase.Masked(), "Snapshot": snapshot.Masked(), "Event": &event.Masked().Event,
	} {
		v := reflect.ValueOf(masked).Elem()
		for i := range v.NumField() {
			field := v.Type().Field(i).Name
			if gone := v.Field(i).IsZero(); gone != slices.Contains(hidden[name], field) {
				t.Errorf("%s.%s is hidden: %t; a personal field must be in this list and removed in mask.go", name, field, gone)
			}
		}
	}
	if event.NoteID == nil || customer.FirstName == nil || snapshot.Customer.FirstName == nil {
		t.Error("Masked changed the original")
	}
	for what, c := range map[string]*model.Customer{
		"of a case": theCase.Masked().Customer, "of a response": response.Masked().Customer, "of a case's response": theCase.Masked().Response.Customer,
		"of a snapshot": &snapshot.Masked().Customer, "of an event": &event.Masked().Then.Customer,
	} {
		if c.ID.String() == "" || c.FirstName != nil || c.Email != nil || c.Company == nil {
			t.Errorf("the customer %s is %+v", what, c)
		}
	}
	if s := event.Masked().Then; s.Response.Comment != nil || s.Case.RootCause != nil {
		t.Errorf("an event's snapshot is %+v", s)
	}
	if name := customer.Masked().DisplayName(); name != "Customer 7" {
		t.Errorf("the customer is called %q", name)
	}
	var none *model.Customer
	if none.Masked() != nil || (*model.Response)(nil).Masked() != nil || (*model.Case)(nil).Masked() != nil {
		t.Error("Masked of nil is not nil")
	}
}

// filled gives every field a value that is not its zero.
func filled(t *testing.T, v reflect.Value, depth int) {
	t.Helper()
	switch {
	case depth > 8:
		return
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Unix(1, 0)))
	case v.Type() == reflect.TypeFor[decimal.Decimal]():
		v.Set(reflect.ValueOf(decimal.NewFromInt(1)))
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		filled(t, v.Elem(), depth+1)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			filled(t, v.Field(i), depth+1)
		}
	case v.Kind() == reflect.Array:
		for i := range v.Len() {
			filled(t, v.Index(i), depth+1)
		}
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		filled(t, v.Index(0), depth+1)
	case v.Kind() == reflect.Map:
		v.Set(reflect.ValueOf(map[string]string{"key": "value"}))
	case v.Kind() == reflect.String:
		v.SetString("text")
	case v.Kind() == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(7)
	case v.CanUint():
		v.SetUint(7)
	case v.CanFloat():
		v.SetFloat(7)
	default:
		t.Fatalf("no value is known for %s", v.Type())
	}
}
