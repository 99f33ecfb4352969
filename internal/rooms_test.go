package internal_test

import (
	"os"
	"regexp"
	"slices"
	"testing"
)

// TestInternalREADMEListsEachRoomOnce keeps the map of internal/ complete: a new folder gets its line and its group.
func TestInternalREADMEListsEachRoomOnce(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for _, m := range regexp.MustCompile(`(?m)^- \[([^\]]+)\]\(([^)]+)/\): \S`).FindAllSubmatch(text, -1) {
		if string(m[1]) != string(m[2]) {
			t.Errorf("the line of %s links to %s", m[1], m[2])
		}
		listed = append(listed, string(m[1]))
	}
	lines := regexp.MustCompile("(?m)^- ").FindAll(text, -1)
	if len(lines) != len(listed) {
		t.Errorf("internal/README.md has %d list items, of which %d name a room as '- [name](name/): one line'", len(lines), len(listed))
	}
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		if e.IsDir() {
			folders = append(folders, e.Name())
		}
	}
	slices.Sort(listed)
	if !slices.Equal(listed, folders) {
		t.Errorf("internal/README.md lists\n%v\nbut the folders are\n%v", listed, folders)
	}
}
