package model_test

import (
	"slices"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestCustomer(t *testing.T) {
	t.Parallel()
	t.Run("displays the name, else the address, else the number", func(t *testing.T) {
		t.Parallel()
		for want, c := range map[string]model.Customer{
			"Ana Souza":       {FirstName: new("Ana"), LastName: new("Souza"), Email: new("ana@example.com"), Number: 7},
			"Ana":             {FirstName: new(" Ana "), LastName: new("  ")},
			"Souza":           {LastName: new("Souza")},
			"ana@example.com": {FirstName: new(""), Email: new("ana@example.com"), Number: 7},
			"Customer 7":      {Number: 7},
		} {
			if got := c.DisplayName(); got != want {
				t.Errorf("%q, not %q", got, want)
			}
		}
	})

	t.Run("refreshes and clears its folded columns", func(t *testing.T) {
		t.Parallel()
		c := model.Customer{Email: new("Ana@Example.com"), Company: new("ACME"), SegmentFold: new("old")}
		c.Fold()
		if *c.EmailFold != "ana@example.com" || *c.CompanyFold != "acme" || c.SegmentFold != nil {
			t.Errorf("%+v", c)
		}
	})

	t.Run("sorts attributes by key", func(t *testing.T) {
		t.Parallel()
		want := []model.Attribute{{Key: "A", Value: "3"}, {Key: "a", Value: "1"}, {Key: "b", Value: "2"}}
		given := map[string]string{"b": "2", "a": "1", "A": "3"}
		c, r := model.Customer{Attributes: given}, model.Response{Attributes: given}
		if got := c.AttributeList(); !slices.Equal(got, want) {
			t.Errorf("of the customer: %v", got)
		}
		if got := r.AttributeList(); !slices.Equal(got, want) {
			t.Errorf("of the response: %v", got)
		}
		if got := new(model.Customer).AttributeList(); got == nil || len(got) > 0 {
			t.Errorf("of none: %v", got)
		}
	})
}
