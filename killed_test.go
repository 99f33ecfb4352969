package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/internal/pgtest/scratch"
	"github.com/closeloop/closeloop/model"
)

// made is a file of rows, of which each hundredth has no score and is rejected.
const (
	rows     = 1600
	rejected = rows / 100
)

func made(t *testing.T) (file string, detractors int) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("id,score,name,country,comment\n")
	for i := range rows {
		score := strconv.Itoa(i % 11)
		if i%100 == 99 {
			score = ""
		} else if i%11 <= 6 {
			detractors++
		}
		fmt.Fprintf(&b, "r%d,%s,Customer %d,NL,\"Row %d, as it came.\"\n", i, score, i%1000, i)
	}
	file = filepath.Join(t.TempDir(), "made.csv")
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, detractors
}

func importMade(t *testing.T, file string, environment ...string) *program {
	return start(t, environment, "import", file, "--score", "score", "--response-external-id", "id", "--full-name", "name", "--country", "country", "--comment", "comment")
}

var (
	summary = regexp.MustCompile(`([\d,]+) responses? created, ([\d,]+) known already, ([\d,]+) cases? opened, ([\d,]+) rows? rejected`)
	soFar   = regexp.MustCompile(`([\d,]+) rows? read`)
)

// numbers are those that the last match in the text holds.
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

func TestAnImportThatIsKilledLosesNothingItReportedAndIsCompletedByTheNext(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	file, detractors := made(t)
	c := s.watch(model.Agent, `(after: "`+s.place()+`", types: [OPENED])`, opened)

	began := time.Now()
	killed := importMade(t, file, "DATABASE_URL="+pgtest.URL(t, s.app.DB))
	some, _, err := c.collect(1)
	if err != nil {
		t.Fatal(err)
	}
	// The next batch waits for the rules. It is let go when the command is about to say how far it came, which it does
	// once a second.
	s.holdRules(func() { <-time.After(time.Until(began.Add(1500 * time.Millisecond))) })
	killed.await("read")
	killed.kill()
	reported := numbers(t, soFar, killed.output())[0]
	s.holds(reported)
	t.Logf("killed after %d of %d rows were reported, and %d written", reported, rows, s.count("responses"))

	next := importMade(t, file, "DATABASE_URL="+pgtest.URL(t, s.app.DB))
	if code := next.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	n := numbers(t, summary, next.output())
	if n[0]+n[1] != rows-rejected || n[1] < reported-reported/100 || n[3] != rejected {
		t.Errorf("the next run reports %v", n)
	}
	if have := s.figures(); have["all"] != rows-rejected || have["cases"] != detractors || have["detractors"] != detractors || have["customers"] != 1000-10 {
		t.Errorf("in the end there are %v; %d responses and %d cases should be", have, rows-rejected, detractors)
	}
	rest, _, err := c.collect(detractors - 1)
	once := map[string]bool{}
	for _, id := range append(some, rest...) {
		once[id] = true
	}
	if err != nil || len(once) != detractors {
		t.Errorf("a subscriber saw %d of %d cases over both runs (%v)", len(once), detractors, err)
	}
}

// holdRules keeps everybody from reading the rules until done.
func (s *testServer) holdRules(until func()) {
	s.t.Helper()
	err := pgx.BeginFunc(s.t.Context(), s.app.DB.Pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(s.t.Context(), "LOCK TABLE rules")
		until()
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// holds tells whether the responses of the first rows are all there.
func (s *testServer) holds(reported int) {
	s.t.Helper()
	var n int
	err := s.app.DB.Pool.QueryRow(s.t.Context(), "SELECT count(*) FROM responses WHERE substr(external_id, 2)::int < $1", reported).Scan(&n)
	if err != nil || n != reported-reported/100 {
		s.t.Errorf("%d of the %d rows that were reported are there (%v)", n, reported-reported/100, err)
	}
}

// lists tells the same by the API.
func (s *testServer) lists(reported int) {
	s.t.Helper()
	there := map[string]bool{}
	for after, more := any(nil), true; more; {
		page := s.ok(model.Manager, `query ($after: String) {responses(first: 100, after: $after) {nodes {externalId} pageInfo {hasNextPage endCursor}}}`, vars{"after": after}).at("responses")
		for _, r := range page.list("nodes") {
			there[r.text("externalId")] = true
		}
		after, more = page.text("pageInfo.endCursor"), page.truth("pageInfo.hasNextPage")
	}
	for i := range reported {
		if row := fmt.Sprint("r", i); !there[row] && i%100 != 99 {
			s.t.Errorf("row %s was reported and is not there", row)
		}
	}
}

func TestAServerThatIsKilledLosesNothingThatAnImportReportedAndComesBack(t *testing.T) {
	t.Parallel()
	settings := []string{
		"CLOSELOOP_DATA_DIR=" + filepath.Join(scratch.Folder(t), "data"), "CLOSELOOP_LISTEN=127.0.0.1:0", "CLOSELOOP_ADMIN_TOKEN=admin-token-of-this-test",
	}
	var server *program
	s := &testServer{t: t, tokens: map[model.Role]string{}}
	for _, role := range everyRole {
		s.tokens[role] = "admin-token-of-this-test"
	}
	serve := func() {
		server = start(t, settings, "serve")
		s.url = strings.TrimPrefix(server.await("closeloop is at http://"), "closeloop is at ")
	}
	serve()
	s.addRule(nil)
	file, detractors := made(t)
	c := s.watch(model.Admin, `(after: "`+s.place()+`", types: [OPENED])`, opened)
	importing := importMade(t, file, settings...)
	before, last, err := c.collect(100)
	if err != nil {
		t.Fatal(err)
	}
	server.kill()
	for { // what was on its way to us still counts
		more, cursor, err := c.collect(1)
		if err != nil {
			break
		}
		before, last = append(before, more...), cursor
	}
	if code := importing.exit(); code != 1 || !strings.Contains(importing.output(), "the same command goes on") {
		t.Errorf("the import ends with exit code %d and says:\n%s", code, importing.output())
	}
	n := numbers(t, summary, importing.output())

	serve()
	have := s.figures()
	t.Logf("killed after %d responses and %d cases were reported; %v are there", n[0], n[2], have)
	if n[0] == 0 || n[0] >= rows-rejected || have["all"] < n[0] || have["cases"] < n[2] || have["cases"] < len(before) {
		t.Errorf("%v was reported, and %d cases were pushed; there are %v", n, len(before), have)
	}
	s.lists(n[0] + n[1] + n[3])
	next := importMade(t, file, settings...)
	if code := next.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	if again := numbers(t, summary, next.output()); again[0] != rows-rejected-have["all"] || again[1] != have["all"] || again[2] != detractors-have["cases"] || again[3] != rejected {
		t.Errorf("the next run reports %v, with %v before", again, have)
	}
	if have := s.figures(); have["all"] != rows-rejected || have["cases"] != detractors || have["customers"] != 1000-10 {
		t.Errorf("in the end there are %v; %d responses and %d cases should be", have, rows-rejected, detractors)
	}
	// The subscriber goes on at the place it has, on the server that came back.
	after, _, err := s.watch(model.Admin, `(after: "`+last+`", types: [OPENED])`, opened).collect(detractors - len(before))
	once := map[string]bool{}
	for _, id := range append(before, after...) {
		once[id] = true
	}
	if err != nil || len(once) != detractors {
		t.Errorf("the subscriber saw %d of %d cases (%v)", len(once), detractors, err)
	}
}
