package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/closeloop/closeloop"

// arrows say which packages of ours each package may import, outside its tests. They run down only; a package that is
// not in the table fails the test, so that a new one is given its place.
var arrows = map[string][]string{
	// Packages that all others may use.
	"model":             {},
	"migrations":        {},
	"web":               {"model"},
	"internal/fault":    {},
	"internal/config":   {},
	"internal/country":  {},
	"internal/logline":  {"model", "internal/fault"},
	"internal/pg":       {"internal/pg/cluster", "internal/pg/fair", "internal/pg/flock"},
	"internal/pg/flock": {}, "internal/pg/cluster": {}, "internal/pg/fair": {},

	"internal/configuration": {"internal/pg", "internal/shared"},

	"internal/text":      {"model", "internal/fault"},
	"internal/page":      {"internal/fault", "internal/pg"},
	"internal/filter":    {"model", "internal/country", "internal/fault", "internal/pg"},
	"internal/calendar":  {"model", "internal/fault"},
	"internal/rule":      {"model", "internal/auth", "internal/calendar", "internal/configuration", "internal/fault", "internal/filter", "internal/pg", "internal/audit"},
	"internal/audit":     {"model", "internal/auth", "internal/filter", "internal/job", "internal/pg"},
	"internal/keyword":   {"model"},
	"internal/auth":      {"model", "internal/configuration", "internal/fault", "internal/filter", "internal/pg", "internal/shared"},
	"internal/event":     {"model", "internal/fault", "internal/filter", "internal/job", "internal/page", "internal/pg", "internal/rate", "internal/shared"},
	"internal/job":       {"model", "internal/pg"},
	"internal/rate":      {"model", "internal/pg/fair"},
	"internal/shared":    {},
	"internal/inflight":  {},
	"internal/answer":    {"internal/pg", "internal/shared"},
	"internal/argument":  {"model", "internal/fault", "internal/filter", "internal/page"},
	"internal/cost":      {"internal/event", "internal/filter", "internal/pg"},
	"internal/persisted": {"model", "internal/audit", "internal/auth", "internal/fault", "internal/pg"},
	"internal/egress":    {"model", "internal/fault"},
	// The sockets know neither the schema nor the log.
	"internal/live":      {"internal/fault", "internal/live/conn", "internal/live/wire"},
	"internal/live/conn": {"internal/live/wire"},
	"internal/live/wire": {"internal/fault"},

	// casework uses both.
	"internal/assignment":  {"model", "internal/fault", "internal/pg", "internal/rule"},
	"internal/idempotency": {"model", "internal/auth", "internal/fault", "internal/job", "internal/pg"},

	// Packages that write. casework never imports a package that reads, reports, notifies or serves.
	"internal/casework": {"model", "internal/assignment", "internal/auth", "internal/event", "internal/fault", "internal/filter",
		"internal/idempotency", "internal/job", "internal/pg", "internal/rule", "internal/text"},
	"internal/customer": {"model", "internal/auth", "internal/casework", "internal/country", "internal/fault", "internal/pg", "internal/text"},
	"internal/passive": {"model", "internal/auth", "internal/assignment", "internal/casework", "internal/event", "internal/fault", "internal/filter",
		"internal/idempotency", "internal/page", "internal/pg"},
	"internal/theme": {"model", "internal/auth", "internal/casework", "internal/configuration", "internal/event", "internal/fault", "internal/job", "internal/keyword", "internal/pg", "internal/audit"},
	"internal/intake": {"model", "internal/assignment", "internal/audit", "internal/auth", "internal/casework", "internal/configuration", "internal/customer", "internal/event", "internal/fault",
		"internal/idempotency", "internal/pg", "internal/rule", "internal/text", "internal/theme"},
	"internal/privacy":        {"model", "internal/auth", "internal/casework", "internal/customer", "internal/event", "internal/fault", "internal/job", "internal/pg", "internal/text", "internal/audit"},
	"internal/settings":       {"model", "internal/auth", "internal/configuration", "internal/fault", "internal/audit"},
	"internal/user":           {"model", "internal/auth", "internal/casework", "internal/configuration", "internal/event", "internal/fault", "internal/filter", "internal/pg", "internal/audit"},
	"internal/importer/table": {"internal/fault"},
	"internal/importer/value": {"model", "internal/pg"},
	"internal/importer":       {"internal/importer/table", "internal/importer/value", "model", "internal/customer", "internal/intake", "internal/auth", "internal/country", "internal/fault", "internal/job", "internal/pg", "internal/audit"},
	"internal/source": {"model", "internal/audit", "internal/auth", "internal/configuration", "internal/customer", "internal/fault", "internal/intake", "internal/job",
		"internal/pg", "internal/text"},
	"internal/sample": {"model", "internal/customer", "internal/intake", "internal/auth", "internal/casework", "internal/configuration", "internal/event", "internal/fault", "internal/filter",
		"internal/job", "internal/pg", "internal/rule", "internal/settings", "internal/theme", "internal/user"},
	"internal/notify":  {"model", "internal/auth", "internal/casework", "internal/fault", "internal/event", "internal/filter", "internal/job", "internal/pg"},
	"internal/webhook": {"model", "internal/auth", "internal/configuration", "internal/egress", "internal/event", "internal/fault", "internal/filter", "internal/job", "internal/pg", "internal/audit"},

	// What reads.
	"internal/read":   {"model", "internal/auth", "internal/calendar", "internal/event", "internal/fault", "internal/filter", "internal/job", "internal/page", "internal/passive", "internal/pg", "internal/pg/fair"},
	"internal/tally":  {"model", "internal/event", "internal/filter", "internal/pg"},
	"internal/rollup": {"internal/job", "internal/pg"},
	"internal/report": {"model", "internal/auth", "internal/configuration", "internal/country", "internal/event", "internal/fault", "internal/filter", "internal/keyword", "internal/page", "internal/pg", "internal/pg/fair", "internal/rate", "internal/rollup", "internal/tally"},

	// The edge. graph is generated, and names the types that it is bound to.
	"graph": {"model", "internal/customer", "internal/intake", "internal/notify", "internal/privacy", "internal/auth", "internal/casework", "internal/filter", "internal/importer", "internal/page", "internal/passive", "internal/rate", "internal/read",
		"internal/report", "internal/rule", "internal/settings", "internal/source", "internal/theme", "internal/user", "internal/webhook"},
	"resolvers": {"graph", "model", "internal/argument", "internal/customer", "internal/intake", "internal/notify", "internal/privacy", "internal/auth", "internal/casework", "internal/event", "internal/fault", "internal/filter",
		"internal/importer", "internal/live", "internal/page", "internal/passive", "internal/rate", "internal/read", "internal/report", "internal/rule", "internal/settings", "internal/source", "internal/theme", "internal/user", "internal/webhook"},
	"internal/httpd": {"graph", "resolvers", "web", "model", "internal/answer", "internal/argument", "internal/auth", "internal/cost", "internal/fault", "internal/inflight", "internal/live", "internal/live/wire", "internal/persisted", "internal/pg", "internal/rate", "internal/read", "internal/source"},
	// The program.
	"internal/app": {"model", "internal/answer", "internal/customer", "internal/intake", "internal/privacy", "internal/passive", "internal/idempotency", "resolvers", "migrations", "internal/auth", "internal/casework", "internal/config", "internal/configuration", "internal/egress", "internal/event",
		"internal/fault", "internal/httpd", "internal/importer", "internal/inflight", "internal/job", "internal/live", "internal/logline", "internal/notify", "internal/persisted", "internal/pg",
		"internal/rate", "internal/read", "internal/report", "internal/rollup", "internal/rule", "internal/sample", "internal/settings", "internal/source", "internal/theme", "internal/user", "internal/webhook", "internal/audit"},
	"internal/cli":           {"graph", "migrations", "model", "internal/app", "internal/audit", "internal/auth", "internal/config", "internal/fault", "internal/importer", "internal/logline", "internal/persisted"},
	".":                      {"internal/cli"},
	"docs/examples/receiver": {},

	// Measuring.
	"bench/attack":  {"model", "bench/program", "bench/year", "internal/pg/cluster", "internal/querytest"},
	"bench/feed":    {"bench/program"},
	"bench/ingest":  {"bench/program", "internal/intake", "model", "internal/auth", "internal/casework", "internal/event", "internal/importer", "internal/job", "internal/pg", "migrations"},
	"bench/size":    {"model", "bench/program", "bench/year", "internal/pg/cluster"},
	"bench/year":    {"model", "bench/program", "internal/event", "internal/keyword", "internal/pg", "internal/rule", "internal/theme"},
	"bench/program": {},
	"bench/peers":   {"bench/peers/byhand", "bench/program", "bench/year", "internal/pg/cluster"}, "bench/peers/byhand": {},

	// For tests alone.
	"e2e/setup": {"graph", "model", "internal/app", "internal/auth", "internal/cli", "internal/config", "internal/logline", "internal/pg", "internal/pg/cluster",
		"internal/pgtest"},
	"internal/pgtest":         {"internal/pg", "internal/pg/cluster", "internal/pg/flock", "internal/pgtest/scratch", "migrations"},
	"internal/pgtest/scratch": {},
	"internal/querytest":      {},
	"graph/generate":          {},
	"internal/worktest":       {"internal/customer", "internal/intake", "model", "internal/auth", "internal/casework", "internal/configuration", "internal/event", "internal/fault", "internal/job", "internal/pg", "internal/pgtest"},
}

