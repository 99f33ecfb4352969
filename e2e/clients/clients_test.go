package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/config"
	"github.com/closeloop/closeloop/model"
)

// The libraries that others write their clients with are installed into a folder of the test's own.
func TestClientLibrariesFromNpmAreUnderstood(t *testing.T) {
	t.Parallel()
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("there is no node, which the client libraries run on")
	}
	folder := t.TempDir()
	for _, name := range []string{"package.json", "clients.mjs"} {
		text, err := os.ReadFile(filepath.Join("testdata", "clients", name))
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

	s := newServer(t, settings{live: config.Live{InitTimeout: config.Duration(2 * time.Second)}})
	s.addRule(nil)
	_, opened := s.submitted(nil)
	place := s.place()
	s.note(opened, "Called back.")
	run := exec.CommandContext(t.Context(), node, "clients.mjs", s.url+"/graphql", s.tokens[model.Agent], place)
	run.Dir = folder
	var told strings.Builder
	run.Stderr = &told
	out, err := run.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &told)
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
		saw := tree{t, seen}.at(library)
		if e := saw.at("event.results.0.data.caseEvents"); e.text("type") != "NOTE_ADDED" || e.text("note.body") != "Called back." {
			t.Errorf("%s: the event is %v", library, saw.at("event").v)
		}
		if len(saw.list("list.results")) != 1 || saw.number("list.results.0.data.cases.nodes.0.number") != 1 || !saw.truth("list.complete") {
			t.Errorf("%s: the list is %v", library, saw.at("list").v)
		}
		said, _ := json.Marshal(saw.at("wrong").v)
		if !strings.Contains(string(said), `Cannot query field`) {
			t.Errorf("%s: of a wrong query it says %s", library, said)
		}
		for _, code := range codes {
			if got := saw.at("codes." + code).v; jsonText(got) != code {
				t.Errorf("%s: closed with %v, not %s", library, got, code)
			}
		}
	}
	if text := (tree{t, seen}).text("graphql-sse.refused.error"); !strings.Contains(text, "401") {
		t.Errorf("graphql-sse: of a wrong token it says %q", text)
	}
}

func jsonText(v any) string { text, _ := json.Marshal(v); return string(text) }
