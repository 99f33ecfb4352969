package httpd

import (
	"fmt"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/fault"
)

func TestCheckDocumentSameName(t *testing.T) {
	t.Parallel()
	times := func(n int, text string) string { return strings.Repeat(text, n) }
	numbered := func(n int, format string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for what, document := range map[string]func(n int) string{
		"a field":                    func(n int) string { return `{viewer {user {` + times(n, "id ") + `}}}` },
		"an alias":                   func(n int) string { return `{viewer {user {` + times(n, "x: id ") + `}}}` },
		"an alias of many fields":    func(n int) string { return `{` + numbered(n, "x: f%d ") + `}` },
		"a field here and there":     func(n int) string { return `{` + numbered(n, "a%d: viewer {id} ") + `}` },
		"a field called on":          func(n int) string { return `{` + times(n, "on ") + `}` },
		"a field in inline parts":    func(n int) string { return `{` + times(n, "... {id} ") + `}` },
		"a field in parts of a type": func(n int) string { return `{` + times(n, "... on T {id} ") + `}` },
		"a field in fragments":       func(n int) string { return numbered(n, "fragment f%d on T {id} ") },
		"a field with arguments":     func(n int) string { return `{` + times(n, "f(a: {b: [1]}) @skip(if: true) ") + `}` },
	} {
		if err := checkDocument(document(sameNameMax)); err != nil {
			t.Errorf("%s, %d times: %v", what, sameNameMax, err)
		}
		if err := checkDocument(document(sameNameMax + 1)); !fault.Is(err, fault.CodeBadUserInput) || !strings.Contains(err.Error(), "called") {
			t.Errorf("%s, %d times: %v", what, sameNameMax+1, err)
		}
	}
	for what, document := range map[string]string{
		"arguments":           `{` + numbered(2*sameNameMax, "a%d: f(x: 1) ") + `}`,
		"fields of objects":   `{f(x: [` + times(2*sameNameMax, "{y: 1} ") + `])}`,
		"what has an alias":   `{` + numbered(2*sameNameMax, "a%d: id ") + `}`,
		"spreads":             `{` + times(2*sameNameMax, "...f ") + `}`,
		"directives":          `{` + numbered(2*sameNameMax, "a%d @d ") + `}`,
		"types":               `{` + numbered(sameNameMax+1, "... on T {a%d} ") + `}`,
		"variables and types": `query (` + numbered(2*sameNameMax, "$a%d: T ") + `) {id}`,
		"comments":            `{` + numbered(sameNameMax, "id # a%d\n") + `}`,
	} {
		if err := checkDocument(document); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}
