package fault

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

const root = "../.."

// The table of codes is the const block in fault.go. Clients see its values, so nothing else may spell one.
func TestCodes(t *testing.T) {
	t.Parallel()
	codes := table(t)
	t.Run("are documented for users", func(t *testing.T) {
		t.Parallel()
		text, err := os.ReadFile(filepath.Join(root, "docs", "errors.md"))
		if err != nil {
			t.Fatal(err)
		}
		for code := range codes {
			if !strings.Contains(string(text), "| `"+code+"` |") {
				t.Errorf("docs/errors.md has no line for %s", code)
			}
		}
	})
	t.Run("are spelled in the table only", func(t *testing.T) {
		t.Parallel()
		looked := 0
		for _, path := range sources(t) {
			looked++
			for _, found := range spelled(t, path, codes) {
				t.Errorf("%s: use the constant of package fault", found)
			}
		}
		if looked < 100 {
			t.Errorf("only %d files were looked at", looked)
		}
	})
	t.Run("are found where a literal spells one", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "bad.go")
		source := "package bad\n\nvar a = map[string]any{\"code\": \"OWN_CODE\"}\n\nconst b = \"FEED_RESET\"\n"
		if err := os.WriteFile(path, []byte(source), 0o600); err != nil {
			t.Fatal(err)
		}
		if found := spelled(t, path, codes); len(found) != 2 {
			t.Errorf("found %v, want both literals", found)
		}
	})
}

// table reads the values of the constants of type Code.
func table(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); ok && kind.Name == "Code" {
			codes[text(spec.Values[0])] = true
		}
		return true
	})
	if len(codes) < 9 {
		t.Fatalf("the table has %d codes", len(codes))
	}
	return codes
}

// sources lists the Go files of the program: neither tests, nor generated code, nor this package.
func sources(t *testing.T) (paths []string) {
	t.Helper()
	for _, folder := range []string{"internal", "resolvers", "model", "web"} {
		err := filepath.WalkDir(filepath.Join(root, folder), func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") &&
				filepath.Base(filepath.Dir(path)) != "fault" {
				paths = append(paths, path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

// spelled finds string literals that equal a code, and literals under the key "code", which is where clients look for it.
func spelled(t *testing.T, path string, codes map[string]bool) (found []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if text(n.Key) == "code" && text(n.Value) != "" && !codes[text(n.Value)] {
				found = append(found, set.Position(n.Pos()).String())
			}
		case *ast.BasicLit:
			if codes[text(n)] {
				found = append(found, set.Position(n.Pos()).String())
			}
		}
		return true
	})
	return found
}

func text(e ast.Expr) string {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(literal.Value)
	return s
}
