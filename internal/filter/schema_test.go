package filter

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

func schema(t *testing.T) *ast.Schema {
	t.Helper()
	paths, err := filepath.Glob("../../graph/*.graphqls")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no schema in ../../graph: %v", err)
	}
	var sources []*ast.Source
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: path, Input: string(text)})
	}
	s, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func fieldNames(d *ast.Definition) (names []string) {
	for _, f := range d.Fields {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// The schema, the field tables and the generator of random filters have the same fields and operators: a field or an
// operator that is added to one of them fails here until it is in all.
func TestSchemaNamesTheFieldsOfTheTables(t *testing.T) {
	t.Parallel()
	s := schema(t)
	m := &generator{Rand: rand.New(rand.NewPCG(1, 2)), t: t}
	for _, n := range []*entity{customerEntity, responseEntity, caseEntity} {
		d := s.Types[n.name]
		want := append(sorted(n.fields), "and", "or", "not")
		slices.Sort(want)
		if have := fieldNames(d); !slices.Equal(have, want) {
			t.Errorf("%s of the schema has %v; the table has %v", n.name, have, want)
		}
		made := comparableFields(n)
		for _, f := range d.Fields {
			of, known := n.fields[f.Name]
			if !known {
				continue
			}
			if !slices.Contains(made, f.Name) {
				if f.Name != "search" {
					t.Errorf("%s.%s is never generated", n.name, f.Name)
				}
				continue
			}
			asked := s.Types[f.Type.Name()]
			switch field := of.fieldType.(type) {
			case nested:
				if f.Type.Name() != field.of.name {
					t.Errorf("%s.%s is a %s in the schema and a %s in the table", n.name, f.Name, f.Type.Name(), field.of.name)
				}
			case attributeField:
				if !slices.Equal(fieldNames(asked), []string{"key", "value"}) {
					t.Errorf("%s has %v", asked.Name, fieldNames(asked))
				}
				m.same(n.name+"."+f.Name, s.Types["StringFilter"], of.fieldType)
			case countryField:
				have, _ := m.operators(of.fieldType) // a part of a code means nothing
				have = slices.Sorted(slices.Values(append(have, "contains", "startsWith")))
				if !slices.Equal(have, fieldNames(asked)) {
					t.Errorf("a country has the operators %v; its type has %v", have, fieldNames(asked))
				}
			case refField, outreachField:
				all := map[string]bool{}
				for range 200 {
					for name := range m.value(field, "").(map[string]any) {
						all[name] = true
					}
				}
				if !slices.Equal(sorted(all), fieldNames(asked)) {
					t.Errorf("%s has %v; the generator makes %v", asked.Name, fieldNames(asked), sorted(all))
				}
			case enumField:
				m.sameValues(asked, field.values)
			case categoryField:
				m.sameValues(asked, categories)
			case effortField:
				m.sameValues(asked, efforts)
			case contactField:
				m.sameValues(asked, contactStatuses)
			default:
				if asked.Kind == ast.InputObject {
					m.same(n.name+"."+f.Name, asked, of.fieldType)
				} else if _, operators := m.operators(of.fieldType); operators {
					t.Errorf("%s.%s is a %s in the schema, but the table reads operators", n.name, f.Name, asked.Name)
				}
			}
		}
	}
	for name, values := range map[string][]string{"OutreachChannel": channels, "OutreachOffer": offers, "OutreachOutcome": outcomes} {
		m.sameValues(s.Types[name], values)
	}
}

func (m *generator) same(path string, asked *ast.Definition, f fieldType) {
	m.t.Helper()
	if have, _ := m.operators(f); !slices.Equal(have, fieldNames(asked)) {
		m.t.Errorf("%s has the operators %v; %s has %v", path, have, asked.Name, fieldNames(asked))
	}
}

// sameValues checks that the filter knows every value of the schema; it may know more.
func (m *generator) sameValues(asked *ast.Definition, values []string) {
	m.t.Helper()
	for _, v := range asked.EnumValues {
		if !slices.Contains(values, v.Name) {
			m.t.Errorf("%s has %s; the filter knows %v", asked.Name, v.Name, values)
		}
	}
}
