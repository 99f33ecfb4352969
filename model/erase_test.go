package model_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

const secret = "SECRET"

// fill puts the secret, in other letters, into every text below v, and a value into everything else.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type().Elem().PkgPath() == "time" {
			v.Set(reflect.ValueOf(&at))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i))
			}
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value)
		v.SetMapIndex(reflect.ValueOf("my "+secret), value)
	case reflect.String:
		v.SetString("It is " + strings.ToLower(secret))
	}
}

// left are the paths of the texts below v that hold the secret.
func left(path string, v reflect.Value) (paths []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return left(path, v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			paths = append(paths, left(path+"."+v.Type().Field(i).Name, v.Field(i))...)
		}
	case reflect.Slice:
		for i := range v.Len() {
			paths = append(paths, left(path, v.Index(i))...)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			paths = append(append(paths, left(path, key)...), left(path, v.MapIndex(key))...)
		}
	case reflect.String:
		if strings.Contains(strings.ToUpper(v.String()), secret) {
			return []string{path}
		}
	}
	return paths
}

// What holds words and is kept when a customer is erased. A field that is not here must be removed.
var keptTexts = []string{
	".AssigneeName",                                                                                   // a colleague's
	".Case.Origin", ".Case.Status", ".Outreaches.Channel", ".Outreaches.Offer", ".Outreaches.Outcome", // words of the program
	".Customer.Country", ".Customer.Segment", ".Customer.SegmentFold",
	".Response.Category", ".Response.ContactStatus", ".Response.Survey",
	".Themes.Name", ".Themes.Effort", // an administrator's
}

func TestErase(t *testing.T) {
	t.Parallel()
	t.Run("leaves only the listed fields of a snapshot", func(t *testing.T) {
		t.Parallel()
		s := new(model.Snapshot)
		fill(reflect.ValueOf(s).Elem())
		if was := left("", reflect.ValueOf(s)); len(was) < 30 {
			t.Fatalf("only %d texts were filled: %v", len(was), was)
		}
		s.Erase(at)
		for _, path := range slices.Compact(left("", reflect.ValueOf(s))) {
			if !slices.Contains(keptTexts, path) {
				t.Errorf("%s is kept: remove it in Erase, or name it here with a reason", path)
			}
		}
		if s.Customer.ErasedAt == nil || !s.Customer.ErasedAt.Equal(at) || s.Customer.LifetimeValue == nil || s.Response == nil || len(s.RuleIDs) != 2 {
			t.Errorf("figures or ids are gone: %+v", s)
		}
		if !slices.Equal(s.Case.RootCause, model.Strings{model.Erased, model.Erased}) {
			t.Errorf("the root cause: %v", s.Case.RootCause)
		}
	})

	t.Run("leaves no free text in an event", func(t *testing.T) {
		t.Parallel()
		e := model.Event{Type: model.EventRootCauseSet, Improvement: new(secret), Whys: model.Strings{secret, secret}}
		e.Erase()
		if paths := left("", reflect.ValueOf(e)); len(paths) > 0 || len(e.Whys) != 2 {
			t.Errorf("left in %v: %v", paths, e.Whys)
		}
		untold := model.Event{}
		if untold.Erase(); untold.Whys != nil {
			t.Error("an event without whys has some now") // the table's check ties them to the type
		}
	})

	t.Run("leaves the original of a copied snapshot alone", func(t *testing.T) {
		t.Parallel()
		s := new(model.Snapshot)
		fill(reflect.ValueOf(s).Elem())
		before := fmt.Sprint(left("", reflect.ValueOf(s)))
		erased := *s
		erased.Erase(at.Add(time.Hour))
		if after := fmt.Sprint(left("", reflect.ValueOf(s))); after != before {
			t.Errorf("the snapshot that was copied has changed:\n%s\n%s", before, after)
		}
	})

	t.Run("removes the drivers that quote the customer", func(t *testing.T) {
		t.Parallel()
		c := &model.Customer{FirstName: new("Ana"), LastName: new("Li"), Email: new("ana@example.com"), Phone: new(" +55 11 5555 ")}
		r := &model.Response{Drivers: []string{"Price", "Other: call ANA", "other: +55 11 5555", "Reliability", "Banana"}}
		r.Erase(c)
		if want := []string{"Price", "Reliability"}; !slices.Equal(r.Drivers, want) {
			t.Errorf("%q, not %q", r.Drivers, want)
		}
	})
}
