package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

const uploads = `mutation ($input: ImportResponsesInput!) {importResponses(input: $input) {import {id status rowsDone fileName}}}`

// importEnded waits until the import has ended, over the socket, and gives it as it is then.
func (s *testServer) importEnded(role model.Role, id string) tree {
	s.t.Helper()
	c := s.signedIn(s.tokens[role])
	c.subscribe(`subscription {importProgress(id: "` + id + `") {id status rows rowsDone progress responsesCreated responsesKnown casesOpened rowsRejected
		rejections {line column reason} warnings {line} error finishedAt}}`)
	last := tree{t: s.t}
	for done := -1; ; {
		m, err := c.read()
		if err != nil {
			s.t.Fatal(err)
		}
		if m.Type == "complete" {
			return last
		}
		last = tree{s.t, m.Payload}.at("data.importProgress")
		if last.number("rowsDone") < done {
			s.t.Errorf("the import goes back from %d rows: %v", done, last.v)
		}
		done = last.number("rowsDone")
	}
}

func rowsOf(n int) csvText {
	var b strings.Builder
	b.WriteString("id,score,mail,where\n")
	for i := range n {
		fmt.Fprintf(&b, "r%d,%d,c%d@example.com,DE\n", i, i%11, i%50)
	}
	return csvText(b.String())
}

func TestAFileComesInOverTheAPIOnceHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	in := vars{"file": rowsOf(1100) + "bad,11,,\n", "columns": vars{"score": "score", "responseExternalId": "id", "email": "mail", "country": "where"}}
	made := s.ok(model.Manager, uploads, vars{"input": in})
	if made.text("importResponses.import.fileName") != "responses.csv" {
		t.Errorf("%v", made.v)
	}
	i := s.importEnded(model.Manager, made.text("importResponses.import.id"))
	if i.text("status") != "DONE" || i.number("rows") != 1101 || i.number("responsesCreated") != 1100 || i.number("casesOpened") != 700 ||
		i.number("rowsRejected") != 1 || i.number("rejections.0.line") != 1102 || i.text("rejections.0.column") != "score" || i.number("progress") != 1 {
		t.Errorf("%v", i.v)
	}
	if n := s.count("import_parts"); n != 0 {
		t.Errorf("%d parts of the file are kept for nothing", n)
	}
	again := s.importEnded(model.Admin, s.ok(model.Intake, uploads, vars{"input": in}).text("importResponses.import.id"))
	if again.number("responsesKnown") != 1100 || again.number("responsesCreated") != 0 || s.count("responses") != 1100 || s.count("cases") != 700 {
		t.Errorf("%v", again.v)
	}
	list := s.ok(model.Manager, `{imports(first: 1) {totalCount nodes {id status} pageInfo {hasNextPage}}}`, nil)
	if list.text("imports.nodes.0.id") != again.text("id") || list.number("imports.totalCount") != 2 || !list.truth("imports.pageInfo.hasNextPage") {
		t.Errorf("%v", list.v)
	}
	if found := s.ok(model.Manager, `query ($id: ID!) {node(id: $id) {... on Import {rowsDone}}}`, vars{"id": again.text("id")}); found.number("node.rowsDone") != 1101 {
		t.Errorf("%v", found.v)
	}
}