func TestArrowsBetweenPackagesRunDownOnly(t *testing.T) {
	t.Parallel()
	packages := packagesOf(t)
	for at, imports := range packages {
		allowed, known := arrows[at]
		if !known {
			t.Errorf("package %s has no place in the table of arrows", at)
			continue
		}
		for name := range imports {
			if ours, is := ourPackage(name); is && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s, which the table of arrows does not allow", at, ours)
			}
		}
	}
	for at := range arrows {
		if packages[at] == nil {
			t.Errorf("the table of arrows has a package %s, which is gone", at)
		}
	}
	for at := range arrows {
		if cycle := circle(at, nil); cycle != nil {
			t.Fatalf("the table itself runs in a circle: %s", strings.Join(cycle, " → "))
		}
	}
}

func TestOnlyTheEdgeKnowsTheGeneratedCode(t *testing.T) {
	t.Parallel()
	for at, imports := range packagesOf(t) {
		edge := slices.Contains([]string{"internal/cli", "resolvers", "internal/httpd", "e2e/setup"}, at)
		if imports[module+"/graph"] && !edge {
			t.Errorf("%s imports graph", at)
		}
		for _, ours := range []string{"internal/pgtest", "internal/worktest", "e2e/setup"} {
			if imports[module+"/"+ours] && at != "internal/worktest" && at != "e2e/setup" {
				t.Errorf("%s imports %s outside its tests", at, ours)
			}
		}
	}
}

