package casework

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

func TestAllocatePassives(t *testing.T) {
	t.Parallel()
	// Imported without names, each of the 308 passives is a separate customer.
	t.Run("gives a tenth of the queue to three managers in turn", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		imported := setup.StartProgram(t, []string{"DATABASE_URL=" + pgtest.URL(t, s.App.DB)}, "import", setup.Reviews, "--score", "overall_rating", "--responded-at", "date",
			"--comment", "content", "--segment", "cabin_flown")
		if code := imported.Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		portionOut(s, 308, []map[int]int{{10: 3}, {9: 3}, {9: 1, 8: 2}}) // 30 of 308, 27 of 278, 25 of 251
	})

	// Imported with names, countries and airlines, some customers have answered more than once, and only the latest counts.
	t.Run("counts only the latest response of each customer", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		if code := s.ImportReviews().Exit(); code != 2 {
			t.Fatalf("exit code %d", code)
		}
		latest := s.Count(`(SELECT DISTINCT ON (customer_id) score FROM responses ORDER BY customer_id, responded_at DESC, id DESC) r WHERE score IN (7, 8)`)
		if latest != 303 {
			t.Errorf("the latest response of %d customers is a passive's, not of 303", latest)
		}
		portionOut(s, latest, []map[int]int{{10: 3}}) // 30 of 303
	})
}

// portionOut allocates tenths of the queue to three managers, and compares the numbers of cases that they get.
func portionOut(s *setup.Server, queue int, runs []map[int]int) {
	s.T.Helper()
	var managers []string
	for i := range 3 {
		managers = append(managers, s.OK(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
			vars{"input": vars{"name": fmt.Sprint("M", i), "email": fmt.Sprintf("m%d@example.com", i), "role": "MANAGER"}}).Text("createUser.user.id"))
	}
	left := func() int {
		return s.OK(model.Manager, `{passives(first: 1) {totalCount}}`, nil).Number("passives.totalCount")
	}
	seen := map[string]bool{}
	for run, shares := range runs {
		a := s.OK(model.Manager, `mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered allocated
			cases {origin response {id category} assignee {id} history(first: 5) {nodes {type note {body}}}}}}`,
			vars{"input": vars{"percent": 10, "userIds": managers, "prioritizeBy": []string{"SCORE", "TESTIMONIAL"}, "note": "Ask what a nine would take."}})
		each, got := map[string]int{}, map[int]int{}
		for i, c := range a.List("allocatePassives.cases") {
			each[c.Text("assignee.id")]++
			if seen[c.Text("response.id")] || c.Text("response.category") != "PASSIVE" || c.Text("origin") != "ALLOCATION" || c.Text("assignee.id") != managers[i%3] ||
				c.Text("history.nodes.1.note.body") == "" {
				s.T.Errorf("run %d, case %d: %v", run, i, c.V)
			}
			seen[c.Text("response.id")] = true
		}
		for _, cases := range each {
			got[cases]++
		}
		if a.Number("allocatePassives.considered") != queue || a.Number("allocatePassives.allocated") != queue/10 || !maps.Equal(got, shares) {
			s.T.Errorf("run %d, of %d in the queue: %v, %.200s", run, queue, got, a.Body)
		}
		if queue -= queue / 10; left() != queue {
			s.T.Errorf("after run %d, %d are left, not %d", run, left(), queue)
		}
	}
}

// Each theme has one word as its keyword, so that a search in the file can count it.
func TestThemes(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	whole := regexp.MustCompile(`^(10|[0-9])(\.0+)?$`) // a score
	words := map[string]*regexp.Regexp{}
	for _, word := range []string{"legroom", "seat", "comfortable", "food", "delay"} {
		words[word] = regexp.MustCompile(`(?i)(^|[^\pL\pN_])` + word + `($|[^\pL\pN_])`)
	}
	create := func(word string, past bool) {
		s.OK(model.Manager, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`,
			vars{"input": vars{"name": word, "keywords": []string{word}, "applyToPast": past}})
	}
	create("seat", false)
	create("food", false)
	if code := s.ImportReviews().Exit(); code != 2 {
		t.Fatalf("exit code %d", code)
	}
	for _, word := range []string{"legroom", "comfortable", "delay"} {
		create(word, true)
	}
	s.App.Jobs.Start(context.Background()) // starts the workers of all jobs, tagging included
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), setup.Patience)
		defer cancel()
		if err := s.App.Jobs.Stop(ending); err != nil {
			t.Error(err)
		}
	})
	const commented = 1293 // of the 1,300 responses; two more say NULL and n/a, which is no comment
	for began := time.Now(); ; {
		going := 0
		for _, theme := range s.OK(model.Manager, `{themes {name tagging {done total startedAt finishedAt}}}`, nil).List("themes") {
			if !theme.Missing("tagging") && theme.Missing("tagging.finishedAt") {
				going++
			} else if !theme.Missing("tagging") && (theme.Number("tagging.done") != commented || theme.Number("tagging.total") != commented) {
				t.Errorf("done: %v", theme.V)
			}
		}
		if going == 0 {
			break
		}
		if time.Since(began) > setup.Patience {
			t.Fatal("the past is never done")
		}
	}
	want, have := map[string]int{}, map[string]int{}
	for _, row := range reviewRows(t) {
		if !whole.MatchString(strings.TrimSpace(row["overall_rating"])) { // a rejected row, or not a row
			continue
		}
		for word, pattern := range words {
			if pattern.MatchString(row["content"]) {
				want[word]++
			}
		}
	}
	for _, theme := range s.OK(model.Partner, `{themes {id name}}`, nil).List("themes") {
		have[theme.Text("name")] = s.OK(model.Partner, `query ($id: ID!) {responses(filter: {themes: {any: [$id]}}) {totalCount nodes {themes {name}}}}`,
			vars{"id": theme.Text("id")}).Number("responses.totalCount")
	}
	t.Log(have)
	for word := range words {
		if have[word] != want[word] || want[word] == 0 {
			t.Errorf("%s is in %d comments, and %d are tagged", word, want[word], have[word])
		}
	}
	most := 0
	for i, top := range s.OK(model.Partner, `{topThemes(first: 5) {theme {name} responses promoters passives detractors nps sample {comment}}}`, nil).List("topThemes") {
		word, n := top.Text("theme.name"), top.Number("responses")
		if n != want[word] || i > 0 && n > most || top.Number("promoters")+top.Number("passives")+top.Number("detractors") != n || len(top.List("sample")) != 3 {
			t.Errorf("%s is in %d comments; the top themes have %s", word, want[word], top.V)
		}
		most = n
		delete(want, word)
	}
	if len(want) != 0 {
		t.Errorf("the top themes lack %v", want)
	}
	suggested := s.OK(model.Manager, `{suggestThemes(limit: 20) {keyword responses sample {comment}}}`, nil).List("suggestThemes")
	if len(suggested) != 20 || slices.ContainsFunc(suggested, func(x setup.Tree) bool { return words[x.Text("keyword")] != nil || len(x.List("sample")) != 3 }) {
		t.Errorf("suggested: %v", suggested)
	}
	for _, x := range suggested[:8] {
		t.Log(x.Text("keyword"), x.Number("responses"))
	}
}

// reviewRows are the rows of the file by column name.
func reviewRows(t *testing.T) (rows []map[string]string) {
	t.Helper()
	file, err := os.Open(setup.Reviews)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, record := range records[1:] {
		row := map[string]string{}
		for i, name := range records[0] {
			row[name] = record[i]
		}
		rows = append(rows, row)
	}
	return rows
}
