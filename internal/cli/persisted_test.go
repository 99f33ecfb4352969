package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/internal/pgtest"
)

func TestPersisted(t *testing.T) {
	t.Parallel()
	database := "--database-url=" + pgtest.URL(t, pgtest.New(t))
	file := filepath.Join(t.TempDir(), "manifest.json")
	manifest := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	command := func(args ...string) (string, error) {
		var out strings.Builder
		err := run(t.Context(), append([]string{"persisted", database}, args...), &out)
		return out.String(), err
	}

	if _, err := command("add", filepath.Join(t.TempDir(), "none.json")); err == nil || !strings.HasPrefix(err.Error(), "read the manifest: open ") {
		t.Errorf("a manifest that is not there: %v", err)
	}
	manifest(`{"wrong": "{ nope }", "me": "{ viewer { user { role } } }"}`)
	if out, err := command("add", file); err == nil || !strings.Contains(err.Error(), "wrong: ") || strings.Contains(err.Error(), "me: ") {
		t.Errorf("a document that does not fit: %q, %v", out, err)
	}
	manifest(`{"me": "{ viewer { user { role } } }"}`)
	for _, want := range []string{"Documents registered: 1. Registered before: 0.\n", "Documents registered: 0. Registered before: 1.\n"} {
		if out, err := command("add", file); err != nil || out != want {
			t.Errorf("add: %q, %v", out, err)
		}
	}
	if out, err := command("list"); err != nil || !strings.HasPrefix(out, "me\t28\t") {
		t.Errorf("list: %q, %v", out, err)
	}
	if out, err := command("remove", "me", "none"); err != nil || out != "Documents removed: 1. Not registered: none.\n" {
		t.Errorf("remove: %q, %v", out, err)
	}
	if out, err := command("list"); err != nil || out != "" {
		t.Errorf("list: %q, %v", out, err)
	}
}
