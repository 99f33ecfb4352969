// Package filter owns the one filter grammar: a tree with two evaluators. Where writes it as SQL, for lists; Match
// evaluates it in Go, for rules, subscriptions and the snapshots of the log. GRAMMAR.md beside this file defines what
// each operator means.
//
// A filter is parsed from GraphQL input, or from the JSON that a rule stores, by the tables in fields.go. These also
// name each field's column in SQL and its value in Go: a new field is a new line there.
//
// The package refuses to look anything up: everything that decides a filter is in the row or in the Subject.
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

// Subject is the input of Match. Case and Response may be nil; Customer may not.
type Subject struct {
	Case     *model.Case
	Response *model.Response
	Customer *model.Customer
	RuleIDs  []model.RuleID
	Themes   []model.Theme // the response's, without deleted ones

	ExternalRefs []model.ExternalRef
	Outreaches   []model.Outreach

	Now time.Time // withinLast, withinNext and overdue are measured from it

	kept *kept // nil: nothing is kept
}

// now is cut to microseconds, as PostgreSQL cuts its parameter: otherwise Go and SQL would differ at the edge.
func (s *Subject) now() time.Time { return pg.Timestamp(s.Now) }

// Of makes a subject of an event's snapshot, at the event's time.
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
	only string
	traits
}

// UnmarshalGQL reads a CaseFilter.
func (f *Case) UnmarshalGQL(v any) error { return f.parse(v, caseEntity, false) }

// UnmarshalGQL reads a ResponseFilter.
func (f *Response) UnmarshalGQL(v any) error { return f.parse(v, responseEntity, false) }

// UnmarshalGQL reads a CustomerFilter.
func (f *Customer) UnmarshalGQL(v any) error { return f.parse(v, customerEntity, false) }

// gqlgen uses UnmarshalGQL only if the type has MarshalGQL too.
func (f Case) MarshalGQL(w io.Writer)     { _, _ = w.Write(f.raw) }
func (f Response) MarshalGQL(w io.Writer) { _, _ = w.Write(f.raw) }
func (f Customer) MarshalGQL(w io.Writer) { _, _ = w.Write(f.raw) }

func (t *tree) parse(v any, n *entity, strict bool) error {
	p := parser{strict: strict}
	root, err := p.object(v, n)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fault.New(fault.CodeBadUserInput, "a filter must be a JSON object")
	}
	if whole, ok := root.(*shared); ok {
		whole.whole = true
	}
	t.root, t.raw, t.traits, t.only = root, raw, p.traits, onlyOf(v)
	return nil
}

// Where is the filter as a condition on the rows of cases, with every value a parameter.
func (f *Case) Where(viewer model.UserID, now time.Time) clause.Expression {
	if f == nil {
		return matchAll
	}
	return f.where(caseEntity, viewer, now)
}

// Where is the filter as a condition on the rows of responses.
func (f *Response) Where(now time.Time) clause.Expression {
	if f == nil {
		return matchAll
	}
	return f.where(responseEntity, model.UserID{}, now)
}

// WhereReceived is the filter as a condition on the rows of responses, decided as at the time of receipt: no case
// followed them up yet, and nobody had contacted the customer.
func (f *Response) WhereReceived(now time.Time) clause.Expression {
	if f == nil {
		return matchAll
	}
	b := sqlBuilder{table: responseEntity.table, now: now, received: true}
	return f.build(&b)
}

// Where is the filter as a condition on the rows of customers.
func (f *Customer) Where(now time.Time) clause.Expression {
	if f == nil {
		return matchAll
	}
	return f.where(customerEntity, model.UserID{}, now)
}

var matchAll = clause.Expr{SQL: "true"}

func (t *tree) where(n *entity, viewer model.UserID, now time.Time) clause.Expression {
	return t.build(&sqlBuilder{table: n.table, viewer: viewer, now: now})
}

