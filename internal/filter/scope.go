package filter

import (
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// Scope is what one user may see: a bound on rows that is said once, here, in SQL and in Go. A customer is visible that
// matches the scope's filter of customers; a response whose customer is, and that matches the one of responses; a case
// whose customer is, whose response (if it has one) is, and that is the user's own where the scope says so. Notes,
// events and notifications go with their case.
//
// It is made of the grammar itself: a scope is one filter on each noun. The nil Scope sees nothing, for what is not
// said must not open anything; Whole sees everything.
type Scope struct {
	viewer     model.UserID
	restricted bool
	masked     bool
	customer   *Customer // nil: all
	response   *Response // of a visible customer, and by itself; nil: all
	cases      *Case     // nil: all
}

// Unrestricted is the scope of whoever sees everything.
func Unrestricted(viewer model.UserID) *Scope { return &Scope{viewer: viewer} }

// ScopeOf reads what a user may see. A scope that cannot be read is an error, and no scope.
func ScopeOf(u *model.User) (*Scope, error) {
	s := &Scope{viewer: u.ID, masked: u.PersonalDataHidden}
	stored := u.Scope()
	if stored == nil {
		return s, nil
	}
	s.restricted = true
	response, cases := map[string]any{}, map[string]any{}
	if stored.Customer != nil {
		f, err := StoredCustomer(stored.Customer)
		if err != nil {
			return nil, fault.WithPath("customer", err)
		}
		s.customer = f
		response["customer"], cases["customer"] = stored.Customer, stored.Customer
	}
	if stored.Response != nil {
		if _, err := ParseStored(stored.Response); err != nil {
			return nil, fault.WithPath("response", err)
		}
		response["and"] = []any{stored.Response}
		cases["or"] = []any{map[string]any{"not": map[string]any{"response": map[string]any{}}}, map[string]any{"response": stored.Response}}
	}
	if stored.OwnCasesOnly {
		cases["mine"] = true
	}
	s.response, s.cases = new(Response), new(Case)
	if err := compose(response, s.response); err != nil {
		return nil, err
	}
	if err := compose(cases, s.cases); err != nil {
		return nil, err
	}
	return s, nil
}

// compose reads a filter that is made of others. It can fail where those are as deep, or as large, as a filter may be.
func compose(of map[string]any, into interface{ UnmarshalGQL(any) error }) error {
	raw, err := json.Marshal(of)
	if err != nil {
		return fmt.Errorf("write a scope's filter: %w", err)
	}
	v, err := Decode(raw)
	if err != nil {
		return fmt.Errorf("read a scope's filter: %w", err)
	}
	return into.UnmarshalGQL(v)
}

var nothing = clause.Expr{SQL: "false"}

// Customers is the condition on rows of customers.
func (s *Scope) Customers(now time.Time) clause.Expression {
	if s == nil {
		return nothing
	}
	return s.customer.Where(now)
}

// Responses is the condition on rows of responses.
func (s *Scope) Responses(now time.Time) clause.Expression {
	if s == nil {
		return nothing
	}
	return s.response.Where(now)
}

// Cases is the condition on rows of cases.
func (s *Scope) Cases(now time.Time) clause.Expression {
	if s == nil {
		return nothing
	}
	return s.cases.Where(s.viewer, now)
}

// OfCase is the condition on rows that go with their case; column names it, such as case_events.case_id.
func (s *Scope) OfCase(column string, now time.Time) clause.Expression {
	if s != nil && !s.restricted {
		return everything
	}
	return clause.Expr{SQL: "EXISTS (SELECT 1 FROM cases WHERE cases.id = " + column + " AND ?)", Vars: []any{s.Cases(now)}}
}

// Notes is the condition on rows of notes. They are free text about people: who sees no personal data sees none.
func (s *Scope) Notes(now time.Time) clause.Expression {
	if s.Masked() {
		return nothing
	}
	return s.OfCase("notes.case_id", now)
}

// Notifications is the condition on rows of notifications: they go with their case, else with their response. They name
// addresses: who sees no personal data sees none.
func (s *Scope) Notifications(now time.Time) clause.Expression {
	switch {
	case s.Masked():
		return nothing
	case !s.restricted:
		return everything
	}
	return clause.Expr{
		SQL: `(CASE WHEN notifications.case_id IS NOT NULL THEN ?
			ELSE EXISTS (SELECT 1 FROM responses WHERE responses.id = notifications.response_id AND ?) END)`,
		Vars: []any{s.OfCase("notifications.case_id", now), s.Responses(now)},
	}
}

// Sees decides on a case with its response and customer, as a snapshot of the log holds them.
func (s *Scope) Sees(subject *Subject) bool { return s != nil && s.cases.Match(subject, s.viewer) }

// Restricted tells whether there is anything that the scope does not see.
func (s *Scope) Restricted() bool { return s == nil || s.restricted }

// Masked tells whether personal data is hidden: customers' names, addresses, phone numbers and comments, and notes.
func (s *Scope) Masked() bool { return s == nil || s.masked }

// Viewer is whose scope it is: whom `mine` means.
func (s *Scope) Viewer() model.UserID {
	if s == nil {
		return model.UserID{}
	}
	return s.viewer
}
