// Package querytest makes random operations that are valid for a GraphQL schema, for tests and measurements that need
// many of them: every field, argument and input field is reached, in all combinations.
//
// It knows of closeloop the directive @requires and plausible values of scalars. It sends nothing.
package querytest

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// Load reads a schema from the files *.graphqls of a folder.
func Load(folder string) (*ast.Schema, error) {
	names, err := filepath.Glob(filepath.Join(folder, "*.graphqls"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("no schema in %s: %w", folder, err)
	}
	var sources []*ast.Source
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("read the schema: %w", err)
		}
		sources = append(sources, &ast.Source{Name: name, Input: string(text)})
	}
	return gqlparser.LoadSchema(sources...)
}

// Pool holds plausible values of scalars. A key is the place of an argument or an input field, such as "Query.case.number"
// or "CustomerFilter.company", or the name of a scalar. A place counts before a scalar. The operators of a filter, such as
// StringFilter.contains, take the values of the field that has the filter, if there are any.
type Pool map[string][]any

// Operation is one operation with its variables, as a request has them.
type Operation struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// Maker makes operations. It is not safe for concurrent use.
type Maker struct {
	Schema *ast.Schema
	Pool   Pool
	Role   string     // fields that this role may not use are left out; ADMIN may use all
	Random *rand.Rand // the same numbers make the same operations
	Depth  int        // of selections; 0: at most 6

	names     int // of variables, aliases and fragments so far
	variables []string
	values    map[string]any
	fragments []string
	left      int // fields that the operation may still get
}

// Source returns numbers that depend on the bytes: one byte decides one choice, so that a fuzzer that changes a byte
// changes one part of an operation. When all bytes are used up, numbers follow that depend on all of them.
func Source(choices []byte) rand.Source {
	h := fnv.New64a()
	_, _ = h.Write(choices)
	return &source{left: choices, then: rand.NewPCG(h.Sum64(), 1)}
}

type source struct {
	left []byte
	then *rand.PCG
}

func (s *source) Uint64() uint64 {
	if len(s.left) == 0 {
		return s.then.Uint64()
	}
	var all [8]byte
	for i := range all {
		all[i] = s.left[0]
	}
	s.left = s.left[1:]
	return binary.LittleEndian.Uint64(all[:])
}

// Make makes an operation of a kind, with one to three fields; a subscription has one.
func (m *Maker) Make(kind ast.Operation) Operation {
	m.names, m.variables, m.values, m.fragments, m.left = 0, nil, map[string]any{}, nil, 60
	root := map[ast.Operation]*ast.Definition{ast.Query: m.Schema.Query, ast.Mutation: m.Schema.Mutation, ast.Subscription: m.Schema.Subscription}[kind]
	fields := m.allowed(root)
	var body strings.Builder
	if len(fields) == 0 { // such as the mutations of a PARTNER
		return Operation{Query: string(kind) + " {__typename}"}
	}
	for n := m.fields(kind); n > 0; n-- {
		m.field(&body, root, pick(m.Random, fields), true, 1)
	}
	text := string(kind)
	if len(m.variables) > 0 {
		text += " (" + strings.Join(m.variables, ", ") + ")"
	}
	text += " {" + body.String() + "}" + strings.Join(m.fragments, "")
	return Operation{Query: text, Variables: m.values}
}

func (m *Maker) fields(kind ast.Operation) int {
	if kind == ast.Subscription || m.Random.IntN(2) == 0 {
		return 1
	}
	return 1 + m.Random.IntN(3)
}

// allowed are the fields of a type that the role may use.
func (m *Maker) allowed(d *ast.Definition) (list []*ast.FieldDefinition) {
	for _, f := range d.Fields {
		if strings.HasPrefix(f.Name, "__") || !m.mayUse(f) {
			continue
		}
		list = append(list, f)
	}
	return list
}

func (m *Maker) mayUse(f *ast.FieldDefinition) bool {
	requires := f.Directives.ForName("requires")
	if requires == nil || m.Role == "ADMIN" {
		return true
	}
	for _, role := range requires.Arguments.ForName("role").Value.Children {
		if role.Value.Raw == m.Role {
			return true
		}
	}
	return false
}

func (m *Maker) name(prefix string) string {
	m.names++
	return fmt.Sprintf("%s%d", prefix, m.names)
}

func (m *Maker) chance(percent int) bool { return m.Random.IntN(100) < percent }

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
