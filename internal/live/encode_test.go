package live

import (
	"encoding/json"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestAResponseIsEncodedAsJSONEncodesIt(t *testing.T) {
	t.Parallel()
	more := true
	for _, r := range []*graphql.Response{
		{},
		{Data: json.RawMessage(`{"a":1}`)},
		{Data: json.RawMessage(`null`), Errors: gqlerror.List{{Message: `"<quoted>"`, Path: ast.Path{ast.PathName("a"), ast.PathIndex(1)}}}},
		{Data: json.RawMessage(`{"a":1}`), Extensions: map[string]any{"b": 2}},
		{Data: json.RawMessage(`{"a":1}`), HasNext: &more, Label: "l", Path: ast.Path{ast.PathName("a")}},
	} {
		want, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		got, err := nextMessage(nextHead(`"1"`), r)
		if err != nil {
			t.Fatal(err)
		}
		if whole := `{"id":"\"1\"","type":"next","payload":` + string(want) + `}`; string(got) != whole {
			t.Errorf("got %s, want %s", got, whole)
		}
	}
}

func TestErrorsWhoseExtensionsAreNoJSONAreSentWithoutThem(t *testing.T) {
	t.Parallel()
	bad := map[string]any{"f": func() {}}
	got := string(errorMessage("1", gqlerror.List{{Message: "m", Extensions: bad}}))
	if want := `{"id":"1","type":"error","payload":[{"message":"m"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if b, err := nextMessage(nextHead("1"), &graphql.Response{Extensions: bad}); err == nil {
		t.Errorf("got %s", b)
	}
}
