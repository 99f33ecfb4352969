package read

import (
	"fmt"
	"slices"
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
	columns   []string             // in the table's order, so that equal selections make equal statements
	selects   []string             // the SQL that reads each of them
	reads     map[string]columnSet // the columns that each field is read from; a field that is not here needs all columns
	relations []relation           // those that a statement can join
}

// relation is a related row that a statement can join to an object's.
type relation struct {
	field   string // in the schema
	name    string // in the Go type, and in statements
	of      *object
	join    string   // SQL
	selects []string // the SQL that reads each of its columns, with the names that pg.Find expects
}

// columnSet has bit i for the column i of an object.
type columnSet uint64

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
	}, relation{field: "customer", name: "Customer", of: customerObject})
	caseObject = newObject[model.Case](map[string][]string{
		"customer": {"customer_id"}, "response": {"response_id"}, "assignee": {"assignee_id"}, "assignedBy": {"assigned_by_id"},
		"openedBy": {"opened_by_id"}, "rules": {}, "notes": {}, "history": {}, "notifications": {}, "externalRefs": {},
		"timeSinceOpen": {"opened_at", "closed_at"}, "businessTimeSinceOpen": {"calendar_id", "opened_at", "closed_at"},
		"overdue": {"due_at", "first_follow_up_at", "status"},
	}, relation{field: "customer", name: "Customer", of: customerObject}, relation{field: "response", name: "Response", of: responseObject}, relation{field: "assignee", name: "Assignee", of: userObject})
	noteObject = newObject[model.Note](map[string][]string{
		"case": {"case_id"}, "author": {"author_id"},
	}, relation{field: "author", name: "Author", of: userObject})
)

func newObject[T any](reads map[string][]string, relations ...relation) *object {
	parsed, err := schema.Parse(new(T), new(sync.Map), schema.NamingStrategy{})
	if err == nil && len(parsed.DBNames) > 64 {
		err = fmt.Errorf("%s has more columns than a columnSet holds", parsed.Table)
	}
	if err != nil {
		panic(err) // cannot happen: the types are fixed, and every test would fail
	}
	o := &object{table: parsed.Table, columns: parsed.DBNames, reads: map[string]columnSet{"__typename": 0}, relations: relations}
	for _, name := range o.columns {
		o.selects = append(o.selects, o.table+"."+name)
	}
	for _, f := range parsed.Fields {
		if f.DBName != "" {
			o.reads[fieldOf(f.Name)] = o.set(f.DBName)
		}
	}
	for field, columns := range reads {
		o.reads[field] = o.set(columns...)
	}
	for i, r := range relations {
		key := parsed.Relationships.Relations[r.name].References[0].ForeignKey.DBName
		relations[i].join = fmt.Sprintf(` LEFT JOIN %s "%s" ON %s.%s = "%s".id`, r.of.table, r.name, o.table, key, r.name)
		for _, name := range r.of.columns {
			relations[i].selects = append(relations[i].selects, fmt.Sprintf(`"%s".%s AS "%s__%s"`, r.name, name, r.name, name))
		}
	}
	return o
}

// set returns the set of the named columns.
func (o *object) set(columns ...string) (s columnSet) {
	for _, name := range columns {
		s |= 1 << slices.Index(o.columns, name)
	}
	return s
}

// fieldOf returns the name in the schema of a field of a Go type.
func fieldOf(name string) string {
	if start, isID := strings.CutSuffix(name, "ID"); isID {
		name = start + "Id"
	}
	return strings.ToLower(name[:1]) + name[1:]
}

// read makes the query of the object's table read what the selection needs, and the columns named besides. GORM gets it as two
// texts, because it takes long to put a statement together from many columns.
func (o *object) read(query *gorm.DB, s Selection, besides ...string) *gorm.DB {
	if s == nil {
		return query
	}
	columns, joins := o.texts(s, besides)
	if query = query.Select([]string{columns}); joins != "" {
		query = query.Joins(joins)
	}
	return query
}

// sql is the start of a statement that reads the same, up to its conditions.
func (o *object) sql(s Selection, besides ...string) string {
	columns, joins := o.texts(s, besides)
	return "SELECT " + columns + " FROM " + o.table + joins
}

func (o *object) texts(s Selection, besides []string) (columns, joins string) {
	selects := (o.needed(s) | o.set(besides...)).texts(nil, o.selects)
	for _, r := range o.relations {
		if below, selected := s[r.field]; selected {
			selects = r.of.needed(below).texts(selects, r.selects)
			joins += r.join
		}
	}
	return strings.Join(selects, ", "), joins
}

// needed returns the columns that the selection needs.
func (o *object) needed(s Selection) columnSet {
	if s == nil {
		return 1<<len(o.columns) - 1
	}
	needed := o.reads["id"]
	for field := range s {
		columns, known := o.reads[field]
		if !known {
			return 1<<len(o.columns) - 1
		}
		needed |= columns
	}
	return needed
}

// texts appends the texts that are in the set.
func (s columnSet) texts(to, all []string) []string {
	for i, text := range all {
		if s&(1<<i) != 0 {
			to = append(to, text)
		}
	}
	return to
}