// databaseImports are the beginnings of the imports through which code reaches SQL or a transaction.
var databaseImports = []string{"gorm.io/", "database/sql", "github.com/jackc/", "github.com/riverqueue/", module + "/internal/pg", module + "/internal/job"}

// reachesDatabase reports whether the import leads to SQL. database/sql/driver is only the interface of a column's value.
func reachesDatabase(name string) bool {
	return name != "database/sql/driver" && slices.ContainsFunc(databaseImports, func(way string) bool { return strings.HasPrefix(name, way) })
}

func TestResolversAndNounsCannotReachTheDatabase(t *testing.T) {
	t.Parallel()
	packages := packagesOf(t)
	for _, at := range []string{"resolvers", "model", "graph", "internal/live", "internal/live/conn", "internal/live/wire", "internal/calendar"} {
		for name := range packages[at] {
			if reachesDatabase(name) {
				t.Errorf("%s imports %s", at, name)
			}
		}
	}
}

// These packages have files that decide and files that write; a file that decides stays pure.
func TestFilesThatDecideCannotReachTheDatabase(t *testing.T) {
	t.Parallel()
	for at, files := range map[string][]string{
		"internal/rule":  {"match.go", "escalation.go", "recipe.go", "input.go", "input_times.go"},
		"internal/theme": {"testimonial.go", "input.go"},
	} {
		for _, file := range files {
			for _, name := range importsOf(t, filepath.Join(at, file)) {
				if reachesDatabase(name) {
					t.Errorf("%s/%s imports %s", at, file, name)
				}
			}
		}
	}
}

// importsOf gives the paths that a file imports.
func importsOf(t *testing.T, file string) (names []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range parsed.Imports {
		name, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

// packagesOf gives all packages of the module by their folders, with what their files other than tests import.
func packagesOf(t *testing.T) map[string]map[string]bool {
	t.Helper()
	packages := map[string]map[string]bool{}
	err := filepath.WalkDir(".", func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata"):
			return fs.SkipDir
		case entry.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		at := path.Dir(filepath.ToSlash(file))
		if packages[at] == nil {
			packages[at] = map[string]bool{}
		}
		for _, name := range importsOf(t, file) {
			packages[at][name] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(packages) < 20 {
		t.Fatalf("only %d packages were found: %v", len(packages), slices.Sorted(maps.Keys(packages)))
	}
	return packages
}

func ourPackage(name string) (string, bool) {
	if name == module {
		return ".", true
	}
	return strings.CutPrefix(name, module+"/")
}

func circle(at string, way []string) []string {
	if slices.Contains(way, at) {
		return append(way, at)
	}
	for _, next := range arrows[at] {
		if found := circle(next, append(slices.Clone(way), at)); found != nil {
			return found
		}
	}
	return nil
}
