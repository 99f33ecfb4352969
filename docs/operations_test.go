package docs_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strconv"
	"testing"

	"github.com/vektah/gqlparser/v2"

	"github.com/closeloop/closeloop/graph"
)

var (
	// lineOfCode is a line that consists of one operation, such as the ones that the walks of architecture.md follow.
	lineOfCode = regexp.MustCompile("(?m)^`((?:\\{|query|mutation|subscription) .*)`$")
	// queryProperty is the operation in the JSON body of a request.
	queryProperty = regexp.MustCompile(`"query": ("(?:[^"\\]|\\.)*")`)
)

func TestOperations(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	for document, want := range map[string]int{"architecture.md": 3, "../README.md": 4} {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		var operations []string
		for _, m := range lineOfCode.FindAllStringSubmatch(string(text), -1) {
			operations = append(operations, m[1])
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
