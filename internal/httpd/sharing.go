package httpd

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"io"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/closeloop/closeloop/internal/answer"
	"github.com/closeloop/closeloop/internal/auth"
)

// sharing lets equal queries share an answer. What an answer depends on besides rows is in its key: the document, the
// operation's name, the variables as they were sent, and what the viewer may see; where the document or the variables have
// something that the schema marks @own, who asks, too. An answer that depends on something marked @timed is not kept for
// later, and one that depends on both is not shared.
//
// It must come after the extension that finds the document, and before the one that coerces the variables.
type sharing struct {
	answers *answer.Answers // nil: nothing is shared
	marks   marks
}

var (
	_ graphql.HandlerExtension          = sharing{}
	_ graphql.OperationParameterMutator = sharing{}
)

const sharingName = "Sharing"

// ExtensionName implements graphql.HandlerExtension.
func (sharing) ExtensionName() string { return sharingName }

// Validate implements graphql.HandlerExtension.
func (sharing) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (s sharing) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if s.answers == nil {
		return nil
	}
	v, err := auth.From(ctx)
	if err != nil {
		return gqlerror.Wrap(err)
	}
	asked := asked{keyOf(v, params.Query, params), params.Variables}
	graphql.GetOperationContext(ctx).Stats.SetExtension(sharingName, asked)
	return nil
}

// asked is a question as it was sent.
type asked struct {
	key       answer.Key
	variables map[string]any
}

// keyOf is the key of a question whose answer does not depend on who asks.
func keyOf(v auth.Viewer, document string, params *graphql.RawParams) answer.Key {
	variables, err := json.Marshal(params.Variables)
	if err != nil {
		panic(err) // the variables were read from JSON
	}
	return hashOf(v.View(), document, params.OperationName, string(variables))
}

// ownKey is the key of the same question where the answer depends on who asks.
func ownKey(of answer.Key, v auth.Viewer) answer.Key {
	return hashOf(string(of[:]), v.User.ID.String(), v.TokenID.String())
}

func hashOf(parts ...string) (key answer.Key) {
	h := sha256.New()
	for _, part := range parts {
		_ = binary.Write(h, binary.LittleEndian, int64(len(part))) // a hash takes all
		_, _ = io.WriteString(h, part)
	}
	h.Sum(key[:0])
	return key
}

// execute answers an operation: with an answer that others have too if there may be one, or by run.
func (s sharing) execute(ctx context.Context, points int, run func() *graphql.Response) *graphql.Response {
	oc := graphql.GetOperationContext(ctx)
	asked, ok := oc.Stats.GetExtension(sharingName).(asked)
	v, err := auth.From(ctx)
	if !ok || err != nil || oc.Operation.Operation != ast.Query || !readsRows(oc.Operation) {
		return run()
	}
	timed, own := s.marks.in(oc.Operation, asked.variables, v)
	if timed && own {
		return run()
	}
	key := asked.key
	if own {
		key = ownKey(key, v)
	}
	var response *graphql.Response
	ran := false
	found := s.answers.Ask(ctx, key, !timed, func() *answer.Answer {
		response, ran = run(), true
		if response == nil || len(response.Errors) > 0 || len(response.Extensions) > 0 || len(response.Data) == 0 || ctx.Err() != nil {
			return nil
		}
		return &answer.Answer{Data: bytes.Clone(response.Data), Points: points}
	})
	switch {
	case ran:
		return response
	case found == nil:
		return run()
	}
	return &graphql.Response{Data: found.Data}
}

// readsRows reports whether an operation selects more than introspection.
func readsRows(op *ast.OperationDefinition) bool {
	return slices.ContainsFunc(op.SelectionSet, func(s ast.Selection) bool {
		f, ok := s.(*ast.Field)
		return !ok || !strings.HasPrefix(f.Name, "__")
	})
}

// marks are the names of the input fields and enum values that the schema marks @timed or @own.
type marks struct{ timed, own map[string]bool }

func marksOf(schema *ast.Schema) marks {
	m := marks{timed: map[string]bool{}, own: map[string]bool{}}
	mark := func(name string, directives ast.DirectiveList) {
		if directives.ForName("timed") != nil {
			m.timed[name] = true
		}
		if directives.ForName("own") != nil {
			m.own[name] = true
		}
	}
	for _, d := range schema.Types {
		for _, f := range d.Fields {
			if d.Kind == ast.InputObject {
				mark(f.Name, f.Directives)
			}
		}
		for _, value := range d.EnumValues {
			mark(value.Name, value.Directives)
		}
	}
	return m
}

// in reports whether the answer to an operation may depend on something marked @timed, and on something marked @own. Names
// that occur in values count whatever type they are of, and so do fields that @skip and @include leave out: the answer is
// then shared by fewer than it could be.
func (m marks) in(op *ast.OperationDefinition, variables map[string]any, v auth.Viewer) (timed, own bool) {
	w := marked{marks: m, fragments: map[string]bool{}}
	w.selections(op.SelectionSet)
	w.value(variables)
	for _, d := range op.VariableDefinitions {
		w.literal(d.DefaultValue)
	}
	view := v.View() // it has the scope's filters
	for name := range m.timed {
		w.timed = w.timed || strings.Contains(view, name)
	}
	return w.timed, w.own
}

// marked finds what is marked in one operation.
type marked struct {
	marks
	fragments  map[string]bool // that were looked at
	timed, own bool
}

func (w *marked) selections(set ast.SelectionSet) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if s.Definition != nil {
				w.timed = w.timed || s.Definition.Directives.ForName("timed") != nil
				w.own = w.own || s.Definition.Directives.ForName("own") != nil
			}
			for _, a := range s.Arguments {
				w.literal(a.Value)
			}
			w.selections(s.SelectionSet)
		case *ast.InlineFragment:
			w.selections(s.SelectionSet)
		case *ast.FragmentSpread:
			if s.Definition != nil && !w.fragments[s.Name] {
				w.fragments[s.Name] = true
				w.selections(s.Definition.SelectionSet)
			}
		}
	}
}

func (w *marked) name(name string) {
	w.timed = w.timed || w.marks.timed[name]
	w.own = w.own || w.marks.own[name]
}

func (w *marked) literal(v *ast.Value) {
	if v == nil {
		return
	}
	if v.Kind == ast.EnumValue {
		w.name(v.Raw)
	}
	for _, child := range v.Children {
		w.name(child.Name)
		w.literal(child.Value)
	}
}

func (w *marked) value(v any) {
	switch v := v.(type) {
	case string:
		w.name(v)
	case []any:
		for _, item := range v {
			w.value(item)
		}
	case map[string]any:
		for name, value := range v {
			w.name(name)
			w.value(value)
		}
	}
}
