package argument

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/closeloop/closeloop/internal/fault"
)

var schema = gqlparser.MustLoadSchema(&ast.Source{Input: `
	scalar EmailAddress
	scalar Decimal
	type Query {
		list(filter: Filter, first: Int, of: [Color!], limit: Int! = 10): Query
		pick(one: Choice): Int
		send(input: SubmitResponsesInput!): Int
		assign(input: Assign!, caseId: ID): Int
	}
	enum Color { RED GREEN }
	input Filter { and: [Filter!] score: Range color: [Color!] to: EmailAddress amount: Decimal share: Float name: String id: ID yes: Boolean }
	input Range { eq: Int gte: Int }
	input Choice @oneOf { a: Int b: String }
	input SubmitResponsesInput { responses: [SubmitResponseInput!]! }
	input SubmitResponseInput { score: Int! customer: Customer! email: EmailAddress }
	input Customer { name: String }
	input Assign { caseId: ID userIds: [ID!] externalId: ID }
`})

// coerce runs both steps over an operation as the executor does, and returns the variables and the faults.
func coerce(t *testing.T, query, variables string) (map[string]any, Rejected, []*fault.Error) {
	t.Helper()
	c := &Coercion{Documents: graphql.NoCache[*ast.QueryDocument]{}, schema: schema}
	oc := new(graphql.OperationContext)
	ctx := graphql.WithOperationContext(t.Context(), oc)
	params := &graphql.RawParams{Query: query}
	d := json.NewDecoder(strings.NewReader(variables))
	d.UseNumber()
	if err := d.Decode(&params.Variables); err != nil {
		t.Fatal(err)
	}
	if err := c.MutateOperationParameters(ctx, params); err != nil {
		return nil, nil, fault.All(err)
	}
	doc, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		t.Fatal(err)
	}
	if errs := validator.ValidateWithRules(schema, doc, rules.NewDefaultRules()); len(errs) > 0 {
		return nil, nil, nil
	}
	oc.Doc, oc.Operation, oc.Variables = doc, doc.Operations[0], params.Variables
	if err := c.MutateOperationContext(ctx, oc); err != nil {
		return nil, nil, fault.All(err)
	}
	rejected, _ := oc.Stats.GetExtension(rejectedRows).(Rejected)
	return params.Variables, rejected, nil
}

const byFilter = `query ($f: Filter) {list(filter: $f) {limitless: list {pick}}}`

