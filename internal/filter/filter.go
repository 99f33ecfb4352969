// Package filter owns the one filter grammar: a tree with two evaluators. Where says it in SQL, for lists; Match
// says it in Go, for rules, for subscriptions and for what a snapshot of the log holds. GRAMMAR.md beside this file
// says what each operator means.
//
// A filter is parsed from what the caller wrote (GraphQL input, or the JSON that a rule keeps) by the tables in
// fields.go, which also say where each field stands in SQL and in Go: a new field is a new line there.
//
// It refuses to look anything up: all that it decides on is in the row or in the Subject.
package filter

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"time"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// Subject is what Match decides on. Case and Response may be nil; Customer may not.
type Subject struct {
	Case     *model.Case
	Response *model.Response
	Customer *model.Customer
	RuleIDs  []model.RuleID
	Themes   []model.Theme // the response's, but for deleted ones

	ExternalRefs []model.ExternalRef
	Outreaches   []model.Outreach

	Now time.Time // what withinLast, withinNext and overdue are measured from
}

// now is cut to microseconds, as PostgreSQL cuts it: at the edge, Go and SQL must not differ.
func (s *Subject) now() time.Time { return pg.Timestamp(s.Now) }

// Of makes the subject of a snapshot at the event's time.
func Of(s *model.Snapshot, at time.Time) *Subject {
	return &Subject{
		Case: &s.Case, Response: s.Response, Customer: &s.Customer, RuleIDs: s.RuleIDs, Themes: s.Themes,
		ExternalRefs: s.ExternalRefs, Outreaches: s.Outreaches, Now: at,
	}
}

// The three filters of the API. The zero value matches everything.
type (
	Case     struct{ tree }
	Response struct{ tree }
	Customer struct{ tree }
)

type tree struct {
	root expr
	raw  json.RawMessage
	traits
}

// UnmarshalGQL reads a CaseFilter.
func (f *Case) UnmarshalGQL(v any) error { return f.parse(v, caseNoun, false) }

// UnmarshalGQL reads a ResponseFilter.
func (f *Response) UnmarshalGQL(v any) error { return f.parse(v, responseNoun, false) }

// UnmarshalGQL reads a CustomerFilter.
func (f *Customer) UnmarshalGQL(v any) error { return f.parse(v, customerNoun, false) }

// gqlgen takes a type for one that reads itself only where it writes itself too.
func (f Case) MarshalGQL(w io.Writer)     { _, _ = w.Write(f.raw) }
func (f Response) MarshalGQL(w io.Writer) { _, _ = w.Write(f.raw) }
func (f Customer) MarshalGQL(w io.Writer) { _, _ = w.Write(f.raw) }

func (t *tree) parse(v any, n *noun, strict bool) error {
	p := parser{strict: strict}
	root, err := p.object(v, n)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.CodeBadUserInput, "a filter is a JSON object")
	}
	t.root, t.raw, t.traits = root, raw, p.traits
	return nil
}

// Where is the filter as a condition on the rows of its own table, with every value a parameter.
func (f *Case) Where(viewer model.UserID, now time.Time) clause.Expression {
	if f == nil {
		return everything
	}
	return f.where(caseNoun, viewer, now)
}

// Where is the filter as a condition on the rows of responses.
func (f *Response) Where(now time.Time) clause.Expression {
	if f == nil {
		return everything
	}
	return f.where(responseNoun, model.UserID{}, now)
}

// WhereReceived is the filter as a condition on the rows of responses, decided as when they came in: no case followed
// them up, and nobody had contacted the customer.
func (f *Response) WhereReceived(now time.Time) clause.Expression {
	if f == nil {
		return everything
	}
	b := sqlBuilder{table: responseNoun.table, now: now, received: true}
	return f.build(&b)
}

// Where is the filter as a condition on the rows of customers.
func (f *Customer) Where(now time.Time) clause.Expression {
	if f == nil {
		return everything
	}
	return f.where(customerNoun, model.UserID{}, now)
}

