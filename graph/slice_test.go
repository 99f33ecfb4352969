package graph

import (
	"context"
	"errors"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/page"
	"github.com/closeloop/closeloop/model"
)

// rows returns the selection of the nodes of a list of cases.
func rows(t *testing.T, selection string) ast.SelectionSet {
	t.Helper()
	doc, errs := gqlparser.LoadQueryWithRules(Schema(), `{cases {nodes {`+selection+`}}}`, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return doc.Operations[0].SelectionSet[0].(*ast.Field).SelectionSet[0].(*ast.Field).SelectionSet
}

func TestWaitsFor(t *testing.T) {
	t.Parallel()
	alone := []*model.Case{{}, {}}
	joined := []*model.Case{{Customer: &model.Customer{}}, {Customer: &model.Customer{}}}
	for _, test := range []struct {
		selection string
		of        []*model.Case
		want      bool
	}{
		{`number status dueAt overdue timeSinceOpen rootCause`, alone, false},
		{`number customer {company}`, alone, true},
		{`number customer {company}`, joined, false},
		{`number ... {... on Case {customer {company}}}`, joined, false},
		{`number customer {company cases {nodes {id}}}`, joined, true},
		{`number assignee {name} response {score}`, alone, false}, // they have none
		{`number notes {nodes {body}}`, joined, true},
		{`number customer {company}`, append([]*model.Case{{}}, joined...), true},
	} {
		if got := waitsFor(rows(t, test.selection), test.of); got != test.want {
			t.Errorf("%s of %d cases waits: %t", test.selection, len(test.of), got)
		}
	}
	edges := []*page.Edge[model.Case]{{Node: joined[0]}, {Node: joined[1]}}
	doc, errs := gqlparser.LoadQueryWithRules(Schema(), `{cases {edges {cursor node {number customer {company}}}}}`, nil)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	of := doc.Operations[0].SelectionSet[0].(*ast.Field).SelectionSet[0].(*ast.Field).SelectionSet
	if waitsFor(of, edges) {
		t.Error("edges of cases with their customers wait")
	}
	if edges[1].Node = alone[0]; !waitsFor(of, edges) {
		t.Error("edges of cases without their customers do not wait")
	}
}

func TestMarshalSlice(t *testing.T) {
	t.Parallel()
	ctx := graphql.WithResponseContext(t.Context(), graphql.DefaultErrorPresenter, func(context.Context, any) error { return errors.New("a panic") })
	ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{})
	sel, of := rows(t, `number`), []*model.Case{{Number: 1}, {Number: 2}}
	all := marshalSlice(ctx, sel, of, func(_ context.Context, i int) graphql.Marshaler { return graphql.MarshalInt(of[i].Number) })
	if len(all) != 2 || all[1] == nil {
		t.Errorf("%v", all)
	}
	if all := marshalSlice(ctx, sel, of, func(context.Context, int) graphql.Marshaler { panic("an error of the program") }); all != nil {
		t.Errorf("after a panic: %v", all)
	}
	if errs := graphql.GetErrors(ctx); len(errs) != 1 || errs[0].Path.String() != "[0]" {
		t.Errorf("errors: %v", errs)
	}
}
