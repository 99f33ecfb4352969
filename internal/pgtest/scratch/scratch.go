// Package scratch gives tests folders for a PostgreSQL: in memory where there is room, and open for
// the other user that root gives PostgreSQL, which t.TempDir is not.
package scratch

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// old is when a folder that a killed test left is removed.
const old = 24 * time.Hour

// Folder makes an empty one, which is removed when the test has ended.
func Folder(t testing.TB) string {
	t.Helper()
	const prefix = "closeloop-scratch-"
	left, _ := filepath.Glob(filepath.Join(Parent(), prefix+"*")) // fails on a malformed pattern only
	for _, folder := range left {
		if info, err := os.Stat(folder); err == nil && time.Since(info.ModTime()) > old {
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