func TestCoercion(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ query, variables, argument, message string }{
		"another kind of ID":         {`query ($a: Assign!) {assign(input: $a)}`, `{"a": {"caseId": "usr_0190163d8694739b9f6b1bdac25e4c4e"}}`, "input.caseId", `is not the ID of a case`},
		"no ID":                      {`query ($c: ID) {assign(input: {caseId: $c})}`, `{"c": "7"}`, "input.caseId", `"7" is not the ID of a case`},
		"another kind in a list":     {`{assign(input: {userIds: ["usr_0190163d8694739b9f6b1bdac25e4c4e", "cas_0190163d8694739b9f6b1bdac25e4c4e"]})}`, `{}`, "input.userIds[1]", `is not the ID of a user`},
		"a text for a number":        {byFilter, `{"f": {"score": {"gte": "5"}}}`, "filter.score.gte", "$f.score.gte: Int expected, which is a whole number, not a string"},
		"a fraction for an Int":      {byFilter, `{"f": {"score": {"gte": 3.5}}}`, "filter.score.gte", "$f.score.gte: Int expected, which is a whole number, not a number with a fraction"},
		"a small exponent":           {byFilter, `{"f": {"score": {"gte": 1e-400}}}`, "filter.score.gte", "not a number with a fraction"},
		"33 bits":                    {byFilter, `{"f": {"score": {"gte": 4294967296}}}`, "filter.score.gte", "32 bits"},
		"a large exponent":           {byFilter, `{"f": {"score": {"gte": 1e400}}}`, "filter.score.gte", "out of its range"},
		"a Float out of range":       {byFilter, `{"f": {"share": 1e400}}`, "filter.share", "$f.share: Float expected: this number is out of its range"},
		"a Decimal out of range":     {byFilter, `{"f": {"amount": 1e400}}`, "filter.amount", "$f.amount: Decimal expected: this number is out of its range"},
		"an exponent for a text":     {byFilter, `{"f": {"name": 3e2}}`, "filter.name", "String expected, which is a string, not a number"},
		"deep in lists":              {byFilter, `{"f": {"and": [{}, {"and": {"score": {"eq": true}}}]}}`, "filter.and[1].and.score.eq", "$f.and[1].and.score.eq: Int expected, which is a whole number, not true or false"},
		"an unknown field":           {byFilter, `{"f": {"scor": 1}}`, "filter.scor", "$f.scor: Filter has no such field"},
		"another case of an enum":    {byFilter, `{"f": {"color": ["red"]}}`, "filter.color[0]", "$f.color[0]: Color expected, which is one of RED, GREEN"},
		"null in a list":             {byFilter, `{"f": {"color": [null]}}`, "filter.color[0]", "Color expected, not null"},
		"a number for a text":        {byFilter, `{"f": {"name": 5}}`, "filter.name", "String expected, which is a string, not a number"},
		"a text for a Boolean":       {byFilter, `{"f": {"yes": "true"}}`, "filter.yes", "Boolean expected, not a string"},
		"a list for an ID":           {byFilter, `{"f": {"id": []}}`, "filter.id", "ID expected, not a list"},
		"an address that is none":    {byFilter, `{"f": {"to": "at home"}}`, "filter.to", "EmailAddress expected: "},
		"an object for a decimal":    {byFilter, `{"f": {"amount": {}}}`, "filter.amount", "Decimal expected, which is a string, not an object"},
		"a list for an object":       {byFilter, `{"f": []}`, "filter", "$f: Filter expected, which is an object, not a list"},
		"a variable of another name": {`query ($n: Int) {a: pick list {pick} b: list(first: $n) {pick}}`, `{"n": "1"}`, "first", "$n: Int expected"},
		"a variable in a fragment":   {`query ($n: Int) {...q} fragment q on Query {list(filter: {score: {eq: $n}}) {pick}}`, `{"n": "1"}`, "filter.score.eq", "$n: Int expected"},
		"a variable that is missing": {`query ($n: Int!) {list(first: $n) {pick}}`, `{}`, "first", "$n: Int! is missing"},
		"null for what may not":      {`query ($n: Int) {list(limit: $n) {pick}}`, `{"n": null}`, "limit", "Int expected, not null"},
		"too many values":            {byFilter, `{"f": {"color": [` + strings.Repeat(`"RED", `, 2000) + `"RED"]}}`, "filter", "$f: the filter has more than 2000 values"},
		"both of one":                {`query ($c: Choice) {pick(one: $c)}`, `{"c": {"a": 1, "b": "x"}}`, "one", "$c: Choice expected, which has exactly one of a, b"},
		"none of one":                {`query ($c: Choice) {pick(one: $c)}`, `{"c": {}}`, "one", "exactly one"},
		"null as one":                {`query ($c: Choice) {pick(one: $c)}`, `{"c": {"a": null}}`, "one", "exactly one"},
		"a literal":                  {`{list {list(filter: {to: "at home"}) {pick}}}`, `{}`, "filter.to", "filter.to: EmailAddress expected: "},
		"a literal in a fragment":    {`{list {...q}} fragment q on Query {list(filter: {and: [{to: "x"}]}) {pick}}`, `{}`, "filter.and[0].to", "EmailAddress"},
		"a literal of 33 bits":       {`{list(first: 4294967296) {pick}}`, `{}`, "first", "32 bits"},
		"a default":                  {`query ($f: Filter = {to: "x"}) {list(filter: $f) {pick}}`, `{}`, "filter.to", "$f.to: EmailAddress"},
		"what @include brings":       {`query ($y: Boolean!) {list(filter: {to: "x"}) @include(if: $y) {pick}}`, `{"y": true}`, "filter.to", "EmailAddress"},
		"a condition":                {`query ($y: Boolean!) {list @include(if: $y) {pick}}`, `{"y": "yes"}`, "y", "$y: Boolean expected, not a string"},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			t.Parallel()
			_, _, faults := coerce(t, c.query, c.variables)
			if len(faults) != 1 || faults[0].Argument != c.argument || !strings.Contains(faults[0].Message, c.message) || faults[0].Code != fault.CodeBadUserInput {
				for _, f := range faults {
					t.Errorf("%s at %s", f.Message, f.Argument)
				}
				t.Errorf("%d faults; want %q at %s", len(faults), c.message, c.argument)
			}
		})
	}
	for name, c := range map[string]struct{ query, variables, want string }{
		"whole numbers in any form": {byFilter, `{"f": {"and": [{"score": {"eq": 3.0}}, {"score": {"eq": 1e3}}, {"score": {"eq": -20.50e1}}, {"score": {"eq": 0e9}}]}}`, `{"f":{"and":[{"score":{"eq":3}},{"score":{"eq":1000}},{"score":{"eq":-205}},{"score":{"eq":0}}]}}`},
		"a single value as a list":  {byFilter, `{"f": {"and": {"color": "RED"}}}`, `{"f":{"and":[{"color":["RED"]}]}}`},
		"numbers as they are":       {byFilter, `{"f": {"amount": 10.50, "share": 3, "id": 7}}`, `{"f":{"amount":10.50,"id":7,"share":3}}`},
		"null where it may be":      {byFilter, `{"f": null}`, `{"f":null}`},
		"what @skip leaves out":     {`query ($y: Boolean!) {pick list(filter: {to: "x"}) @skip(if: $y) {pick} ... @skip(if: $y) {other: list(filter: {to: "x"}) {pick}}}`, `{"y": true}`, `{"y":true}`},
	} {
		t.Run("takes "+name, func(t *testing.T) {
			t.Parallel()
			variables, _, faults := coerce(t, c.query, c.variables)
			text, _ := json.Marshal(variables)
			if len(faults) > 0 || string(text) != c.want {
				t.Errorf("%s, %v; want %s", text, faults, c.want)
			}
		})
	}
	t.Run("names all faults in the order of the input", func(t *testing.T) {
		t.Parallel()
		_, _, faults := coerce(t, `query ($f: Filter, $n: Int!) {list(filter: $f, first: $n) {pick}}`, `{"f": {"to": 1, "score": {"eq": "x", "gte": []}, "other": 1}}`)
		var paths []string
		for _, f := range faults {
			paths = append(paths, f.Argument)
		}
		if want := []string{"filter.other", "filter.score.eq", "filter.score.gte", "filter.to", "first"}; !reflect.DeepEqual(paths, want) {
			t.Errorf("%v, not %v", paths, want)
		}
	})
	t.Run("stops at twenty faults, and repeats no value", func(t *testing.T) {
		t.Parallel()
		_, _, faults := coerce(t, byFilter, `{"f": {"and": [`+strings.Repeat(`{"score": {"eq": "secret"}, "color": "secret", "share": "secret"},`, 50)+`{}]}}`)
		if len(faults) != faultsMax || strings.Contains(fmt.Sprint(fault.List(faults)), "secret") {
			t.Errorf("%d faults: %v", len(faults), faults)
		}
	})
	t.Run("leaves literals that are no input of their type to the validation", func(t *testing.T) {
		t.Parallel()
		for _, query := range []string{`{pick(one: {a: 1, b: "x"})}`, `{pick(one: {})}`, `query ($n: Int) {pick(one: {a: $n})}`, `{list(first: 99999999999999999999) {pick}}`} {
			doc, err := parser.ParseQuery(&ast.Source{Input: query})
			if err != nil {
				t.Fatal(err)
			}
			if len(validator.ValidateWithRules(schema, doc, rules.NewDefaultRules())) == 0 {
				t.Errorf("%s passes", query)
			}
		}
	})
	t.Run("leaves a document that does not fit the schema to the validation", func(t *testing.T) {
		t.Parallel()
		if _, _, faults := coerce(t, `query ($f: Filter) {lists(filter: $f) {pick}}`, `{"f": 1}`); faults != nil {
			t.Error(faults)
		}
	})
	t.Run("does not change what it was given", func(t *testing.T) {
		t.Parallel()
		given := map[string]any{"f": map[string]any{"and": map[string]any{"score": map[string]any{"eq": json.Number("3.0")}}}}
		c := &Coercion{Documents: graphql.NoCache[*ast.QueryDocument]{}, schema: schema}
		params := &graphql.RawParams{Query: byFilter, Variables: given}
		if err := c.MutateOperationParameters(graphql.WithOperationContext(t.Context(), new(graphql.OperationContext)), params); err != nil {
			t.Fatal(err)
		}
		if text, _ := json.Marshal(given); string(text) != `{"f":{"and":{"score":{"eq":3.0}}}}` {
			t.Errorf("%s", text)
		}
	})
}

