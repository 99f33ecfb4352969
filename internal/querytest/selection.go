package querytest

import (
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// field writes a field with its arguments and its selection. Where two fields could get the same name in the answer, the
// field gets an alias.
func (m *Maker) field(b *strings.Builder, of *ast.Definition, f *ast.FieldDefinition, alias bool, depth int) {
	m.left--
	b.WriteByte(' ')
	if alias || len(f.Arguments) > 0 {
		b.WriteString(m.name("f") + ": ")
	}
	b.WriteString(f.Name)
	m.arguments(b, of, f, depth)
	if m.chance(2) {
		b.WriteString(pick(m.Random, []string{" @include", " @skip"}) + "(if: ")
		m.write(b, ast.NonNullNamedType("Boolean", nil), m.Random.IntN(2) == 0)
		b.WriteByte(')')
	}
	if d := m.Schema.Types[f.Type.Name()]; d.IsCompositeType() {
		m.selection(b, d, depth)
	}
}

// selection writes the selection of an object or an interface, which has at least one field.
func (m *Maker) selection(b *strings.Builder, d *ast.Definition, depth int) {
	b.WriteString(" {")
	if m.chance(3) {
		b.WriteString(" ..." + m.fragment(d, depth))
	} else {
		m.inside(b, d, depth)
	}
	b.WriteByte('}')
}

// inside writes the fields of a selection. Leaves are chosen first; the deeper the selection, the fewer objects it has.
func (m *Maker) inside(b *strings.Builder, d *ast.Definition, depth int) {
	var leaves, objects []*ast.FieldDefinition
	for _, f := range m.allowed(d) {
		if m.Schema.Types[f.Type.Name()].IsCompositeType() {
			objects = append(objects, f)
		} else {
			leaves = append(leaves, f)
		}
	}
	written := map[string]bool{}
	write := func(f *ast.FieldDefinition, alias bool) {
		if !written[f.Name] || len(f.Arguments) > 0 {
			written[f.Name] = true
			m.field(b, d, f, alias, depth+1)
		}
	}
	for range min(len(leaves), 1+m.Random.IntN(4)) {
		write(pick(m.Random, leaves), false)
	}
	most := m.Depth
	if most == 0 {
		most = 6
	}
	if depth < most && m.left > 0 && len(objects) > 0 {
		wanted := 1 + m.Random.IntN(2)
		if isPage(d) { // a page without rows is dull
			write(m.rows(d), false)
			wanted--
		}
		for range wanted {
			if m.Random.IntN(most) >= depth-1 {
				write(pick(m.Random, objects), false)
			}
		}
	}
	if d.IsAbstractType() && depth < most && m.left > 0 {
		for range 1 + m.Random.IntN(2) {
			one := pick(m.Random, m.Schema.GetPossibleTypes(d))
			b.WriteString(" ... on " + one.Name + " {")
			for _, f := range m.some(m.allowed(one), 3) {
				m.field(b, one, f, true, depth+1) // other types may have a field of this name and another type
			}
			b.WriteByte('}')
		}
	}
	if len(written) == 0 || m.chance(3) {
		b.WriteString(" __typename")
	}
}

// fragment makes a fragment on the type and returns its name.
func (m *Maker) fragment(d *ast.Definition, depth int) string {
	name := m.name("F")
	var b strings.Builder
	m.inside(&b, d, depth)
	m.fragments = append(m.fragments, " fragment "+name+" on "+d.Name+" {"+b.String()+"}")
	return name
}

func isPage(d *ast.Definition) bool { return strings.HasSuffix(d.Name, "Connection") }

func (m *Maker) rows(page *ast.Definition) *ast.FieldDefinition {
	if nodes := page.Fields.ForName("nodes"); nodes != nil && m.Random.IntN(3) > 0 {
		return nodes
	}
	return page.Fields.ForName("edges")
}

func (m *Maker) some(all []*ast.FieldDefinition, most int) (list []*ast.FieldDefinition) {
	for _, i := range m.Random.Perm(len(all))[:min(len(all), 1+m.Random.IntN(most))] {
		list = append(list, all[i])
	}
	return list
}

// arguments writes the arguments of a field: those that are required and some of the others. A page is asked for from
// one end.
func (m *Maker) arguments(b *strings.Builder, of *ast.Definition, f *ast.FieldDefinition, depth int) {
	var written []string
	backwards := m.chance(15)
	for _, a := range f.Arguments {
		var part strings.Builder
		place := of.Name + "." + f.Name + "." + a.Name
		wanted := m.chance(50)
		switch a.Name {
		case "first":
			wanted = m.chance(70) && (!backwards || f.Arguments.ForName("last") == nil)
		case "last":
			wanted = backwards
		case "after", "before":
			wanted = backwards == (a.Name == "before") && len(m.Pool[place]) > 0 && m.chance(30)
		}
		if !a.Type.NonNull && !wanted {
			continue
		}
		part.WriteString(a.Name + ": ")
		if a.Name == "first" || a.Name == "last" {
			m.write(&part, a.Type, m.pageSize(depth))
		} else {
			m.write(&part, a.Type, m.value(place, a.Type, 0))
		}
		written = append(written, part.String())
	}
	if len(written) > 0 {
		b.WriteString("(" + strings.Join(written, ", ") + ")")
	}
}

// pageSize is smaller for lists in lists.
func (m *Maker) pageSize(depth int) int {
	sizes := []int{1, 2, 5, 10, 20, 50, 100}
	if depth > 1 {
		sizes = sizes[:5]
	}
	return pick(m.Random, sizes)
}

// write writes a value, or a variable that has the value.
func (m *Maker) write(b *strings.Builder, t *ast.Type, v any) {
	if m.chance(40) {
		name := m.name("v")
		m.variables = append(m.variables, "$"+name+": "+t.String())
		m.values[name] = v
		b.WriteString("$" + name)
		return
	}
	literal(b, v)
}
