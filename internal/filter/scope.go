package filter

import (
	"encoding/json"
	"fmt"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/model"
)

// Scope is the set of rows that one user may see, defined once, here, for SQL and for Go. A customer is visible if they
// match the scope's filter of customers. A response is visible if its customer is and it matches the filter of
// responses. A case is visible if its customer is, if its response (where it has one) is, and, under ownCasesOnly, if
// it is assigned to the user. Notes, events and notifications are visible with their case.
//
// A scope uses the grammar itself: it is one filter on each entity. The nil Scope sees nothing, so that a forgotten
// scope opens nothing; Unrestricted sees everything.
type Scope struct {
	viewer     model.UserID
	restricted bool
	masked     bool
	customer   *Customer // nil: all
	response   *Response // includes the customer's filter; nil: all
	cases      *Case     // nil: all
}

// Unrestricted is a scope that sees everything.
func Unrestricted(viewer model.UserID) *Scope { return &Scope{viewer: viewer} }

// ScopeOf reads a user's scope. A scope that cannot be read is an error, and the scope is nil: it sees nothing.
func ScopeOf(u *model.User) (*Scope, error) {
	s := &Scope{viewer: u.ID, masked: u.PersonalDataHidden}
	stored := u.Scope()
	if stored == nil {
		return s, nil
	}
	s.restricted = true
	response, cases := map[string]any{}, map[string]any{}
	var ofCustomer, ofResponse error
	if stored.Customer != nil {
		s.customer, ofCustomer = ParseStoredCustomer(stored.Customer)
		response["customer"], cases["customer"] = stored.Customer, stored.Customer
	}
	if stored.Response != nil {
		_, ofResponse = ParseStored(stored.Response)
	}
	if err := fault.Join(fault.WithPath("customer", ofCustomer), fault.WithPath("response", ofResponse)); err != nil {
		return nil, err
	}
	if stored.Response != nil {
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

// compose reads a filter that is made of others. It fails if the composed filter is deeper or larger than a filter may
// be.
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

var matchNone = clause.Expr{SQL: "false"}

// Customers is the condition on rows of customers.
func (s *Scope) Customers(now time.Time) clause.Expression {
	if s == nil {
		return matchNone
	}
	return s.customer.Where(now)
}

// Responses is the condition on rows of responses.
func (s *Scope) Responses(now time.Time) clause.Expression {
	if s == nil {
		return matchNone
	}
	return s.response.Where(now)
}

// ResponseFilter is the filter of Responses; nil if the scope excludes no response. False: the scope sees nothing.
func (s *Scope) ResponseFilter() (f *Response, ok bool) {
	if s == nil {
		return nil, false
	}
	return s.response, true
}

// Cases is the condition on rows of cases.
func (s *Scope) Cases(now time.Time) clause.Expression {
	if s == nil {
		return matchNone
	}
	return s.cases.Where(s.viewer, now)
}

// OfCase is the condition on rows that are visible with their case; column has the case's id, such as
// case_events.case_id.
func (s *Scope) OfCase(column string, now time.Time) clause.Expression {
	if s != nil && !s.restricted {
		return matchAll
	}
	return clause.Expr{SQL: "EXISTS (SELECT 1 FROM cases WHERE cases.id = " + column + " AND ?)", Vars: []any{s.Cases(now)}}
}

// Notes is the condition on rows of notes. A note is free text about people: a masked scope sees none.
func (s *Scope) Notes(now time.Time) clause.Expression {
	if s.Masked() {
		return matchNone
	}
	return s.OfCase("notes.case_id", now)
}

// Notifications is the condition on rows of notifications: visible with their case, or with their response if there is
// no case. A notification contains an address: a masked scope sees none.
func (s *Scope) Notifications(now time.Time) clause.Expression {
	switch {
	case s.Masked():
		return matchNone
	case !s.restricted:
		return matchAll
	}
	return clause.Expr{
		SQL: `(CASE WHEN notifications.case_id IS NOT NULL THEN ?
			ELSE EXISTS (SELECT 1 FROM responses WHERE responses.id = notifications.response_id AND ?) END)`,
		Vars: []any{s.OfCase("notifications.case_id", now), s.Responses(now)},
	}
}

// Sees reports whether the scope includes a case with its response and customer, as a snapshot of the log has them.
func (s *Scope) Sees(subject *Subject) bool { return s != nil && s.cases.Match(subject, s.viewer) }

// Restricted reports whether the scope excludes anything.
func (s *Scope) Restricted() bool { return s == nil || s.restricted }

// Masked reports whether personal data is hidden: customers' names, addresses, phone numbers and comments, and notes.
func (s *Scope) Masked() bool { return s == nil || s.masked }

// Viewer is the user of the scope, whose cases `mine` selects.
func (s *Scope) Viewer() model.UserID {
	if s == nil {
		return model.UserID{}
	}
	return s.viewer
}
