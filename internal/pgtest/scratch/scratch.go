// Package scratch creates folders for the PostgreSQL of a test: in memory where there is space.
// PostgreSQL does not run as root, so the folders are also open to the other user that it then
// runs as; t.TempDir is not.
package scratch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// expireAfter is the age at which a folder left by a killed test is removed.
const expireAfter = 24 * time.Hour

// Folder creates an empty folder, which is removed when the test ends.
func Folder(t testing.TB) string {
	t.Helper()
	const prefix = "closeloop-scratch-"
	expired, _ := filepath.Glob(filepath.Join(Parent(), prefix+"*")) // fails on a malformed pattern only
	for _, folder := range expired {
		if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > expireAfter {
			os.RemoveAll(folder)
		}
	}
	folder, err := os.MkdirTemp(Parent(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(folder); err != nil {
			t.Error(err)
		}
	})
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}
