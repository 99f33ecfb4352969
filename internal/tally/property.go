package tally

import (
	"slices"
	"strconv"

	"github.com/google/uuid"

	"github.com/closeloop/closeloop/internal/filter"
	"github.com/closeloop/closeloop/model"
)

// Property is what cases are counted by, beside their status.
type Property string

// The properties. A case has one value of each or none, but it may have several rules.
const (
	Nothing  Property = "" // all cases together
	Assignee Property = "assignee"
	Country  Property = "country"
	Segment  Property = "segment"
	Company  Property = "company"
	Score    Property = "score"
	Rule     Property = "rule"
)

// Key is a value of a property, as PostgreSQL writes it as a text.
type Key struct {
	Text string
	None bool // the case has no value
}

// property says how the keys of a case are read from the table and from a snapshot of the log. Both must be the same for the
// row and for the snapshot of its newest event.
type property struct {
	column, join string
	keys         func(*model.Snapshot) []Key
	// erased: the erasure of a customer changes the value, in the log's old snapshots as well.
	erased bool
	// fields of a CaseFilter that the key decides, and subject, a case with this key as the filter sees it.
	fields  []string
	subject func(Key) (*filter.Subject, error)
}

var properties = map[Property]*property{
	Nothing: {
		column: "CAST('' AS text)", keys: func(*model.Snapshot) []Key { return []Key{{}} },
		subject: func(Key) (*filter.Subject, error) { return plain(), nil },
	},
	Assignee: {
		column: "cases.assignee_id::text", keys: func(s *model.Snapshot) []Key {
			return one(s.Case.AssigneeID, func(id model.UserID) string { return id.UUID.String() })
		},
		fields: []string{"assignee", "assigned", "mine"},
		subject: func(k Key) (s *filter.Subject, err error) {
			s = plain()
			if !k.None {
				s.Case.AssigneeID = new(model.UserID)
				s.Case.AssigneeID.UUID, err = uuid.Parse(k.Text)
			}
			return s, err
		},
	},
	Country: {
		column: "cases.country", keys: func(s *model.Snapshot) []Key { return one(s.Customer.Country, same) },
		fields: []string{"customer", "customer.country"},
		subject: func(k Key) (*filter.Subject, error) {
			s := plain()
			if !k.None {
				s.Customer.Country = &k.Text
			}
			return s, nil
		},
	},
	// A filter of a segment or a company sees the text as it is spelled, and the key is folded.
	Segment: {column: "cases.segment_fold", keys: func(s *model.Snapshot) []Key { return one(s.Customer.Segment, model.Fold) }},
	Company: {column: "cases.company_fold", keys: func(s *model.Snapshot) []Key { return one(s.Customer.Company, model.Fold) }, erased: true},
	Score: {
		column: "cases.score::text", keys: func(s *model.Snapshot) []Key {
			if s.Response == nil {
				return []Key{{None: true}}
			}
			return []Key{{Text: strconv.Itoa(s.Response.Score)}}
		},
		fields: []string{"response", "response.score", "response.category"},
		subject: func(k Key) (s *filter.Subject, err error) {
			s = plain()
			if !k.None {
				s.Response = new(model.Response)
				s.Response.Score, err = strconv.Atoi(k.Text)
			}
			return s, err
		},
	},
	Rule: {
		column: "of.rule_id::text", join: "LEFT JOIN case_rules of ON of.case_id = cases.id",
		keys: func(s *model.Snapshot) []Key {
			if len(s.RuleIDs) == 0 {
				return []Key{{None: true}}
			}
			keys := make([]Key, len(s.RuleIDs))
			for i, id := range s.RuleIDs {
				keys[i].Text = id.UUID.String()
			}
			return keys
		},
	},
}

func plain() *filter.Subject {
	return &filter.Subject{Case: new(model.Case), Customer: new(model.Customer)}
}

func same(text string) string { return text }

func one[T any](value *T, text func(T) string) []Key {
	if value == nil {
		return []Key{{None: true}}
	}
	return []Key{{Text: text(*value)}}
}

// Deciding returns the property by whose key, with the status, the filter is decided; false if there is none. Every property
// decides a filter that reads nothing but the status: it is Nothing then.
func Deciding(f *filter.Case) (Property, bool) {
	for _, by := range []Property{Nothing, Assignee, Country, Score} {
		if properties[by].decides(f) {
			return by, true
		}
	}
	return Nothing, false
}

func (p *property) decides(f *filter.Case) bool {
	return !slices.ContainsFunc(f.Fields(), func(field string) bool { return field != "status" && !slices.Contains(p.fields, field) })
}
