package chaos

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

// The file has `rows` rows. Each hundredth row has no score and is rejected. They are so many that the import is still in their
// middle when a program is killed as soon as it has said how far it is.
const (
	rows     = 20_000
	rejected = rows / 100
)

// made are the lines of the file, the header first.
func made() (lines []string, detractors int) {
	lines = append(lines, "id,score,name,country,comment\n")
	for i := range rows {
		score := strconv.Itoa(i % 11)
		if i%100 == 99 {
			score = ""
		} else if i%11 <= 6 {
			detractors++
		}
		lines = append(lines, fmt.Sprintf("r%d,%s,Customer %d,NL,\"Row %d, as it came.\"\n", i, score, i%1000, i))
	}
	return lines, detractors
}

// whole writes the file.
func whole(t *testing.T, lines []string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "made.csv")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func importMade(t *testing.T, file string, environment ...string) *setup.Program {
	return setup.StartProgram(t, environment, "import", file, "--score", "score", "--response-external-id", "id", "--full-name", "name", "--country", "country", "--comment", "comment")
}

var (
	summary = regexp.MustCompile(`([\d,]+) responses? created, ([\d,]+) known already, ([\d,]+) cases? opened, ([\d,]+) rows? rejected`)
	soFar   = regexp.MustCompile(`([\d,]+) rows? read`)
)

// numbers are the numbers in the last match of the pattern.
func numbers(t *testing.T, pattern *regexp.Regexp, text string) (list []int) {
	t.Helper()
	all := pattern.FindAllStringSubmatch(text, -1)
	if len(all) == 0 {
		t.Fatalf("no %v in:\n%s", pattern, text)
	}
	for _, digits := range all[len(all)-1][1:] {
		n, err := strconv.Atoi(strings.ReplaceAll(digits, ",", ""))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, n)
	}
	return list
}

