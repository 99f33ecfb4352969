package docs_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"

	"github.com/closeloop/closeloop/graph"
)

var (
	// lineOfCode is a line that consists of one operation, such as the ones that the walks of architecture.md follow.
	lineOfCode = regexp.MustCompile("(?m)^`((?:\\{|query|mutation|subscription) .*)`$")
	// lastCell is the operation in the last column of a table, such as what schema-changes.md shows as "after".
	lastCell = regexp.MustCompile("(?m)\\| `((?:\\{|query|mutation|subscription) [^`]*)` \\|$")
	// queryProperty is the operation in the JSON body of a request.
	queryProperty = regexp.MustCompile(`"query": ("(?:[^"\\]|\\.)*")`)
	// bearer is an API token in the header of a request.
	bearer = regexp.MustCompile(`Bearer ([a-z-]+)`)
)

// sampleToken is the token with which "make run" starts the sample.
const sampleToken = "sample-admin-token-of-this-machine"

func TestOperations(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for document, want := range map[string]int{
		"architecture.md": 3, "clients.md": 1, "limits.md": 1, "schema-changes.md": 4, "sources.md": 9, "webhooks.md": 1, "examples/receiver/main.go": 1, "../README.md": 4,
	} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		var operations []string
		for _, m := range lineOfCode.FindAllStringSubmatch(string(text), -1) {
			operations = append(operations, m[1])
		}
		for _, m := range lastCell.FindAllStringSubmatch(string(text), -1) {
			operations = append(operations, strings.ReplaceAll(m[1], "(…)", ""))
		}
		for _, m := range queryProperty.FindAllStringSubmatch(string(text), -1) {
			var operation string
			if err := json.Unmarshal([]byte(m[1]), &operation); err != nil {
				t.Fatalf("%s: %s: %v", document, m[1], err)
			}
			operations = append(operations, operation)
		}
		if len(operations) != want {
			t.Errorf("found %d operations in %s, want %d", len(operations), document, want)
		}
		for _, m := range bearer.FindAllStringSubmatch(string(text), -1) {
			if m[1] != sampleToken {
				t.Errorf("%s signs in with %s; the sample has the token %s", document, m[1], sampleToken)
			}
		}
		for i, operation := range operations {
			t.Run(document+" "+strconv.Itoa(i+1)+" is valid in the schema", func(t *testing.T) {
				t.Parallel()
				if _, err := gqlparser.LoadQueryWithRules(schema, operation, nil); err != nil {
					t.Errorf("%v: %s", err, operation)
				}
			})
		}
	}
}

// TestSnippets holds documents to the code that is tested.
func TestSnippets(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("clients.md")
	if err != nil {
		t.Fatal(err)
	}
	snippet, err := os.ReadFile("../e2e/clients/testdata/connect.mjs")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(document), "```js\n"+string(snippet)+"```") {
		t.Error("clients.md does not show e2e/clients/testdata/connect.mjs as it is tested")
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(makefile), sampleToken) {
		t.Errorf("make run does not start the sample with the token %s", sampleToken)
	}
}

// TestFinalCloseCodes holds the client of clients.md to the table of errors.md: after what is "no" there, it must not come back.
func TestFinalCloseCodes(t *testing.T) {
	t.Parallel()
	snippet, err := os.ReadFile("../e2e/clients/testdata/connect.mjs")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(snippet), "const FINAL = [")
	list, _, _ = strings.Cut(list, "]")
	final := strings.Split(list, ", ")
	_, rows, _ := strings.Cut(string(table), "## Close codes of WebSockets")
	found := 0
	for row := range strings.Lines(rows) {
		cells := strings.Split(row, "|")
		if len(cells) != 5 || !strings.HasPrefix(cells[3], " no") {
			continue
		}
		for code := range strings.SplitSeq(strings.TrimSpace(cells[1]), ", ") {
			if found++; !slices.Contains(final, code) {
				t.Errorf("the client comes back after %s", code)
			}
		}
	}
	if found < 8 || !strings.Contains(rows, "| 1002, ") { // a broken frame, which the library of sockets answers itself
		t.Errorf("%d final codes are in the table", found)
	}
}
