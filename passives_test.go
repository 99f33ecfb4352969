package main

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

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// Without their names, each of the 308 passives is a customer of their own.
func TestATenthOfTheReviewsPassivesIsTenForEachOfThreeManagers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	imported := start(t, []string{"DATABASE_URL=" + pgtest.URL(t, s.app.DB)}, "import", reviews, "--score", "overall_rating", "--responded-at", "date",
		"--comment", "content", "--segment", "cabin_flown")
	if code := imported.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	s.portionOut(308, []map[int]int{{10: 3}, {9: 3}, {9: 1, 8: 2}}) // 30 of 308, 27 of 278, 25 of 251
}

// With their names, some passives have answered again, and only the last answer counts.
func TestTheQueueOfTheReviewsHasTheLatestAnswersAlone(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	if code := s.importReviews().exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	latest := s.count(`(SELECT DISTINCT ON (customer_id) score FROM responses ORDER BY customer_id, responded_at DESC, id DESC) r WHERE score IN (7, 8)`)
	if latest != 251 {
		t.Errorf("the latest response of %d customers is a passive's, not of 251", latest)
	}
	s.portionOut(latest, []map[int]int{{9: 1, 8: 2}}) // 25 of 251
}

// portionOut gives tenths of the queue to three managers, and compares how many of them get how many cases.
func (s *testServer) portionOut(queue int, runs []map[int]int) {
	s.t.Helper()
	var managers []string
	for i := range 3 {
		managers = append(managers, s.ok(model.Admin, `mutation ($input: CreateUserInput!) {createUser(input: $input) {user {id}}}`,
			vars{"input": vars{"name": fmt.Sprint("M", i), "email": fmt.Sprintf("m%d@example.com", i), "role": "MANAGER"}}).text("createUser.user.id"))
	}
	left := func() int {
		return s.ok(model.Manager, `{passives(first: 1) {totalCount}}`, nil).number("passives.totalCount")
	}
	seen := map[string]bool{}
	for run, shares := range runs {
		a := s.ok(model.Manager, `mutation ($input: AllocatePassivesInput!) {allocatePassives(input: $input) {considered allocated
			cases {origin response {id category} assignee {id} history(first: 5) {nodes {type note {body}}}}}}`,
			vars{"input": vars{"percent": 10, "userIds": managers, "prioritizeBy": []string{"SCORE", "TESTIMONIAL"}, "note": "Ask what a nine would take."}})
		each, got := map[string]int{}, map[int]int{}
		for i, c := range a.list("allocatePassives.cases") {
			each[c.text("assignee.id")]++
			if seen[c.text("response.id")] || c.text("response.category") != "PASSIVE" || c.text("origin") != "ALLOCATION" || c.text("assignee.id") != managers[i%3] ||
				c.text("history.nodes.1.note.body") == "" {
				s.t.Errorf("run %d, case %d: %v", run, i, c.v)
			}
			seen[c.text("response.id")] = true
		}
		for _, cases := range each {
			got[cases]++
		}
		if a.number("allocatePassives.considered") != queue || a.number("allocatePassives.allocated") != queue/10 || !maps.Equal(got, shares) {
			s.t.Errorf("run %d, of %d in the queue: %v, %.200s", run, queue, got, a.body)
		}
		if queue -= queue / 10; left() != queue {
			s.t.Errorf("after run %d, %d are left, not %d", run, left(), queue)
		}
	}
}

// Each theme is one word, so that a plain search of the file counts it.
func TestTheReviewsKeywordsCountWhatASearchForWholeWordsCounts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	whole := regexp.MustCompile(`^(10|[0-9])(\.0+)?$`) // a score
	words := map[string]*regexp.Regexp{}
	for _, word := range []string{"legroom", "seat", "comfortable", "food", "delay"} {
		words[word] = regexp.MustCompile(`(?i)(^|[^\pL\pN_])` + word + `($|[^\pL\pN_])`)
	}
	create := func(word string, past bool) {
		s.ok(model.Manager, `mutation ($input: CreateThemeInput!) {createTheme(input: $input) {theme {id}}}`,
			vars{"input": vars{"name": word, "keywords": []string{word}, "applyToPast": past}})
	}
	create("seat", false)
	create("food", false)
	if code := s.importReviews().exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	for _, word := range []string{"legroom", "comfortable", "delay"} {
		create(word, true)
	}
	if err := s.app.Mailer.Start(context.Background()); err != nil { // the workers of all jobs
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ending, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.app.Mailer.Stop(ending); err != nil {
			t.Error(err)
		}
	})
	const commented = 1295 // of the 1,300 responses
	for began := time.Now(); ; {
		going := 0
		for _, theme := range s.ok(model.Manager, `{themes {name tagging {done total startedAt finishedAt}}}`, nil).list("themes") {
			if !theme.missing("tagging") && theme.missing("tagging.finishedAt") {
				going++
			} else if !theme.missing("tagging") && (theme.number("tagging.done") != commented || theme.number("tagging.total") != commented) {
				t.Errorf("done: %v", theme.v)
			}
		}
		if going == 0 {
			break
		}
		if time.Since(began) > patience {
			t.Fatal("the past is never done")
		}
	}
	want, have := map[string]int{}, map[string]int{}
	for _, row := range reviewRows(t) {
		if !whole.MatchString(strings.TrimSpace(row["overall_rating"])) { // the row is rejected, or is none
			continue
		}
		for word, pattern := range words {
			if pattern.MatchString(row["content"]) {
				want[word]++
			}
		}
	}
	for _, theme := range s.ok(model.Partner, `{themes {id name}}`, nil).list("themes") {
		have[theme.text("name")] = s.ok(model.Partner, `query ($id: ID!) {responses(filter: {themes: {any: [$id]}}) {totalCount nodes {themes {name}}}}`,
			vars{"id": theme.text("id")}).number("responses.totalCount")
	}
	t.Log(have)
	for word := range words {
		if have[word] != want[word] || want[word] == 0 {
			t.Errorf("%s is in %d comments, and %d are tagged", word, want[word], have[word])
		}
	}
	most := 0
	for i, top := range s.ok(model.Partner, `{topThemes(first: 5) {theme {name} responses promoters passives detractors nps sample {comment}}}`, nil).list("topThemes") {
		word, n := top.text("theme.name"), top.number("responses")
		if n != want[word] || i > 0 && n > most || top.number("promoters")+top.number("passives")+top.number("detractors") != n || len(top.list("sample")) != 3 {
			t.Errorf("%s is in %d comments; the top themes have %s", word, want[word], top.v)
		}
		most = n
		delete(want, word)
	}
	if len(want) != 0 {
		t.Errorf("the top themes lack %v", want)
	}
	suggested := s.ok(model.Manager, `{suggestThemes(limit: 20) {keyword responses sample {comment}}}`, nil).list("suggestThemes")
	if len(suggested) != 20 || slices.ContainsFunc(suggested, func(x tree) bool { return words[x.text("keyword")] != nil || len(x.list("sample")) != 3 }) {
		t.Errorf("suggested: %v", suggested)
	}
	for _, x := range suggested[:8] {
		t.Log(x.text("keyword"), x.number("responses"))
	}
}

// reviewRows are the rows of the file, by column.
func reviewRows(t *testing.T) (rows []map[string]string) {
	t.Helper()
	file, err := os.Open(reviews)
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
