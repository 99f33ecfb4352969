package filter

// noun is a kind of thing that can be filtered: its table and its fields.
type noun struct {
	name   string
	table  string
	fields map[string]entry
}

// entry is a line of a field table.
type entry struct {
	field
	personal bool
}

// A field is personal that looks at a name, an address, a phone number or a comment, or at what may hold one: whoever
// may not see these may not filter by it either. See tree.Personal.
const (
	personal = true
	open     = false
)

// field reads what the caller wrote for one field and answers with the condition it stands for.
type field interface {
	parse(p *parser, v any) (expr, error)
}

// column tells where a value stands in SQL, by the table whose rows are asked for. A place that is not named is
// reached over the response's or the customer's id.
type column struct {
	name   string            // in the table that it belongs to
	own    string            // that table
	copied map[string]string // table → column that copies it there
	fixed  string            // the whole place, where the field belongs to no noun
}

// key is how the rows of a table are found from those of another.
type key struct {
	name string            // in the table
	from map[string]string // other table → column that holds it there
}

var keys = map[string]key{
	"customers":      {"id", map[string]string{"cases": "customer_id", "responses": "customer_id"}},
	"responses":      {"id", map[string]string{"cases": "response_id"}},
	"response_texts": {"response_id", map[string]string{"cases": "response_id", "responses": "id"}},
}

// holds writes a condition on the column, of SQL that is ours with a ? for each value. Where the table has no copy, it
// is an EXISTS: PostgreSQL makes a join of it where it can, and elsewhere looks the one row up or hashes all of them,
// whichever is cheaper. A list of ids (IN) would leave it no choice.
func (c column) holds(b *sqlBuilder, condition func(place string) string, vars ...any) {
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

func onCustomer(name string) column { return column{name: name, own: "customers"} }
func onResponse(name string) column { return column{name: name, own: "responses"} }
func onCase(name string) column     { return column{name: name, own: "cases"} }

// onTexts is a column of a response's longer texts. Not every response has a row there.
func onTexts(name string) column { return column{name: name, own: "response_texts"} }

// copiedTo names the tables that hold the same column.
func (c column) copiedTo(tables ...string) column { return c.copiedAs(c.name, tables...) }

func (c column) copiedAs(name string, tables ...string) column {
	c.copied = map[string]string{}
	for _, t := range tables {
		c.copied[t] = name
	}
	return c
}
