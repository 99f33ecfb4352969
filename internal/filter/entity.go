package filter

import "strings"

// entity is a customer, a response or a case: the name of its filter, its table and its fields.
type entity struct {
	name   string
	table  string
	fields map[string]field
}

// field is a line of a field table.
type field struct {
	fieldType
	personal bool
}

// A field is personal if it reads a name, an address, a phone number or a comment, or a value that may contain one. A
// user from whom these are hidden must not filter by it either. See Case.Personal.
const (
	personal = true
	open     = false
)

// fieldType parses the value that the caller wrote for a field of this type into a condition, and weighs it.
type fieldType interface {
	parse(p *parser, v any) (expr, error)
	weigh(w weigher, v any) Weight
}

// column says in which column a value is, depending on the table whose rows are filtered. A table without a copy
// reaches the value over the response's or the customer's id.
type column struct {
	name   string            // in the table that it belongs to
	own    string            // that table
	copied map[string]string // table → its column with a copy of the value
	fixed  string            // the SQL of the column, for a filter that belongs to no entity
	words  string            // the column of that table that has the words of this one, and an index of their parts
}

// key joins the rows of a table to the rows of others.
type key struct {
	name string            // the column in the table
	from map[string]string // other table → its column with the same value
}

var keys = map[string]key{
	"customers":      {"id", map[string]string{"cases": "customer_id", "responses": "customer_id"}},
	"responses":      {"id", map[string]string{"cases": "response_id"}},
	"response_texts": {"response_id", map[string]string{"cases": "response_id", "responses": "id"}},
}

// writeCondition writes a condition on the column; condition is given the reference to it, and returns SQL with a ?
// for each value. Where the table has no copy, the condition is an EXISTS: PostgreSQL turns it into a join where it
// can, and elsewhere looks up the one row or hashes all of them, whichever is cheaper. A list of ids (IN) would leave
// PostgreSQL no choice.
func (c column) writeCondition(b *sqlBuilder, condition func(ref string) string, vars ...any) {
	switch copied, ok := c.copied[b.table]; {
	case c.fixed != "":
		b.put(condition(c.fixed), vars...)
	case b.table == c.own:
		b.put(condition(c.own+"."+c.name), vars...)
	case ok:
		b.put(condition(b.table+"."+copied), vars...)
	default:
		k := keys[c.own]
		b.put("EXISTS (SELECT 1 FROM "+c.own+" x WHERE x."+k.name+" = "+b.table+"."+k.from[b.table]+" AND "+condition("x."+c.name)+")", vars...)
	}
}

// hasWords reports whether the rows of the table are compared in the table that has the column's words.
func (c column) hasWords(table string) bool {
	_, copied := c.copied[table]
	return c.words != "" && !copied
}

// wordsOf turns the reference to the column into the reference to the column that has its words.
func (c column) wordsOf(ref string) string { return strings.TrimSuffix(ref, c.name) + c.words }

func onCustomer(name string) column { return column{name: name, own: "customers"} }

// searched is a column of customers whose words the search box finds.
func searched(name string) column {
	return column{name: name, own: "customers", words: "search_fold"}
}
func onResponse(name string) column { return column{name: name, own: "responses"} }
func onCase(name string) column     { return column{name: name, own: "cases"} }

// onTexts is a column of response_texts, the longer texts. Not every response has a row there.
func onTexts(name string) column { return column{name: name, own: "response_texts"} }

// copiedTo names the tables that have a copy in a column of the same name.
func (c column) copiedTo(tables ...string) column { return c.copiedAs(c.name, tables...) }

func (c column) copiedAs(name string, tables ...string) column {
	c.copied = map[string]string{}
	for _, t := range tables {
		c.copied[t] = name
	}
	return c
}

// notEmpty follows from having an item or an attribute. The indexes of these leave out the rows that have none, and
// PostgreSQL uses them only if it sees that the condition leaves these rows out too.
const notEmpty = " <> '{}'"