var everything = clause.Expr{SQL: "true"}

func (t *tree) where(n *noun, viewer model.UserID, now time.Time) clause.Expression {
	return t.build(&sqlBuilder{table: n.table, viewer: viewer, now: now})
}

func (t *tree) build(b *sqlBuilder) clause.Expression {
	if t.root == nil {
		return everything
	}
	b.now = pg.Timestamp(b.now)
	t.root.sql(b)
	return clause.Expr{SQL: b.text.String(), Vars: b.vars}
}

// Match decides the filter on the subject. A nil filter matches everything.
func (f *Case) Match(s *Subject, viewer model.UserID) bool {
	return f == nil || f.root == nil || f.root.match(s, viewer)
}

// Match decides the filter on the subject's customer. A nil filter matches everything.
func (f *Customer) Match(s *Subject) bool {
	return f == nil || f.root == nil || f.root.match(s, model.UserID{})
}

// Match decides the filter on the subject. A nil filter matches everything.
func (f *Response) Match(s *Subject) bool {
	return f == nil || f.root == nil || f.root.match(s, model.UserID{})
}

// ParseStored reads a ResponseFilter that is kept: a rule's, a scope's. Where lists pass over a null, this refuses it, and an
// empty filter too: a slip must not widen a rule, nor open a scope. It refuses a search, for Go decides what is kept.
func ParseStored(raw json.RawMessage) (*Response, error) {
	t, err := stored(raw, responseNoun)
	return &Response{t}, err
}

// StoredCustomer reads a CustomerFilter that is kept, as Stored does.
func StoredCustomer(raw json.RawMessage) (*Customer, error) {
	t, err := stored(raw, customerNoun)
	return &Customer{t}, err
}

// ParseStoredCase reads a CaseFilter that is kept, as Stored does.
func ParseStoredCase(raw json.RawMessage) (*Case, error) {
	t, err := stored(raw, caseNoun)
	return &Case{t}, err
}

func stored(raw json.RawMessage, n *noun) (t tree, err error) {
	v, err := Decode(raw)
	if err != nil {
		return t, fault.New(fault.CodeBadUserInput, "a filter is a JSON object")
	}
	return t, t.parse(v, n, true)
}

// Decode reads the JSON of a filter into what UnmarshalGQL takes: its numbers stay as they are written, for an Int is
// no floating-point number.
func Decode(raw json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err = d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("something follows the filter")
	}
	return v, nil
}

// Raw is the filter as it was given; nil where there is none.
func (f *Response) Raw() json.RawMessage { return f.given().raw }

// Raw is the filter as it was given; nil where there is none.
func (f *Case) Raw() json.RawMessage { return f.given().raw }

// Raw is the filter as it was given; nil where there is none.
func (f *Customer) Raw() json.RawMessage { return f.given().raw }

// Mine tells whether the answer depends on who asks.
func (f *Case) Mine() bool { return f.given().mine }

// Searches tells whether the filter holds a search: PostgreSQL alone decides it, so that it narrows lists and nothing
// else.
func (f *Case) Searches() bool { return f.given().searches }

// Searches tells whether the filter holds a search, as a case's does.
func (f *Response) Searches() bool { return f.given().searches }

// Searches tells whether the filter holds a search, as a case's does.
func (f *Customer) Searches() bool { return f.given().searches }

// Personal names the first field that looks at personal data, by its path in the filter, such as
// and[0].customer.email; it is empty where none does. Who may not see personal data may not ask for it either: the
// answer to enough questions is the data.
func (f *Case) Personal() string { return f.given().personal }

// Personal names the first field that looks at personal data, as a case's does.
func (f *Response) Personal() string { return f.given().personal }

// Personal names the first field that looks at personal data, as a case's does.
func (f *Customer) Personal() string { return f.given().personal }

func (f *Case) given() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}

func (f *Response) given() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}

func (f *Customer) given() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}