func TestKill(t *testing.T) {
	t.Parallel()
	t.Run("an import keeps what it reported, and the next import completes it", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		lines, detractors := made()
		c := s.Watch(model.Agent, `(after: "`+s.Cursor()+`", types: [OPENED])`, setup.CaseOfEvent)

		killed := importMade(t, whole(t, lines), "DATABASE_URL="+pgtest.URL(t, s.App.DB))
		some, _, err := c.Collect(1)
		if err != nil {
			t.Fatal(err)
		}
		killed.Await("rows read") // after a batch the command prints how far it is, at most once a second
		killed.Kill()
		reported := numbers(t, soFar, killed.Output())[0]
		holds(s, reported)
		t.Logf("killed after %d of %d rows were reported, and %d written", reported, rows, s.Count("responses"))
		if s.Count("responses") == rows-rejected {
			t.Fatal("the import was not killed in the middle")
		}

		next := importMade(t, whole(t, lines), "DATABASE_URL="+pgtest.URL(t, s.App.DB))
		if code := next.Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		n := numbers(t, summary, next.Output())
		if n[0]+n[1] != rows-rejected || n[1] < reported-reported/100 || n[3] != rejected {
			t.Errorf("the next run reports %v", n)
		}
		if have := s.Totals(); have["all"] != rows-rejected || have["cases"] != detractors || have["detractors"] != detractors || have["customers"] != 1000-10 {
			t.Errorf("in the end there are %v; %d responses and %d cases should be", have, rows-rejected, detractors)
		}
		rest, _, err := c.Collect(detractors - 1)
		once := map[string]bool{}
		for _, id := range append(some, rest...) {
			once[id] = true
		}
		if err != nil || len(once) != detractors {
			t.Errorf("a subscriber saw %d of %d cases over both runs (%v)", len(once), detractors, err)
		}
	})

	t.Run("a server keeps what an import reported, and comes back", func(t *testing.T) {
		t.Parallel()
		settings := []string{
			"CLOSELOOP_DATA_DIR=" + filepath.Join(scratch.Folder(t), "data"), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN=administrator-token-of-this-test",
		}
		var server *setup.Program
		s := &setup.Server{T: t, Tokens: map[model.Role]string{}}
		for _, role := range setup.Roles {
			s.Tokens[role] = "administrator-token-of-this-test"
		}
		serve := func() {
			server = setup.StartProgram(t, settings, "serve")
			s.URL = strings.TrimPrefix(server.Await("closeloop is at http://"), "closeloop is at ")
		}
		serve()
		s.AddRule(nil)
		lines, detractors := made()
		c := s.Watch(model.Admin, `(after: "`+s.Cursor()+`", types: [OPENED])`, setup.CaseOfEvent)
		importing := importMade(t, whole(t, lines), settings...)
		before, last, err := c.Collect(100)
		if err != nil {
			t.Fatal(err)
		}
		server.Kill()
		for { // events that were on their way count too
			more, cursor, err := c.Collect(1)
			if err != nil {
				break
			}
			before, last = append(before, more...), cursor
		}
		if code := importing.Exit(); code != 1 || !strings.Contains(importing.Output(), "run the same command again") {
			t.Errorf("the import ends with exit code %d and says:\n%s", code, importing.Output())
		}
		n := numbers(t, summary, importing.Output())

		serve()
		have := s.Totals()
		t.Logf("killed after %d responses and %d cases were reported; %v are there", n[0], n[2], have)
		if n[0] == 0 || n[0] >= rows-rejected || have["all"] < n[0] || have["cases"] < n[2] || have["cases"] < len(before) {
			t.Errorf("%v was reported, and %d cases were pushed; there are %v", n, len(before), have)
		}
		lists(s, n[0]+n[1]+n[3])
		next := importMade(t, whole(t, lines), settings...)
		if code := next.Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		if again := numbers(t, summary, next.Output()); again[0] != rows-rejected-have["all"] || again[1] != have["all"] || again[2] != detractors-have["cases"] || again[3] != rejected {
			t.Errorf("the next run reports %v, with %v before", again, have)
		}
		if have := s.Totals(); have["all"] != rows-rejected || have["cases"] != detractors || have["customers"] != 1000-10 {
			t.Errorf("in the end there are %v; %d responses and %d cases should be", have, rows-rejected, detractors)
		}
		// The subscriber resumes at its cursor, on the server that came back.
		after, _, err := s.Watch(model.Admin, `(after: "`+last+`", types: [OPENED])`, setup.CaseOfEvent).Collect(detractors - len(before))
		once := map[string]bool{}
		for _, id := range append(before, after...) {
			once[id] = true
		}
		if err != nil || len(once) != detractors {
			t.Errorf("the subscriber saw %d of %d cases (%v)", len(once), detractors, err)
		}
	})
}

// holds checks that the responses of the first rows are all there.
func holds(s *setup.Server, reported int) {
	s.T.Helper()
	var n int
	err := s.App.DB.Pool.QueryRow(s.T.Context(), "SELECT count(*) FROM responses WHERE substr(external_id, 2)::int < $1", reported).Scan(&n)
	if err != nil || n != reported-reported/100 {
		s.T.Errorf("%d of the %d rows that were reported are there (%v)", n, reported-reported/100, err)
	}
}

// lists checks the same through the API.
func lists(s *setup.Server, reported int) {
	s.T.Helper()
	there := map[string]bool{}
	for after, more := any(nil), true; more; {
		page := s.OK(model.Manager, `query ($after: String) {responses(first: 100, after: $after) {nodes {externalId} pageInfo {hasNextPage endCursor}}}`, vars{"after": after}).At("responses")
		for _, r := range page.List("nodes") {
			there[r.Text("externalId")] = true
		}
		after, more = page.Text("pageInfo.endCursor"), page.Bool("pageInfo.hasNextPage")
	}
	for i := range reported {
		if row := fmt.Sprint("r", i); !there[row] && i%100 != 99 {
			s.T.Errorf("row %s was reported and is not there", row)
		}
	}
}
