// Package docs_test checks that the documents name what exists: files, and functions in files.
package docs_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	// link is a Markdown link to something inside the repository: its text and its target without the fragment.
	link = regexp.MustCompile(`\[([^\]\[]+)\]\(([^)#\s:]+)(?:#[^)\s]*)?\)`)
	// declared is the text of a link that names a function, a method or a type: `pkg.Name`, `Type.Name` or `Name`.
	declared = regexp.MustCompile("^`(?:[A-Za-z]+\\.)*([A-Za-z]+)`$")
)

func TestLinks(t *testing.T) {
	t.Parallel()
	links, names := 0, 0
	for _, document := range documents(t) {
		text, err := os.ReadFile(document)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			links++
			target := filepath.Join(filepath.Dir(document), m[2])
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, m[2])
				continue
			}
			name := declared.FindStringSubmatch(m[1])
			if name == nil || filepath.Ext(target) != ".go" {
				continue
			}
			names++
			if !declares(t, target, name[1]) {
				t.Errorf("%s says that %s is in %s; it is not", document, m[1], m[2])
			}
		}
	}
	if links < 40 || names < 20 {
		t.Errorf("%d links and %d functions were checked; the documents have more, so the pattern misses them", links, names)
	}
}

// TestWalks keeps each walk of architecture.md short enough to follow: at most ten stops, each with a function and its
// file.
func TestWalks(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	walks := 0
	for section := range strings.SplitSeq(string(text), "\n## ") {
		title, body, _ := strings.Cut(section, "\n")
		if !strings.HasPrefix(title, "The trip of ") {
			continue
		}
		walks++
		stops := regexp.MustCompile(`(?m)^\d+\. (?:.*\n(?:   .*\n)*)`).FindAllString(body, -1)
		if len(stops) < 5 || len(stops) > 10 {
			t.Errorf("%s has %d stops", title, len(stops))
		}
		for _, stop := range stops {
			found := false
			for _, m := range link.FindAllStringSubmatch(stop, -1) {
				found = found || declared.MatchString(m[1]) && filepath.Ext(m[2]) == ".go"
			}
			if !found {
				t.Errorf("%s: this stop names no function with its file: %s", title, stop)
			}
		}
	}
	if walks != 3 {
		t.Errorf("there are %d walks, not one for a response, a list and an event", walks)
	}
}

// documents returns the paths of all Markdown files of the repository.
func documents(t *testing.T) (paths []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() != ".." && entry.Name() != ".github" && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "node_modules"):
			return fs.SkipDir
		case filepath.Ext(path) == ".md":
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return paths
}

// declares reports whether a Go file declares a function, method, type or field with the name.
func declares(t *testing.T, file, name string) (found bool) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range parsed.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			found = found || d.Name.Name == name
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					found = found || s.Name.Name == name
				}
			}
		}
	}
	return found
}