func TestRows(t *testing.T) {
	t.Parallel()
	rows := `[{"score": 1, "customer": {}}, {"score": "2", "customer": {}, "email": "x"}, null, {"score": 3.0, "customer": {}}, {"customer": {"age": 7}}, 5]`
	for name, c := range map[string]struct{ query, variables string }{
		"in the whole input":      {`query ($i: SubmitResponsesInput!) {send(input: $i)}`, `{"i": {"responses": ` + rows + `}}`},
		"in the list of an input": {`query ($i: [SubmitResponseInput!]!) {send(input: {responses: $i})}`, `{"i": ` + rows + `}`},
	} {
		t.Run("that do not fit are put aside "+name, func(t *testing.T) {
			t.Parallel()
			_, rejected, faults := coerce(t, c.query, c.variables)
			have := ""
			for i := range 6 {
				for _, f := range rejected["i"][i] {
					have += fmt.Sprintf("%d %s: %s\n", i, f.Argument, f.Message)
				}
			}
			want := "1 score: Int expected, which is a whole number, not a string\n1 email: EmailAddress expected: \"x\" is not an e-mail address\n" +
				"2 : SubmitResponseInput expected, not null\n4 score: Int! is missing\n4 customer.age: Customer has no such field\n" +
				"5 : SubmitResponseInput expected, which is an object, not a number\n"
			if len(faults) > 0 || have != want {
				t.Errorf("%v, %s\nnot %s", faults, have, want)
			}
		})
	}
	t.Run("that are written in the document must fit", func(t *testing.T) {
		t.Parallel()
		_, rejected, faults := coerce(t, `{send(input: {responses: [{score: 1, customer: {}, email: "x"}]})}`, `{}`)
		if len(faults) != 1 || faults[0].Argument != "input.responses[0].email" || rejected != nil {
			t.Error(faults, rejected)
		}
	})
}

func TestOneOf(t *testing.T) {
	t.Parallel()
	const one = "$c: Choice expected, which has exactly one of a, b"
	for given, want := range map[string][]string{
		`{"a": 1, "b": "x"}`:     {one},
		`{}`:                     {one},
		`{"a": null}`:            {one + ", not null"},
		`{"a": 1, "b": null}`:    {one + ", not null"},
		`{"a": "one", "b": "x"}`: {"$c.a: Int expected, which is a whole number, not a string", one},
		`{"d": 1}`:               {"$c.d: Choice has no such field", one},
		`{"a": "one"}`:           {"$c.a: Int expected, which is a whole number, not a string"},
	} {
		_, _, faults := coerce(t, `query ($c: Choice) {pick(one: $c)}`, `{"c": `+given+`}`)
		var got []string
		for _, f := range faults {
			got = append(got, f.Message)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, not %q", given, got, want)
		}
	}
}
