package httpd

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/closeloop/closeloop/graph"
)

func TestCacheIsBoundedByBytes(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	c := newCache(100, 40, func(_, value string) int { return len(value) })
	for i := range 10 {
		c.Add(ctx, fmt.Sprint(i), strings.Repeat("x", 30))
		if _, ok := c.Get(ctx, "0"); !ok {
			t.Fatalf("the value that is used most is gone after %d others", i)
		}
	}
	if c.bytes != 90 || c.values.Len() != 3 {
		t.Errorf("%d bytes in %d values", c.bytes, c.values.Len())
	}
	c.Add(ctx, "0", "again")
	c.Add(ctx, "long", strings.Repeat("x", 41))
	if _, ok := c.Get(ctx, "long"); ok || c.bytes != 90 {
		t.Errorf("a long value is kept: %t; %d bytes", ok, c.bytes)
	}
}

// The size of a document is computed, so this compares it with the heap that documents of different kinds take.
func TestParsedSizeCoversTheHeap(t *testing.T) { // not parallel: it measures the heap of the process
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	repeat := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, document := range map[string]string{
		"fields":  "{ cases(first: 1) { nodes { " + repeat(400, "f%d: id ") + "} } }",
		"aliases": "{ " + repeat(80, "a%d: cases(first: 1, filter: {overdue: true}) { nodes { id } } ") + "}",
		"a list":  "{ cases(first: 1, filter: {number: {in: [" + strings.Repeat("1 ", 1500) + "]}}) { nodes { id } } }",
		"a text":  `{ node(id: "` + strings.Repeat("a", 100_000) + `") { id } }`,
	} {
		t.Run(name, func(t *testing.T) { // not parallel: it measures the heap of the process
			var kept []*ast.QueryDocument
			computed, before := 0, heap()
			for i := range 50 {
				text := fmt.Sprintf("%s # %d", document, i)
				parsed, err := gqlparser.LoadQueryWithRules(schema, text, nil)
				if err != nil {
					t.Fatal(err)
				}
				kept = append(kept, parsed)
				computed += parsedSize(text)
			}
			grown := heap() - before
			runtime.KeepAlive(kept)
			if grown > computed {
				t.Errorf("50 documents take %d bytes and count as %d", grown, computed)
			}
		})
	}
}

func heap() int {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
