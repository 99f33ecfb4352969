package read

import (
	"maps"
	"strings"
	"sync"

	"gorm.io/gorm"
	"gorm.io/gorm/schema"

	"github.com/closeloop/closeloop/model"
)

// Selection is the fields that a document selects of an object, by their names in the schema, each with the fields that it
// selects below. Lists and single objects read the columns that these fields need, and join the to-one relations among
// them. A nil Selection selects a whole object without its relations.
type Selection map[string]Selection

// object is a type of the schema whose fields are read from the columns of one table.
type object struct {
	table     string
	columns   []string            // in the table's order, so that equal selections make equal statements
	reads     map[string][]string // the columns that each field is read from; a field that is not here needs all columns
	relations []relation          // those that a statement can join
}

type relation struct {
	field string // in the schema
	name  string // in the Go type
	of    *object
}

// The fields that are not read from the one column of their own name. Each object has its id besides.
var (
	userObject = newObject[model.User](map[string][]string{
		"personalData": {"personal_data_hidden"}, "scope": {"scope_customer", "scope_response", "own_cases_only"}, "assignedCases": {},
	})
	customerObject = newObject[model.Customer](map[string][]string{
		"displayName": {"first_name", "last_name", "email", "number"}, "responses": {}, "cases": {},
	})
	responseObject = newObject[model.Response](map[string][]string{
		"customer": {"customer_id"}, "case": {}, "nextResponse": {}, "themes": {},
	}, relation{"customer", "Customer", customerObject})
	caseObject = newObject[model.Case](map[string][]string{
		"customer": {"customer_id"}, "response": {"response_id"}, "assignee": {"assignee_id"}, "assignedBy": {"assigned_by_id"},
		"openedBy": {"opened_by_id"}, "rules": {}, "notes": {}, "history": {}, "notifications": {}, "externalRefs": {},
		"timeSinceOpen": {"opened_at", "closed_at"}, "businessTimeSinceOpen": {"calendar_id", "opened_at", "closed_at"},
		"overdue": {"due_at", "first_follow_up_at", "status"},
	}, relation{"customer", "Customer", customerObject}, relation{"response", "Response", responseObject}, relation{"assignee", "Assignee", userObject})
	noteObject = newObject[model.Note](map[string][]string{
		"case": {"case_id"}, "author": {"author_id"},
	}, relation{"author", "Author", userObject})
)

func newObject[T any](reads map[string][]string, relations ...relation) *object {
	parsed, err := schema.Parse(new(T), new(sync.Map), schema.NamingStrategy{})
	if err != nil {
		panic(err) // cannot happen: the types are fixed, and every test would fail
	}
	o := &object{table: parsed.Table, columns: parsed.DBNames, reads: map[string][]string{"__typename": {}}, relations: relations}
	for _, f := range parsed.Fields {
		if f.DBName != "" {
			o.reads[fieldOf(f.Name)] = []string{f.DBName}
		}
	}
	maps.Copy(o.reads, reads)
	return o
}

// fieldOf returns the name in the schema of a field of a Go type.
func fieldOf(name string) string {
	if start, isID := strings.CutSuffix(name, "ID"); isID {
		name = start + "Id"
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// read makes the query of the object's table read what the selection needs, and the columns named besides.
func (o *object) read(query *gorm.DB, s Selection, besides ...string) *gorm.DB {
	if s == nil {
		return query
	}
	if columns := o.needed(s, besides...); columns != nil {
		for i, name := range columns {
			columns[i] = o.table + "." + name
		}
		query = query.Select(columns)
	}
	for _, r := range o.relations {
		below, selected := s[r.field]
		if !selected {
			continue
		}
		if columns := r.of.needed(below); columns != nil {
			query = query.Joins(r.name, query.Session(&gorm.Session{NewDB: true}).Select(columns))
		} else {
			query = query.Joins(r.name)
		}
	}
	return query
}

// needed returns the columns that the selection needs; nil for all.
func (o *object) needed(s Selection, besides ...string) []string {
	if s == nil {
		return nil
	}
	needed := map[string]bool{"id": true}
	for field := range s {
		columns, known := o.reads[field]
		if !known {
			return nil
		}
		for _, name := range columns {
			needed[name] = true
		}
	}
	for _, name := range besides {
		needed[name] = true
	}
	columns := make([]string, 0, len(needed))
	for _, name := range o.columns {
		if needed[name] {
			columns = append(columns, name)
		}
	}
	return columns
}
