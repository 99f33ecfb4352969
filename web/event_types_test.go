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

// servedTypes returns the table of event types and the selection of its fields, as the pages load them.
func servedTypes(t *testing.T) (types map[string]pageType, selection string) {
	t.Helper()
	response, module := get(t, "/event-types.js")
	if response.StatusCode != http.StatusOK {
		t.Fatalf("GET /event-types.js: status %d, want 200", response.StatusCode)
	}
	for name, into := range map[string]any{"eventTypes": &types, "eventFields": &selection} {
		_, value, _ := strings.Cut(module, "export const "+name+" = ")
		value, _, found := strings.Cut(value, ";\n")
		if !found {
			t.Fatalf("the module does not export %s: %s", name, module)
		}
		if err := json.Unmarshal([]byte(value), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return types, selection
}

// keys returns the properties of an object literal that words.js declares at its top level.
func keys(t *testing.T, script, object string) []string {
	t.Helper()
	_, body, found := strings.Cut(script, "\nconst "+object+" = {\n")
	body, _, closed := strings.Cut(body, "\n};")
	if !found || !closed {
		t.Fatalf("words.js does not declare %s", object)
	}
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^  (\w+)[:(]`).FindAllStringSubmatch(body, -1) {
		names = append(names, match[1])
	}
	if len(names) == 0 {
		t.Fatalf("no property is found in %s of words.js", object)
	}
	return names
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

func TestEventWords(t *testing.T) {
	t.Parallel()
	served, selection := servedTypes(t)
	script := sources(t)["words.js"]
	formats, sentences := keys(t, script, "formats"), keys(t, script, "sentences")

	t.Run("describe every type", func(t *testing.T) {
		t.Parallel()
		for _, eventType := range model.EventTypes() {
			if served[string(eventType)].Label == "" && !slices.Contains(sentences, string(eventType)) {
				t.Errorf("the pages have no words for %s", eventType)
			}
		}
		if len(served) != len(model.EventTypes()) {
			t.Errorf("the pages get %d types, want %d", len(served), len(model.EventTypes()))
		}
	})
	t.Run("show each field that is selected", func(t *testing.T) {
		t.Parallel()
		for _, eventType := range model.EventTypes() {
			for _, field := range eventType.Spec().Fields {
				if field.Select == "" {
					continue
				}
				name := strings.Fields(field.Select)[0]
				inTable := slices.ContainsFunc(served[string(eventType)].Fields, func(f pageField) bool { return f.Name == name && f.Words != "" })
				inSentence := slices.Contains(sentences, string(eventType)) && strings.Contains(script, "e."+name)
				if !inTable && !inSentence {
					t.Errorf("the pages select %s of %s but do not show it", name, eventType)
				}
				if !strings.Contains(selection, field.Select) {
					t.Errorf("the selection lacks %s of %s: %s", name, eventType, selection)
				}
			}
		}
	})
	t.Run("use only formats that words.js has", func(t *testing.T) {
		t.Parallel()
		for name, page := range served {
			for _, field := range page.Fields {
				formatNames := placeholder.FindAllStringSubmatch(field.Words, -1)
				if len(formatNames) != 1 || !slices.Contains(formats, formatNames[0][1]) {
					t.Errorf("the words of %s of %s are %q, want one of the formats %v", field.Name, name, field.Words, formats)
				}
			}
		}
	})
	t.Run("have sentences only for types in the table", func(t *testing.T) {
		t.Parallel()
		for _, name := range sentences {
			if _, known := served[name]; !known {
				t.Errorf("words.js has a sentence for %s, which is not in the table", name)
			}
		}
	})
	t.Run("are loaded by both pages with the fields of all types", func(t *testing.T) {
		t.Parallel()
		for name, query := range map[string]string{"case.js": "listQuery", "board.js": "eventSelection"} {
			if literals := constants(t, name); !strings.Contains(literals[query], "${eventFields}") {
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
			t.Error("two requests return different modules")
		}
	})
}

// constants returns the template literals, strings and numbers that a script declares at its top level, by name.
func constants(t *testing.T, script string) map[string]string {
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
		literals := constants(t, script)
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
						t.Fatalf("%s of %s inserts %s, which is no constant of the script", name, script, found)
					}
					return value
				})
			}
			t.Run(script+" "+name+" is valid in the schema", func(t *testing.T) {
				t.Parallel()
				if _, err := gqlparser.LoadQueryWithRules(schema, query, nil); err != nil {
					t.Errorf("%v: %s", err, query)
				}
			})
		}
	}
	if count != 5 {
		t.Errorf("found %d queries, want 5", count)
	}
}
