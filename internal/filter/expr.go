package filter

import (
	"strings"
	"time"

	"github.com/closeloop/closeloop/model"
)

// expr is a node of the tree. The logic has two values: a leaf on a missing value is false, never unknown.
type expr interface {
	sql(*sqlBuilder)
	match(*Subject, model.UserID) bool
}

type (
	allOf []expr // empty: true
	anyOf []expr // empty: false
	notOf struct{ of expr }
	// withResponse is false for a case without a response, whatever the inner expression says.
	withResponse struct{ of expr }
)

func (x allOf) sql(b *sqlBuilder) { b.join(x, " AND ", "true") }
func (x anyOf) sql(b *sqlBuilder) { b.join(x, " OR ", "false") }

// A leaf on a missing value is NULL in SQL, which differs from false only under a negation. Positive leaves stay bare:
// PostgreSQL would not use an index for a leaf inside IS TRUE.
func (x notOf) sql(b *sqlBuilder) {
	b.text.WriteString("((")
	x.of.sql(b)
	b.text.WriteString(") IS NOT TRUE)")
}

func (x withResponse) sql(b *sqlBuilder) {
	b.text.WriteString("(cases.response_id IS NOT NULL AND ")
	x.of.sql(b)
	b.text.WriteString(")")
}

func (x allOf) match(s *Subject, viewer model.UserID) bool {
	for _, e := range x {
		if !e.match(s, viewer) {
			return false
		}
	}
	return true
}

func (x anyOf) match(s *Subject, viewer model.UserID) bool {
	for _, e := range x {
		if e.match(s, viewer) {
			return true
		}
	}
	return false
}

func (x notOf) match(s *Subject, viewer model.UserID) bool { return !x.of.match(s, viewer) }

func (x withResponse) match(s *Subject, viewer model.UserID) bool {
	return s.Response != nil && x.of.match(s, viewer)
}

// sqlBuilder writes a condition with a parameter for every value.
type sqlBuilder struct {
	table    string // whose rows the condition is on: the same field has another column in each table
	viewer   model.UserID
	now      time.Time
	received bool // whether responses are evaluated as at their receipt
	text     strings.Builder
	vars     []any
}

func (b *sqlBuilder) join(list []expr, word, empty string) {
	if len(list) == 0 {
		b.text.WriteString(empty)
		return
	}
	b.text.WriteString("(")
	for i, e := range list {
		if i > 0 {
			b.text.WriteString(word)
		}
		e.sql(b)
	}
	b.text.WriteString(")")
}

// put writes SQL, never a caller's text, with a ? for each value.
func (b *sqlBuilder) put(sql string, vars ...any) {
	b.text.WriteString(sql)
	b.vars = append(b.vars, vars...)
}
