package cli

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/closeloop/closeloop/migrations"
)

// Releases and images set both with -ldflags (.goreleaser.yaml, Dockerfile). Empty, they are read from what the go
// command records in every build.
var version, commit string

type versionCommand struct{}

func (versionCommand) Run(out io.Writer) error {
	build, _ := debug.ReadBuildInfo()
	number, revision := identify(version, commit, build)
	_, err := fmt.Fprintf(out, "closeloop %s\ncommit %s\n%s\nschema %d\n", number, revision, runtime.Version(), migrations.Version)
	return err
}

// identify completes the version and the commit from the build's own record, which may be nil. The commit of a build
// with changes that were not committed ends with "+changes".
func identify(version, commit string, build *debug.BuildInfo) (string, string) {
	if build == nil {
		build = &debug.BuildInfo{}
	}
	recorded := map[string]string{}
	for _, s := range build.Settings {
		recorded[s.Key] = s.Value
	}
	if commit == "" && recorded["vcs.revision"] != "" {
		commit = recorded["vcs.revision"]
		if recorded["vcs.modified"] == "true" {
			commit += "+changes"
		}
	}
	if version == "" {
		version = build.Main.Version
	}
	if version == "" {
		version = "(devel)"
	}
	if commit == "" {
		commit = "unknown"
	}
	return version, commit
}
