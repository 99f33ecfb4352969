package cli

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/closeloop/closeloop/migrations"
)

func TestVersion(t *testing.T) {
	t.Parallel()
	t.Run("prints the version, the commit, Go's version and the schema's number", func(t *testing.T) {
		t.Parallel()
		var out strings.Builder
		if err := run(t.Context(), []string{"version"}, &out); err != nil {
			t.Fatal(err)
		}
		want := regexp.MustCompile(`^closeloop \S+\ncommit \S+\n` + regexp.QuoteMeta(runtime.Version()) + `\nschema ` + strconv.Itoa(migrations.Version) + `\n$`)
		if !want.MatchString(out.String()) {
			t.Errorf("it prints %q", out.String())
		}
	})
	t.Run("comes from the linker's flags, else from the build's record", func(t *testing.T) {
		t.Parallel()
		build := func(version string, settings ...string) *debug.BuildInfo {
			b := &debug.BuildInfo{Main: debug.Module{Version: version}}
			for i := 0; i < len(settings); i += 2 {
				b.Settings = append(b.Settings, debug.BuildSetting{Key: settings[i], Value: settings[i+1]})
			}
			return b
		}
		for _, c := range []struct {
			version, commit         string
			build                   *debug.BuildInfo
			wantVersion, wantCommit string
		}{
			{"1.2.3", "abc", build("v0.0.0-x", "vcs.revision", "def"), "1.2.3", "abc"},
			{"", "", build("v0.1.0", "vcs.revision", "def", "vcs.modified", "false"), "v0.1.0", "def"},
			{"", "", build("(devel)", "vcs.revision", "def", "vcs.modified", "true"), "(devel)", "def+changes"},
			{"", "", build(""), "(devel)", "unknown"},
			{"", "", nil, "(devel)", "unknown"},
		} {
			if v, k := identify(c.version, c.commit, c.build); v != c.wantVersion || k != c.wantCommit {
				t.Errorf("%q, %q, %v: %q, %q; want %q, %q", c.version, c.commit, c.build, v, k, c.wantVersion, c.wantCommit)
			}
		}
	})
}

func TestHelp(t *testing.T) {
	t.Parallel()
	for command, settings := range map[string]bool{"": true, "serve": true, "token create": false, "persisted add": false, "persisted": false, "feed fork": false, "import": false} {
		var out strings.Builder
		// Parse goes on where the process would have ended; what is missing then is of no interest.
		_, _ = newParser(t.Context(), &out, kong.Writers(&out, &out), kong.Exit(func(int) {})).Parse(append(strings.Fields(command), "--help"))
		if help := out.String(); !strings.Contains(help, "--database-url") || strings.Contains(help, "--max-sockets=") != settings {
			t.Errorf("closeloop %s --help: the server's settings are shown: %t, want %t:\n%s", command, !settings, settings, help)
		}
	}
}

// A mistyped folder must not become a new database, whose token is good for nothing.
func TestCommandsThatNeedADatabase(t *testing.T) {
	t.Parallel()
	manifest := filepath.Join(t.TempDir(), "manifest.json")
	if err := os.WriteFile(manifest, []byte(`{"me": "{ viewer { user { role } } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{"token create --user kim@care.example --role AGENT", "persisted list", "persisted remove me", "persisted add " + manifest, "feed fork"} {
		folder := filepath.Join(t.TempDir(), "mistyped")
		err := run(t.Context(), append(strings.Fields(command), "--data-dir="+folder), io.Discard)
		if err == nil || !strings.Contains(err.Error(), "there is no database in the folder "+folder) {
			t.Errorf("closeloop %s: %v", command, err)
		}
		if _, err := os.Stat(folder); err == nil {
			t.Errorf("closeloop %s made the folder", command)
		}
	}
}

func TestSchema(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := run(t.Context(), []string{"schema"}, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "type Query {") || !strings.Contains(out.String(), "type Subscription {") {
		t.Errorf("it prints %.200q", out.String())
	}
}
