package clients

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

// The libraries that other people's clients use are installed into a temporary folder.
func TestClientLibraries(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node, which the client libraries run on")
	}
	folder := t.TempDir()
	for _, name := range []string{"package.json", "clients.mjs"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	install := exec.Command("npm", "install", "--no-audit", "--no-fund", "--ignore-scripts")
	install.Dir = folder
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("npm install: %v\n%s", err, out)
	}

	s := setup.NewServer(t, setup.Options{Live: config.Live{InitTimeout: config.Duration(5 * time.Second)}})
	s.AddRule(nil)
	_, opened := s.Submit(nil)
	place := s.Cursor()
	s.AddNote(opened, "Called back.")
	run := exec.CommandContext(t.Context(), node, "clients.mjs", s.URL+"/graphql", s.Tokens[model.Agent], place)
	run.Dir = folder
	var stderr strings.Builder
	run.Stderr = &stderr
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &stderr)
	}
	var seen any
	if err := json.Unmarshal(out, &seen); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for library, codes := range map[string][]string{
		"graphql-ws":                 {"4400", "4401", "4403", "4408", "4409", "4429"},
		"subscriptions-transport-ws": {"4400", "4401", "4403", "4408", "4429"},
		"graphql-sse":                nil,
	} {
		saw := setup.Tree{V: seen}.At(library)
		if e := saw.At("event.results.0.data.caseEvents.node"); e.Text("type") != "NOTE_ADDED" || e.Text("note.body") != "Called back." {
			t.Errorf("%s: the event is %v", library, saw.At("event").V)
		}
		if len(saw.List("list.results")) != 1 || saw.Number("list.results.0.data.cases.nodes.0.number") != 1 || !saw.Bool("list.complete") {
			t.Errorf("%s: the list is %v", library, saw.At("list").V)
		}
		said, _ := json.Marshal(saw.At("wrong").V)
		if !strings.Contains(string(said), `Cannot query field`) {
			t.Errorf("%s: of a wrong query it says %s", library, said)
		}
		for _, code := range codes {
			if got := saw.At("codes." + code).V; jsonText(got) != code {
				t.Errorf("%s: closed with %v, not %s", library, got, code)
			}
		}
	}
	if text := (setup.Tree{V: seen}).Text("graphql-sse.refused.error"); !strings.Contains(text, "401") {
		t.Errorf("graphql-sse: of a wrong token it says %q", text)
	}
}

func jsonText(v any) string { text, _ := json.Marshal(v); return string(text) }
