package web

import (
	"encoding/json"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"

	"github.com/closeloop/closeloop/graph"
	"github.com/closeloop/closeloop/model"
)

// servedTypes are the table of event types and the selection of its fields as the pages get them.
func servedTypes(t *testing.T) (types map[string]pageType, selection string) {
	t.Helper()
	response, module := get(t, "/event-types.js")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("/event-types.js: %d", response.StatusCode)
	}
	for name, into := range map[string]any{"eventTypes": &types, "eventFields": &selection} {
		_, value, _ := strings.Cut(module, "export const "+name+" = ")
		value, _, found := strings.Cut(value, ";\n")
		if !found {
			t.Fatalf("the module exports no %s: %s", name, module)
		}
		if err := json.Unmarshal([]byte(value), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return types, selection
}

// keys finds the properties of an object literal that a script declares: those at the first level of indentation.
func keys(t *testing.T, script, object string) []string {
	t.Helper()
	_, body, found := strings.Cut(script, "\nconst "+object+" = {\n")
	body, _, closed := strings.Cut(body, "\n};")
	if !found || !closed {
		t.Fatalf("words.js has no %s", object)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^  (\w+)[:(]`).FindAllStringSubmatch(body, -1) {
		names = append(names, match[1])
	}
	if len(names) == 0 {
		t.Fatalf("%s of words.js has no property that this test finds", object)
	}
	return names
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func TestEventWords(t *testing.T) {
	t.Parallel()
	served, selection := servedTypes(t)
	script := sources(t)["words.js"]
	formats, sentences := keys(t, script, "formats"), keys(t, script, "sentences")

	t.Run("no type is shown as a blank line", func(t *testing.T) {
		t.Parallel()
		for _, of := range model.EventTypes() {
			if served[string(of)].Label == "" && !slices.Contains(sentences, string(of)) {
				t.Errorf("the pages have no words for %s", of)
			}
		}
		if len(served) != len(model.EventTypes()) {
			t.Errorf("the pages get %d types, and the table has %d", len(served), len(model.EventTypes()))
		}
	})
	t.Run("each field that is asked for is shown", func(t *testing.T) {
		t.Parallel()
		for _, of := range model.EventTypes() {
			for _, field := range of.Spec().Fields {
				if field.Select == "" {
					continue
				}
				name := strings.Fields(field.Select)[0]
				inTable := slices.ContainsFunc(served[string(of)].Fields, func(f pageField) bool { return f.Name == name && f.Words != "" })
				inSentence := slices.Contains(sentences, string(of)) && strings.Contains(script, "e."+name)
				if !inTable && !inSentence {
					t.Errorf("the pages ask for %s of %s and show it nowhere", name, of)
				}
				if !strings.Contains(selection, field.Select) {
					t.Errorf("the selection lacks %s of %s: %s", name, of, selection)
				}
			}
		}
	})
	t.Run("each value has a format that words.js knows", func(t *testing.T) {
		t.Parallel()
		for name, of := range served {
			for _, field := range of.Fields {
				named := placeholder.FindAllStringSubmatch(field.Words, -1)
				if len(named) != 1 || !slices.Contains(formats, named[0][1]) {
					t.Errorf("%s of %s is said as %q; the formats are %v", field.Name, name, field.Words, formats)
				}
			}
		}
	})
	t.Run("each sentence of words.js is of a type in the table", func(t *testing.T) {
		t.Parallel()
		for _, name := range sentences {
			if _, known := served[name]; !known {
				t.Errorf("words.js has a sentence for %s", name)
			}
		}
	})
	t.Run("both pages ask for the fields of all types", func(t *testing.T) {
		t.Parallel()
		for name, query := range map[string]string{"case.js": "listQuery", "board.js": "ofEvent"} {
			if literals := templates(t, name); !strings.Contains(literals[query], "${eventFields}") {
				t.Errorf("%s of %s does not select eventFields: %s", query, name, literals[query])
			}
		}
	})
}

func TestEventTypesModule(t *testing.T) {
	t.Parallel()
	t.Run("is deterministic, so that its ETag is the same on every server", func(t *testing.T) {
		t.Parallel()
		_, first := get(t, "/event-types.js")
		if _, second := get(t, "/event-types.js"); first != second {
			t.Error("it differs from one reading to the next")
		}
	})
}

// templates are the template literals, strings and numbers that a script declares at its top level.
func templates(t *testing.T, script string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, match := range regexp.MustCompile("(?ms)^const (\\w+) = (?:`(.*?)`|\"(.*?)\"|(\\d+));").FindAllStringSubmatch(sources(t)[script], -1) {
		found[match[1]] = match[2] + match[3] + match[4]
	}
	return found
}

func TestQueries(t *testing.T) {
	t.Parallel()
	schema := graph.NewExecutableSchema(graph.Config{}).Schema()
	_, selection := servedTypes(t)
	inserted := regexp.MustCompile(`\$\{(\w+)\}`)
	count := 0
	for _, script := range []string{"case.js", "board.js"} {
		literals := templates(t, script)
		literals["eventFields"] = selection
		for _, name := range slices.Sorted(maps.Keys(literals)) {
			if !strings.HasSuffix(name, "Query") {
				continue
			}
			count++
			query := literals[name]
			for inserted.MatchString(query) {
				query = inserted.ReplaceAllStringFunc(query, func(found string) string {
					value, known := literals[inserted.FindStringSubmatch(found)[1]]
					if !known {
						t.Fatalf("%s of %s inserts %s, which this test does not know", name, script, found)
					}
					return value
				})
			}
			t.Run(script+" "+name+" is valid", func(t *testing.T) {
				t.Parallel()
				if _, err := gqlparser.LoadQueryWithRules(schema, query, nil); err != nil {
					t.Errorf("%v: %s", err, query)
				}
			})
		}
	}
	if count != 5 {
		t.Errorf("%d queries are found, not 5", count)
	}
}