func (t *tree) build(b *sqlBuilder) clause.Expression {
	if t.root == nil {
		return matchAll
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

// ParseStored reads the stored ResponseFilter of a rule or a scope. Unlike a list, it refuses a null and an empty
// filter: a slip must not widen a rule or open a scope. It refuses a search too, because Go evaluates stored filters.
func ParseStored(raw json.RawMessage) (*Response, error) {
	t, err := parseStored(raw, responseEntity)
	return &Response{t}, err
}

// ParseStoredCustomer reads a stored CustomerFilter, as strictly as ParseStored.
func ParseStoredCustomer(raw json.RawMessage) (*Customer, error) {
	t, err := parseStored(raw, customerEntity)
	return &Customer{t}, err
}

// ParseStoredCase reads a stored CaseFilter, as strictly as ParseStored.
func ParseStoredCase(raw json.RawMessage) (*Case, error) {
	t, err := parseStored(raw, caseEntity)
	return &Case{t}, err
}

func parseStored(raw json.RawMessage, n *entity) (t tree, err error) {
	v, err := Decode(raw)
	if err != nil {
		return t, fault.New(fault.CodeBadUserInput, "a filter must be a JSON object")
	}
	return t, t.parse(v, n, true)
}

// Decode reads the JSON of a filter into the values that UnmarshalGQL takes. Numbers stay json.Number: a float64 would
// hide whether an Int was written with a fraction.
func Decode(raw json.RawMessage) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err = d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("unexpected data after the filter")
	}
	return v, nil
}

// Raw is the filter as the caller wrote it; nil if the filter is nil or was never parsed.
func (f *Response) Raw() json.RawMessage { return f.orZero().raw }

// Raw is the filter as the caller wrote it; nil if the filter is nil or was never parsed.
func (f *Case) Raw() json.RawMessage { return f.orZero().raw }

// Raw is the filter as the caller wrote it; nil if the filter is nil or was never parsed.
func (f *Customer) Raw() json.RawMessage { return f.orZero().raw }

// Only is the name of the filter's condition if it has only one, with a single value; otherwise it is empty.
func (f *Case) Only() string { return f.orZero().only }

// Only is the name of the filter's condition if it has only one, with a single value; otherwise it is empty.
func (f *Response) Only() string { return f.orZero().only }

// Only is the name of the filter's condition if it has only one, with a single value; otherwise it is empty.
func (f *Customer) Only() string { return f.orZero().only }

func onlyOf(v any) string {
	m, _ := v.(map[string]any)
	if len(m) != 1 {
		return ""
	}
	for name, given := range m {
		list, isList := given.([]any)
		if isList && len(list) == 1 {
			given = list[0]
		}
		switch given := given.(type) {
		case string:
			return name
		case bool:
			if given {
				return name
			}
		}
	}
	return ""
}

// Mine reports whether the answer depends on the viewer.
func (f *Case) Mine() bool { return f.orZero().mine }

// Fields are the paths of the fields that the filter reads, such as customer.country, as often as it reads them. A filter
// that reads status alone is the same for all cases with one status.
func (f *Case) Fields() []string { return f.orZero().fields }

// Fields are the paths of the fields that the filter reads, such as customer.country, as often as it reads them.
func (f *Response) Fields() []string { return f.orZero().fields }

// Searches reports whether the filter contains a search. Only PostgreSQL can evaluate a search, so that only lists,
// counts and figures accept one.
func (f *Case) Searches() bool { return f.orZero().searches }

// Searches reports whether the filter contains a search.
func (f *Response) Searches() bool { return f.orZero().searches }

// Searches reports whether the filter contains a search.
func (f *Customer) Searches() bool { return f.orZero().searches }

// Personal is the path of the first field that reads personal data, such as and[0].customer.email; empty if no field
// does. A user from whom personal data is hidden must not filter by it either: enough answers reveal the data.
func (f *Case) Personal() string { return f.orZero().personal }

// Personal is the path of the first field that reads personal data; empty if no field does.
func (f *Response) Personal() string { return f.orZero().personal }

// Personal is the path of the first field that reads personal data; empty if no field does.
func (f *Customer) Personal() string { return f.orZero().personal }

func (f *Case) orZero() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}

func (f *Response) orZero() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}

func (f *Customer) orZero() (t tree) {
	if f != nil {
		t = f.tree
	}
	return t
}
