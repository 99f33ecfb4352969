package access

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/auth"
	"github.com/closeloop/closeloop/model"
)

// guide writes queries that select everything. It knows the schema, and which fields a role may use.
type guide struct {
	t      testing.TB
	schema *ast.Schema
	role   model.Role
}

// arguments are those of fields, other than root fields, that require arguments. Lists need no entry.
var arguments = map[string]string{"CaseSummary.groups": "(groupBy: COMPANY, first: 50)"}

// pick is one selection of a query: a field, or a fragment on a type.
type pick struct {
	parent, name, alias, args string
	on                        string // type of a fragment; for a field it is empty, and for a fragment the fields above are
	kids                      []*pick
}

func (p *pick) text(b *strings.Builder) {
	if p.on != "" {
		b.WriteString("... on " + p.on)
	} else {
		b.WriteString(p.alias + ": " + p.name + p.args)
	}
	if p.kids != nil {
		b.WriteString(" {__typename ")
		for _, k := range p.kids {
			k.text(b)
			b.WriteString(" ")
		}
		b.WriteString("}")
	}
}

// under copies the pick with another selection below it.
func (p *pick) under(kids []*pick) *pick {
	copied := *p
	copied.kids = kids
	return &copied
}

func (g *guide) fields(d *ast.Definition) (list []*ast.FieldDefinition) {
	for _, f := range setup.FieldsOf(d) {
		if g.role == model.Admin || slices.Contains(auth.Roles(f), g.role) {
			list = append(list, f)
		}
	}
	return list
}

// below selects all leaves of a type, and of the types that it leads to in at most `steps` steps. A connection or an edge is
// not a step.
func (g *guide) below(d *ast.Definition, steps int) (list []*pick) {
	if d.IsAbstractType() {
		for _, p := range g.schema.GetPossibleTypes(d) {
			list = append(list, &pick{on: p.Name, kids: prefixed(p.Name, g.below(p, steps))})
		}
		return list
	}
	for _, f := range g.fields(d) {
		p := g.ask(d, f)
		switch target := g.schema.Types[f.Type.Name()]; {
		case target.IsLeafType():
		case isPage(d):
			p.kids = g.below(target, steps)
		case steps > 0:
			p.kids = g.below(target, steps-1)
		default:
			continue
		}
		list = append(list, p)
	}
	if list == nil {
		list = []*pick{}
	}
	return list
}

// prefixed gives the fields aliases with the type's name, so that fragments on several types can select fields of the same name.
func prefixed(name string, list []*pick) []*pick {
	for _, p := range list {
		p.alias = name + "_" + p.alias
	}
	return list
}

func isPage(d *ast.Definition) bool {
	return strings.HasSuffix(d.Name, "Connection") || strings.HasSuffix(d.Name, "Edge")
}

func (g *guide) ask(d *ast.Definition, f *ast.FieldDefinition) *pick {
	p := &pick{parent: d.Name, name: f.Name, alias: f.Name, args: arguments[d.Name+"."+f.Name]}
	if p.args == "" && f.Arguments.ForName("first") != nil {
		p.args = "(first: 8)"
	}
	for _, a := range f.Arguments {
		if a.Type.NonNull && a.DefaultValue == nil && !strings.Contains(p.args, a.Name+":") {
			g.t.Errorf("%s.%s needs %s: say in `arguments` what to ask it with", d.Name, f.Name, a.Name)
		}
	}
	return p
}

// ways are the shortest ways from the root fields to every type. Each is a chain of picks.
func (g *guide) ways(roots []*pick) map[string][]*pick {
	found := map[string][]*pick{}
	type place struct {
		of  *ast.Definition
		way []*pick
	}
	var queue []place
	reach := func(from *ast.Definition, f *ast.FieldDefinition, p *pick, way []*pick) {
		target := g.schema.Types[f.Type.Name()]
		if target.IsLeafType() {
			return
		}
		way = append(slices.Clone(way), p)
		if !target.IsAbstractType() {
			if found[target.Name] == nil {
				found[target.Name] = way
				queue = append(queue, place{target, way})
			}
			return
		}
		if target.Name == "Node" {
			return // node(id:) leads to every type, and would hide the ways through edges
		}
		for _, t := range g.schema.GetPossibleTypes(target) {
			if found[t.Name] == nil {
				found[t.Name] = append(slices.Clone(way), &pick{on: t.Name})
				queue = append(queue, place{t, found[t.Name]})
			}
		}
	}
	for _, root := range roots {
		reach(g.schema.Query, g.schema.Query.Fields.ForName(root.name), root, nil)
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, f := range g.fields(at.of) {
			reach(at.of, f, g.ask(at.of, f), at.way)
		}
	}
	return found
}

// chain turns a way into one pick with this selection at its end.
func chain(way []*pick, kids []*pick) *pick {
	for _, p := range slices.Backward(way) {
		kids = []*pick{p.under(kids)}
	}
	return kids[0]
}

func query(kind string, p *pick) string {
	var b strings.Builder
	b.WriteString(kind + " {")
	p.text(&b)
	b.WriteString("}")
	return b.String()
}

// look calls see with every value of an answer, its field, and whether the field is a leaf. Lists are shown value by value.
func (p *pick) look(answer any, see func(place string, value any, leaf bool)) {
	object, ok := answer.(map[string]any)
	if !ok {
		return
	}
	if p.on != "" {
		for _, k := range p.kids {
			k.look(object, see)
		}
		return
	}
	value, there := object[p.alias]
	if !there {
		return
	}
	items, isList := value.([]any)
	if !isList {
		items = []any{value}
	}
	for _, item := range items {
		if item == nil {
			continue
		}
		see(p.parent+"."+p.name, item, p.kids == nil)
		for _, k := range p.kids {
			k.look(item, see)
		}
	}
}
