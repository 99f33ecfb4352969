package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

// The libraries that other people's clients use are installed into a temporary folder, and each runs with its default
// settings against a server of its own.
func TestClientLibraries(t *testing.T) {
	t.Parallel()
	n := install(t)
	t.Run("graphql-ws, graphql-sse and subscriptions-transport-ws follow the feed", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Live: config.Live{InitTimeout: config.Duration(5 * time.Second)}})
		s.AddRule(nil)
		_, opened := s.Submit(nil)
		place := s.Cursor()
		s.AddNote(opened, "Called back.")
		checkSockets(t, n.run(t, "sockets.mjs", s, place))
	})
	t.Run("graphql-http's audits pass", func(t *testing.T) {
		t.Parallel()
		saw := n.run(t, "audit.mjs", setup.NewServer(t))
		if saw.Number("audits") < 60 || len(saw.List("results")) > 0 {
			t.Errorf("of %v audits these did not pass: %s", saw.At("audits").V, jsonText(saw.At("results").V))
		}
	})
	t.Run("Apollo Client queries, pages, mutates, subscribes and resumes", func(t *testing.T) {
		t.Parallel()
		checkClient(t, n.run(t, "apollo.mjs", withCases(t)), client{pages: "[4,3,2,1]", status: "CLOSED", matches: map[string]string{"open": "[false]", "closed": "[true]"}, wrong: "GRAPHQL_VALIDATION_FAILED"})
	})
	t.Run("urql queries, pages, mutates, subscribes and resumes", func(t *testing.T) {
		t.Parallel()
		for kind, pages := range map[string]string{"documents": "[2,1]", "normalised": "[4,3,2,1]"} {
			checkClient(t, n.run(t, "urql.mjs", withCases(t), kind),
				client{pages: pages, status: "IN_PROGRESS", matches: map[string]string{"open": "[false]", "moved": "[true]"}, wrong: "GRAPHQL_VALIDATION_FAILED"})
		}
	})
	t.Run("Relay's compiler and runtime query, page, mutate, subscribe and resume", func(t *testing.T) {
		t.Parallel()
		s := withCases(t)
		n.compile(t, s)
		saw := n.run(t, "relay.mjs", s)
		checkClient(t, saw, client{pages: "[4,3,2,1]", status: "CLOSED", matches: map[string]string{"open": "[false]", "closed": "[true]"}})
		if got := jsonText(saw.At("appended").V); got != `["NOTE_ADDED","NOTE_ADDED","NOTE_ADDED","NOTE_ADDED"]` {
			t.Errorf("the feed appended %s to the list of events", got)
		}
		if got := jsonText(saw.At("refetched").V); got != `{"__typename":"Case","status":"CLOSED"}` {
			t.Errorf("node is %s", got)
		}
	})
}

// withCases is a server with four open cases.
func withCases(t *testing.T) *setup.Server {
	s := setup.NewServer(t)
	s.AddRule(nil)
	for range 4 {
		s.Submit(nil)
	}
	return s
}

// client is what a client with a cache must have seen.
type client struct {
	pages   string            // the numbers of the cases, after two pages
	status  string            // of the first case, after the mutation
	matches map[string]string // of the status change, for each of the filters
	wrong   string            // the code of a wrong query; Relay's compiler lets none through
}

func checkClient(t *testing.T, saw setup.Tree, want client) {
	t.Helper()
	if got := jsonText(saw.At("pages").V); got != want.pages {
		t.Errorf("after the second page the list is %s, not %s", got, want.pages)
	}
	if got := saw.Text("afterMutation"); got != want.status {
		t.Errorf("after the mutation the list has the status %s, not %s", got, want.status)
	}
	for name, matches := range want.matches {
		if got := jsonText(saw.At("matches." + name).V); got != matches {
			t.Errorf("the filter %s matched %s, not %s", name, got, matches)
		}
	}
	if got := jsonText(saw.At("events").V); got != `["STATUS_CHANGED","before the cut","during the cut","during the outage","after the outage"]` {
		t.Errorf("the feed brought %s", got)
	}
	if got := saw.Text("wrong"); got != want.wrong {
		t.Errorf("the error of a wrong query is %q, not %q", got, want.wrong)
	}
}

func checkSockets(t *testing.T, seen setup.Tree) {
	t.Helper()
	for library, codes := range map[string][]string{
		"graphql-ws":                 {"4400", "4401", "4403", "4408", "4409", "4429"},
		"subscriptions-transport-ws": {"4400", "4401", "4403", "4408", "4429"},
		"graphql-sse":                nil,
	} {
		saw := seen.At(library)
		if e := saw.At("event.results.0.data.caseEvents.node"); e.Text("type") != "NOTE_ADDED" || e.Text("note.body") != "Called back." {
			t.Errorf("%s: the event is %v", library, saw.At("event").V)
		}
		if len(saw.List("list.results")) != 1 || saw.Number("list.results.0.data.cases.nodes.0.number") != 1 || !saw.Bool("list.complete") {
			t.Errorf("%s: the list is %v", library, saw.At("list").V)
		}
		if said := jsonText(saw.At("wrong").V); !strings.Contains(said, `Cannot query field`) {
			t.Errorf("%s: of a wrong query it says %s", library, said)
		}
		for _, code := range codes {
			if got := saw.At("codes." + code).V; jsonText(got) != code {
				t.Errorf("%s: closed with %v, not %s", library, got, code)
			}
		}
	}
	if text := seen.Text("graphql-sse.refused.error"); !strings.Contains(text, "401") {
		t.Errorf("graphql-sse: of a wrong token it says %q", text)
	}
}

func jsonText(v any) string { text, _ := json.Marshal(v); return string(text) }

// node runs the scripts of testdata, beside the libraries that they use.
type node struct{ program, folder string }

// install fetches the libraries. Without node the test is skipped; .ci/run installs node.
func install(t *testing.T) node {
	t.Helper()
	program, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node, which the client libraries run on")
	}
	n := node{program: program, folder: t.TempDir()}
	if err := os.CopyFS(n.folder, os.DirFS("testdata")); err != nil {
		t.Fatal(err)
	}
	n.command(t, "npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	return n
}

// run runs a script with the server's address and an agent's token, and returns the JSON that it prints.
func (n node) run(t *testing.T, script string, s *setup.Server, args ...string) (printed setup.Tree) {
	t.Helper()
	out := n.command(t, n.program, slices.Concat([]string{script, s.URL + "/graphql", s.Tokens[model.Agent]}, args)...)
	if err := json.Unmarshal(out, &printed.V); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return printed
}

// compile runs Relay's compiler on the schema that the server's introspection tells.
func (n node) compile(t *testing.T, s *setup.Server) {
	t.Helper()
	schema := n.command(t, n.program, "schema.mjs", s.URL+"/graphql", s.Tokens[model.Agent])
	if err := os.WriteFile(filepath.Join(n.folder, "schema.graphql"), schema, 0o600); err != nil {
		t.Fatal(err)
	}
	n.command(t, filepath.Join("node_modules", ".bin", "relay-compiler"), "relay.config.json")
}

func (n node) command(t *testing.T, name string, args ...string) []byte {
	t.Helper()
	if strings.Contains(name, string(filepath.Separator)) && !filepath.IsAbs(name) {
		name = filepath.Join(n.folder, name)
	}
	c := exec.CommandContext(t.Context(), name, args...)
	c.Dir = n.folder
	var stderr strings.Builder
	c.Stderr = &stderr
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", name, err, out, &stderr)
	}
	return out
}