func TestAFileOrColumnsThatMakeNoSenseAreRefusedAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for name, c := range map[string]struct {
		in       vars
		argument string
	}{
		"no such column": {vars{"file": rowsOf(1), "columns": vars{"score": "nps"}}, "input.columns.score"},
		"nor that one":   {vars{"file": rowsOf(1), "columns": vars{"score": "score", "email": "e-mail"}}, "input.columns.email"},
		"empty":          {vars{"file": csvText(""), "columns": vars{"score": "score"}}, "input.file"},
		"a workbook":     {vars{"file": csvText("PK\x03\x04"), "columns": vars{"score": "score"}}, "input.file"},
		"a time zone":    {vars{"file": rowsOf(1), "columns": vars{"score": "score"}, "timeZone": "Mars/Olympus"}, "input.timeZone"},
	} {
		if a := s.gql(model.Manager, uploads, vars{"input": c.in}); a.code() != "BAD_USER_INPUT" || a.errors[0].argument() != c.argument {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	if n := s.count("imports"); n != 0 {
		t.Errorf("%d imports of nothing", n)
	}
	for _, role := range []model.Role{model.Agent, model.Stakeholder, model.Partner} {
		if a := s.gql(role, uploads, vars{"input": vars{"file": rowsOf(1), "columns": vars{"score": "score"}}}); a.code() != "FORBIDDEN" || a.status != 403 {
			t.Errorf("%s: %d %s", role, a.status, a.body)
		}
	}
}

func TestAnImportIsWatchedByWhoMadeItAndByManagers(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	in := vars{"input": vars{"file": rowsOf(3), "columns": vars{"score": "score"}}}
	own := s.ok(model.Intake, uploads, in).text("importResponses.import.id")
	theirs := s.ok(model.Manager, uploads, in).text("importResponses.import.id")
	for _, c := range []struct {
		role model.Role
		id   string
		code string
	}{{model.Intake, own, ""}, {model.Intake, theirs, "NOT_FOUND"}, {model.Manager, own, ""}, {model.Admin, theirs, ""},
		{model.Manager, "imp_00000000000000000000000000000000", "NOT_FOUND"}, {model.Manager, "rubbish", "BAD_USER_INPUT"}, {model.Agent, own, "FORBIDDEN"}} {
		w := s.signedIn(s.tokens[c.role])
		w.subscribe(`subscription {importProgress(id: "` + c.id + `") {id}}`)
		switch m, err := w.read(); {
		case err != nil:
			t.Errorf("%s watches %s: %v", c.role, c.id, err)
		case c.code == "" && (m.Type != "next" || tree{t, m.Payload}.text("data.importProgress.id") != c.id):
			t.Errorf("%s watches %s: %v", c.role, c.id, m.Payload)
		case c.code != "" && (m.Type != "error" || !strings.Contains(fmt.Sprint(m.Payload), c.code)):
			t.Errorf("%s watches %s: %s %v; want %s", c.role, c.id, m.Type, m.Payload, c.code)
		}
	}
}

// A server that is gone leaves a lease behind, and no trace in the counts: the next one goes on from the last batch.
func TestAnotherServerGoesOnWhereOneThatIsGoneStopped(t *testing.T) {
	t.Parallel()
	s := newServer(t, settings{still: true})
	id := s.ok(model.Manager, uploads, vars{"input": vars{"file": rowsOf(4000), "applyRules": false,
		"columns": vars{"score": "score", "responseExternalId": "id"}}}).text("importResponses.import.id")
	done := func() (n int) {
		if err := s.app.DB.Gorm.Raw("SELECT rows_done FROM imports").Scan(&n).Error; err != nil {
			t.Fatal(err)
		}
		return n
	}
	first, end := context.WithCancel(t.Context())
	var gone sync.WaitGroup
	gone.Go(func() { s.app.Uploads.Run(first) })
	for done() == 0 && !t.Failed() {
		time.Sleep(time.Millisecond)
	}
	end()
	gone.Wait()
	half := done()
	if half == 0 || half == 4000 || half != s.count("responses") {
		t.Fatalf("%d rows are done, and %d responses are there", half, s.count("responses"))
	}
	// It let go in good order; one that was killed would not have.
	if err := s.app.DB.Gorm.Exec("UPDATE imports SET owner = gen_random_uuid(), leased_until = now() + interval '1 second'").Error; err != nil {
		t.Fatal(err)
	}
	next, end := context.WithCancel(t.Context())
	defer gone.Wait()
	defer end()
	gone.Go(func() { s.app.Uploads.Run(next) })
	i := s.importEnded(model.Manager, id)
	if i.text("status") != "DONE" || i.number("responsesCreated") != 4000 || i.number("responsesKnown") != 0 || s.count("responses") != 4000 {
		t.Errorf("%v", i.v)
	}
}

func TestManyResponsesGoInAtOnceAndOneThatIsWrongHoldsNoneUp(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	s.addRule(nil)
	many := []vars{}
	for i := range 250 {
		many = append(many, vars{"externalId": fmt.Sprint("r", i), "score": i % 11, "customer": vars{"externalId": fmt.Sprint("c", i%40)}})
	}
	many[120]["score"] = 11
	many[121]["customer"] = vars{"country": "Atlantis"}
	const submitMany = `mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {created response {externalId score} case {status} error {message argument}}}}`
	for _, again := range []bool{false, true} {
		results := s.ok(model.Admin, submitMany, vars{"input": vars{"responses": many}}).list("submitResponses.results")
		if len(results) != 250 {
			t.Fatalf("%d results", len(results))
		}
		for i, r := range results {
			switch {
			case i == 120 && r.text("error.argument") == "input.responses.120.score" && r.at("response").v == nil:
			case i == 121 && r.text("error.argument") == "input.responses.121.customer.country":
			case i != 120 && i != 121 && r.text("response.externalId") == fmt.Sprint("r", i) && r.truth("created") != again && (r.at("case").v != nil) == (i%11 <= 6) && r.at("error").v == nil:
			default:
				t.Errorf("%d: %v", i, r.v)
			}
		}
	}
	if s.count("responses") != 248 {
		t.Errorf("%d responses", s.count("responses"))
	}
	if a := s.gql(model.Intake, submitMany, vars{"input": vars{"responses": many}}); a.code() != "FORBIDDEN" {
		t.Errorf("who only brings responses reads cases: %s", a.body)
	}
	if a := s.gql(model.Admin, submitMany, vars{"input": vars{"responses": slices.Repeat([]vars{{"score": 1, "customer": vars{}}}, 1001)}}); a.code() != "BAD_USER_INPUT" || a.errors[0].argument() != "input.responses" {
		t.Errorf("%s", a.body)
	}
}
