package filter_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

func scopeOf(t *testing.T, customer, response string, own bool) *filter.Scope {
	t.Helper()
	s, err := filter.ScopeOf(bound(customer, response, own))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func bound(customer, response string, own bool) *model.User {
	u := &model.User{ID: model.UserID{UUID: model.NewUUID()}, OwnCasesOnly: own}
	if customer != "" {
		u.ScopeCustomer = json.RawMessage(customer)
	}
	if response != "" {
		u.ScopeResponse = json.RawMessage(response)
	}
	return u
}

func TestScope(t *testing.T) {
	t.Parallel()
	t.Run("sees a case by its customer, response and assignee", func(t *testing.T) {
		t.Parallel()
		gb, br := "GB", "BR"
		const british, low = `{"country": {"eq": "gb"}}`, `{"score": {"lte": 6}}`
		for _, c := range []struct {
			customer, response string
			own                bool
			country            *string
			score              int // -1: a case without a response
			mine, want         bool
		}{
			{"", "", false, nil, -1, false, true},
			{british, "", false, &gb, 9, false, true}, {british, "", false, &br, 9, false, false}, {british, "", false, nil, 9, false, false},
			{british, "", false, &gb, -1, false, true}, {british, "", false, &br, -1, true, false},
			{"", low, false, &br, 6, false, true}, {"", low, false, &br, 7, true, false}, {"", low, false, nil, -1, false, true},
			{british, low, false, &gb, 6, false, true}, {british, low, false, &br, 6, false, false}, {british, low, false, &gb, 7, false, false},
			{british, low, false, &gb, -1, false, true}, {british, low, false, &br, -1, false, false},
			{"", "", true, &br, 9, true, true}, {"", "", true, &br, 9, false, false}, {british, low, true, &gb, 6, true, true}, {british, low, true, &gb, 6, false, false},
			{`{"not": ` + british + `}`, "", false, nil, 3, false, true}, {`{"country": {"in": []}}`, "", false, &gb, 3, true, false},
			{"", `{"customer": ` + british + `}`, false, &gb, 3, false, true}, {"", `{"customer": ` + british + `}`, false, &br, 3, false, false},
		} {
			s := scopeOf(t, c.customer, c.response, c.own)
			subject := &filter.Subject{Case: &model.Case{}, Customer: &model.Customer{Country: c.country}, Now: time.Now()}
			if c.mine {
				viewer := s.Viewer()
				subject.Case.AssigneeID = &viewer
			}
			if c.score >= 0 {
				subject.Response = &model.Response{Score: c.score}
			}
			if got := s.Sees(subject); got != c.want {
				t.Errorf("%+v: %t", c, got)
			}
		}
	})

	t.Run("compares what was typed on a telephone", func(t *testing.T) {
		t.Parallel()
		s := scopeOf(t, `{"company": {"eq": "L'Or\u00e9al Care"}}`, `{"comment": {"startsWith": "I can't"}}`, false)
		for company, want := range map[string]bool{"L’Oréal\u00a0Care": true, "LʼORE\u0301AL CARE": true, "L'Oreal Care": false, "LOréal Care": false} {
			subject := &filter.Subject{Case: &model.Case{}, Customer: &model.Customer{Company: &company}, Response: &model.Response{Comment: new("I can’t wait")}, Now: time.Now()}
			if got := s.Sees(subject); got != want {
				t.Errorf("%q: %t", company, got)
			}
		}
	})

	t.Run("sees nothing if it is nil", func(t *testing.T) {
		t.Parallel()
		var none *filter.Scope
		now := time.Now()
		subject := &filter.Subject{Case: &model.Case{}, Customer: &model.Customer{}, Now: now}
		if none.Sees(subject) || !none.Restricted() || !none.Masked() {
			t.Error("the nil scope sees something")
		}
		whole := filter.Unrestricted(model.UserID{})
		if !whole.Sees(subject) || whole.Restricted() || whole.Masked() {
			t.Error("the unrestricted scope does not see everything")
		}
		for name, conditions := range map[string][2]clause.Expression{
			"customers": {none.Customers(now), whole.Customers(now)}, "responses": {none.Responses(now), whole.Responses(now)}, "cases": {none.Cases(now), whole.Cases(now)},
			"notes": {none.Notes(now), whole.Notes(now)}, "notifications": {none.Notifications(now), whole.Notifications(now)},
		} {
			if conditions[0].(clause.Expr).SQL != "false" || conditions[1].(clause.Expr).SQL != "true" {
				t.Errorf("%s: %+v", name, conditions)
			}
		}
		masked, err := filter.ScopeOf(&model.User{PersonalDataHidden: true})
		if err != nil || !masked.Masked() || masked.Restricted() || masked.Notes(now).(clause.Expr).SQL != "false" || masked.Cases(now).(clause.Expr).SQL != "true" {
			t.Errorf("the masked scope: %+v, %v", masked, err)
		}
	})

	t.Run("is nil if it cannot be read", func(t *testing.T) {
		t.Parallel()
		deep := strings.Repeat(`{"not": `, 19) + `{"id": []}` + strings.Repeat(`}`, 19)
		for name, c := range map[string]struct {
			user *model.User
			at   string
		}{
			"empty":         {bound(`{}`, "", false), "customer"},
			"null inside":   {bound(`{"country": null}`, "", false), "customer.country"},
			"no operator":   {bound("", `{"score": {}}`, false), "response.score"},
			"a search":      {bound(`{"search": "x"}`, "", false), "customer.search"},
			"unknown":       {bound("", `{"colour": "red"}`, false), "response.colour"},
			"no JSON":       {bound(`{`, "", false), "customer"},
			"as deep as it": {bound(deep, "", false), ""},
		} {
			s, err := filter.ScopeOf(c.user)
			if s != nil || !fault.Is(err, fault.CodeBadUserInput) {
				t.Errorf("%s: %v, %v", name, s, err)
				continue
			}
			if at := err.(*fault.Error).Argument; c.at != "" && at != c.at {
				t.Errorf("%s: the error is at %q; want %q", name, at, c.at)
			}
		}
		if _, err := filter.ScopeOf(bound(fmt.Sprintf(`{"id": [%q]}`, model.CustomerID{UUID: model.NewUUID()}), "", false)); err != nil {
			t.Error(err)
		}
	})
}
