package wire

import (
	"encoding/json"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

func TestAppendResponse(t *testing.T) {
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
		got, err := AppendResponse(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestAppendErrors(t *testing.T) {
	t.Parallel()
	bad := map[string]any{"f": func() {}}
	got := string(AppendErrors(nil, gqlerror.List{{Message: "m", Extensions: bad}}))
	if want := `[{"message":"m"}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if b, err := AppendResponse(nil, &graphql.Response{Extensions: bad}); err == nil {
		t.Errorf("got %s", b)
	}
}

func TestSubprotocolMessageQuotesTheID(t *testing.T) {
	t.Parallel()
	const id = `"1"`
	prefix := TransportWS().Prefix(id)
	for _, test := range []struct {
		m    *Message
		want string
	}{
		{&Message{Data: []byte(`{"data":1}`)}, `{"id":"\"1\"","type":"next","payload":{"data":1}}`},
		{&Message{Kind: Error, Data: []byte(`[{"message":"m"}]`)}, `{"id":"\"1\"","type":"error","payload":[{"message":"m"}]}`},
		{&Message{Kind: Complete}, `{"id":"\"1\"","type":"complete"}`},
	} {
		if got := string(TransportWS().Message(nil, id, prefix, test.m)[2:]); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}
