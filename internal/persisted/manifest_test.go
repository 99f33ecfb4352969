package persisted_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/internal/persisted"
)

func TestParseManifest(t *testing.T) {
	t.Parallel()
	want := []persisted.Document{{ID: "a", Body: "{ one }"}, {ID: "b", Body: "query Two { two }"}}
	for name, manifest := range map[string]string{
		"Apollo's": `{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [
			{"id": "b", "name": "Two", "type": "query", "body": "query Two { two }"}, {"id": "a", "name": "One", "type": "query", "body": "{ one }"}]}`,
		"Relay's": `{"b": "query Two { two }", "a": "{ one }"}`,
	} {
		if got, err := persisted.ParseManifest([]byte(manifest)); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	for manifest, message := range map[string]string{
		``: "not a JSON object", `[]`: "not a JSON object", `{}`: "no documents", `{"a": 1}`: `"a" is not a text`,
		`{"format": "apollo-persisted-query-manifest", "version": 2, "operations": []}`:                                                               "version 2",
		`{"operations": [{"id": "a", "body": "{ one }"}]}`:                                                                                            `format ""`,
		`{"format": "apollo-persisted-query-manifest", "version": 1, "operations": [{"id": "a", "body": "{ one }"}, {"id": "a", "body": "{ two }"}]}`: "listed twice",
	} {
		if got, err := persisted.ParseManifest([]byte(manifest)); err == nil || !strings.Contains(err.Error(), message) {
			t.Errorf("%s: %v, %v", manifest, got, err)
		}
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: "type Query { one: Int two: Int }"})
	if err := persisted.Check(schema, []persisted.Document{{"a", "{ one }"}, {"b", "query B { two }"}}); err != nil {
		t.Error(err)
	}
	err := persisted.Check(schema, []persisted.Document{{"a", "{ one }"}, {"b", "{ three }"}, {"c", "{"}, {"", "{ one }"}, {"d", "{ one } #" + strings.Repeat("x", 300_000)}})
	if err == nil {
		t.Fatal("nothing was found")
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	for _, part := range []string{"b: ", "three", "c: ", `"": an id`, "d: a document may have"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not in %q", part, lines)
		}
	}
}
