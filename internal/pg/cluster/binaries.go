//go:build unix

package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// installFolders are where distributions install the server's binaries; few add them to PATH.
var installFolders = []string{
	"/usr/lib/postgresql/*/bin",                          // Debian, Ubuntu
	"/usr/pgsql-*/bin",                                   // PostgreSQL's own packages for Red Hat and SUSE
	"/usr/libexec/postgresql*",                           // Alpine
	"/usr/lib/postgresql*/bin",                           // SUSE
	"/opt/homebrew/opt/postgresql*/bin",                  // Homebrew, Apple silicon
	"/usr/local/opt/postgresql*/bin",                     // Homebrew, Intel
	"/home/linuxbrew/.linuxbrew/opt/postgresql*/bin",     // Homebrew, Linux
	"/Applications/Postgres.app/Contents/Versions/*/bin", // Postgres.app
	"/usr/local/pgsql/bin",                               // built from source
}

// binaries are initdb and postgres of one installation.
type binaries struct {
	folder string
	major  int
}

func (b binaries) path(name string) string { return filepath.Join(b.folder, name) }

// findBinaries returns the first installation that can serve the data. For existing data, that is
// an installation of the major version that created it; for new data (major 0), any version that
// closeloop works with.
func findBinaries(major int, data string) (binaries, error) {
	var seen []int
	for _, b := range installed(os.Getenv("PATH"), installFolders) {
		if b.major == major || major == 0 && b.major >= Oldest {
			return b, nil
		}
		seen = append(seen, b.major)
	}
	const setURL = "set DATABASE_URL to a running PostgreSQL"
	switch {
	case major != 0 && len(seen) > 0:
		return binaries{}, fmt.Errorf("the data in %s was created by PostgreSQL %d, but only %s is installed here: "+
			"install PostgreSQL %d, or upgrade the data with pg_upgrade (nothing was changed)",
			data, major, versions(seen), major)
	case major != 0:
		return binaries{}, fmt.Errorf("the data in %s was created by PostgreSQL %d, which is not installed here: install that version", data, major)
	case len(seen) > 0:
		return binaries{}, fmt.Errorf("closeloop needs PostgreSQL %d or newer, but only %s is installed here: "+
			"install a newer one, or %s", Oldest, versions(seen), setURL)
	default:
		return binaries{}, errors.New("PostgreSQL's server is not installed here (looked on PATH and in the usual folders): " +
			"install it (apt-get install postgresql, dnf install postgresql-server postgresql-contrib, " +
			"apk add postgresql postgresql-contrib, brew install postgresql), or " + setURL)
	}
}

// installed lists the installations on PATH, in its order, and then the installations in folders
// that match the patterns, newest first. It leaves out programs that cannot be run.
func installed(path string, patterns []string) []binaries {
	var found []binaries
	add := func(folder string) {
		// A link such as /usr/local/bin/postgres leads to the folder that also holds initdb.
		program, err := filepath.EvalSymlinks(filepath.Join(folder, "postgres"))
		if err != nil {
			return
		}
		folder = filepath.Dir(program)
		if _, err := os.Stat(filepath.Join(folder, "initdb")); err != nil {
			return
		}
		if slices.ContainsFunc(found, func(b binaries) bool { return b.folder == folder }) {
			return
		}
		if major, err := majorOf(program); err == nil {
			found = append(found, binaries{folder: folder, major: major})
		}
	}
	for _, folder := range filepath.SplitList(path) {
		add(folder)
	}
	onPath := len(found)
	for _, pattern := range patterns {
		folders, _ := filepath.Glob(pattern) // fails on a malformed pattern only
		for _, folder := range folders {
			add(folder)
		}
	}
	slices.SortStableFunc(found[onPath:], func(a, b binaries) int { return b.major - a.major })
	return found
}

// majorOf returns the major version of the program, from an output such as "postgres (PostgreSQL)
// 15.13 (Debian 15.13-0)".
func majorOf(program string) (int, error) {
	cmd := exec.Command(program, "--version")
	cmd.Env = environment()
	out, err := cmd.Output()
	if err != nil {
		return 0, fmt.Errorf("ask for the version: %w", err)
	}
	_, version, found := strings.Cut(string(out), "(PostgreSQL) ")
	if !found {
		return 0, errors.New("ask for the version: not PostgreSQL")
	}
	digits := version
	if end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' }); end >= 0 {
		digits = version[:end]
	}
	return strconv.Atoi(digits)
}

func versions(majors []int) string {
	majors = slices.Compact(slices.Sorted(slices.Values(majors)))
	words := make([]string, len(majors))
	for i, major := range majors {
		words[i] = strconv.Itoa(major)
	}
	return "PostgreSQL " + strings.Join(words, ", ")
}
