package intake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/model"
)

const uploads = `mutation ($input: ImportResponsesInput!) {importResponses(input: $input) {import {id status rowsDone fileName}}}`

// importEnded waits on a socket until the import has ended, and returns the ended import.
func importEnded(s *setup.Server, role model.Role, id string) setup.Tree {
	s.T.Helper()
	c := s.SignIn(s.Tokens[role])
	c.Subscribe(`subscription {importProgress(id: "` + id + `") {id status rows rowsDone progress responsesCreated responsesChanged responsesKnown joinedByName casesOpened casesPastTarget rowsRejected
		rejections {line column reason} warnings {line} error finishedAt}}`)
	last := setup.Tree{}
	for done := -1; ; {
		m, err := c.Read()
		if err != nil {
			s.T.Fatal(err)
		}
		if m.Type == "complete" {
			return last
		}
		last = setup.Tree{V: m.Payload}.At("data.importProgress")
		if last.Number("rowsDone") < done {
			s.T.Errorf("the import goes back from %d rows: %v", done, last.V)
		}
		done = last.Number("rowsDone")
	}
}

func rowsOf(n int) setup.CSV {
	var b strings.Builder
	b.WriteString("id,score,mail,where\n")
	for i := range n {
		fmt.Fprintf(&b, "r%d,%d,c%d@example.com,DE\n", i, i%11, i%50)
	}
	return setup.CSV(b.String())
}

func TestImportResponses(t *testing.T) {
	t.Parallel()
	t.Run("takes a file once, however often it is sent", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		s.AddRule(nil)
		in := vars{"file": rowsOf(1100) + "bad,11,,\n", "columns": vars{"score": "score", "responseExternalId": "id", "email": "mail", "country": "where"}}
		made := s.OK(model.Manager, uploads, vars{"input": in})
		if made.Text("importResponses.import.fileName") != "responses.csv" {
			t.Errorf("%v", made.V)
		}
		i := importEnded(s, model.Manager, made.Text("importResponses.import.id"))
		if i.Text("status") != "DONE" || i.Number("rows") != 1101 || i.Number("responsesCreated") != 1100 || i.Number("casesOpened") != 700 ||
			i.Number("rowsRejected") != 1 || i.Number("rejections.0.line") != 1102 || i.Text("rejections.0.column") != "score" || i.Number("progress") != 1 {
			t.Errorf("%v", i.V)
		}
		if n := s.Count("import_parts"); n != 0 {
			t.Errorf("%d parts of the file are kept for nothing", n)
		}
		again := importEnded(s, model.Admin, s.OK(model.Intake, uploads, vars{"input": in}).Text("importResponses.import.id"))
		if again.Number("responsesKnown") != 1100 || again.Number("responsesCreated") != 0 || s.Count("responses") != 1100 || s.Count("cases") != 700 {
			t.Errorf("%v", again.V)
		}
		list := s.OK(model.Manager, `{imports(first: 1) {totalCount nodes {id status} pageInfo {hasNextPage}}}`, nil)
		if list.Text("imports.nodes.0.id") != again.Text("id") || list.Number("imports.totalCount") != 2 || !list.Bool("imports.pageInfo.hasNextPage") {
			t.Errorf("%v", list.V)
		}
		if found := s.OK(model.Manager, `query ($id: ID!) {node(id: $id) {... on Import {rowsDone}}}`, vars{"id": again.Text("id")}); found.Number("node.rowsDone") != 1101 {
			t.Errorf("%v", found.V)
		}
	})

	t.Run("refuses bad files and columns at once", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		for name, c := range map[string]struct {
			in       vars
			argument string
		}{
			"no such column": {vars{"file": rowsOf(1), "columns": vars{"score": "nps"}}, "input.columns.score"},
			"nor that one":   {vars{"file": rowsOf(1), "columns": vars{"score": "score", "email": "e-mail"}}, "input.columns.email"},
			"empty":          {vars{"file": setup.CSV(""), "columns": vars{"score": "score"}}, "input.file"},
			"a workbook":     {vars{"file": setup.CSV("PK\x03\x04"), "columns": vars{"score": "score"}}, "input.file"},
			"a time zone":    {vars{"file": rowsOf(1), "columns": vars{"score": "score"}, "timeZone": "Mars/Olympus"}, "input.timeZone"},
		} {
			if a := s.Do(model.Manager, uploads, vars{"input": c.in}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != c.argument {
				t.Errorf("%s: %s", name, a.Body)
			}
		}
		if n := s.Count("imports"); n != 0 {
			t.Errorf("%d imports of nothing", n)
		}
		for _, role := range []model.Role{model.Agent, model.Stakeholder, model.Partner} {
			if a := s.Do(role, uploads, vars{"input": vars{"file": rowsOf(1), "columns": vars{"score": "score"}}}); a.Code() != "FORBIDDEN" || a.Status != 403 {
				t.Errorf("%s: %d %s", role, a.Status, a.Body)
			}
		}
	})

	t.Run("shows the progress to its maker and to managers", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t)
		in := vars{"input": vars{"file": rowsOf(3), "columns": vars{"score": "score"}}}
		own := s.OK(model.Intake, uploads, in).Text("importResponses.import.id")
		theirs := s.OK(model.Manager, uploads, in).Text("importResponses.import.id")
		for _, c := range []struct {
			role model.Role
			id   string
			code string
		}{{model.Intake, own, ""}, {model.Intake, theirs, "NOT_FOUND"}, {model.Manager, own, ""}, {model.Admin, theirs, ""},
			{model.Manager, "imp_00000000000000000000000000000000", "NOT_FOUND"}, {model.Manager, "rubbish", "BAD_USER_INPUT"}, {model.Agent, own, "FORBIDDEN"}} {
			w := s.SignIn(s.Tokens[c.role])
			w.Subscribe(`subscription {importProgress(id: "` + c.id + `") {id}}`)
			switch m, err := w.Read(); {
			case err != nil:
				t.Errorf("%s watches %s: %v", c.role, c.id, err)
			case c.code == "" && (m.Type != "next" || setup.Tree{V: m.Payload}.Text("data.importProgress.id") != c.id):
				t.Errorf("%s watches %s: %v", c.role, c.id, m.Payload)
			case c.code != "" && (m.Type != "error" || !strings.Contains(fmt.Sprint(m.Payload), c.code)):
				t.Errorf("%s watches %s: %s %v; want %s", c.role, c.id, m.Type, m.Payload, c.code)
			}
		}
	})

	// A killed server leaves a lease behind. Once the lease has expired, another server continues after the last batch.
	t.Run("continues on another server where the last one stopped", func(t *testing.T) {
		t.Parallel()
		s := setup.NewServer(t, setup.Options{Still: true})
		id := s.OK(model.Manager, uploads, vars{"input": vars{"file": rowsOf(4000), "applyRules": false,
			"columns": vars{"score": "score", "responseExternalId": "id"}}}).Text("importResponses.import.id")
		done := func() (n int) {
			if err := s.App.DB.Gorm.Raw("SELECT rows_done FROM imports").Scan(&n).Error; err != nil {
				t.Fatal(err)
			}
			return n
		}
		// The second batch waits for a lock that the test has, so that the first server stops after the first batch.
		const stop = 4711
		if _, err := s.App.DB.Pool.Exec(t.Context(), fmt.Sprintf(`CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS
			$$BEGIN PERFORM pg_advisory_xact_lock(%d); RETURN NEW; END$$;
			CREATE TRIGGER stop BEFORE UPDATE ON imports FOR EACH ROW WHEN (OLD.rows_done > 0 AND NEW.rows_done > OLD.rows_done) EXECUTE FUNCTION stop()`, stop)); err != nil {
			t.Fatal(err)
		}
		lock, err := s.App.DB.Pool.Acquire(t.Context())
		if err == nil {
			_, err = lock.Exec(t.Context(), "SELECT pg_advisory_lock($1)", stop)
		}
		if err != nil {
			t.Fatal(err)
		}
		first, end := context.WithCancel(t.Context())
		var gone sync.WaitGroup
		gone.Go(func() { s.App.Uploads.Run(first) })
		for done() == 0 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		end()
		gone.Wait()
		half := done()
		_, err = lock.Exec(t.Context(), "SELECT pg_advisory_unlock($1)", stop)
		lock.Release()
		if err != nil {
			t.Fatal(err)
		}
		if half == 0 || half == 4000 || half != s.Count("responses") {
			t.Fatalf("%d rows are done, and %d responses are there", half, s.Count("responses"))
		}
		// The first server has released its lease. A killed server would not have done so.
		if err := s.App.DB.Gorm.Exec("UPDATE imports SET owner = gen_random_uuid(), leased_until = now() + interval '1 second'").Error; err != nil {
			t.Fatal(err)
		}
		next, end := context.WithCancel(t.Context())
		defer gone.Wait()
		defer end()
		gone.Go(func() { s.App.Uploads.Run(next) })
		i := importEnded(s, model.Manager, id)
		if i.Text("status") != "DONE" || i.Number("responsesCreated") != 4000 || i.Number("responsesKnown") != 0 || s.Count("responses") != 4000 {
			t.Errorf("%v", i.V)
		}
	})
}

func TestSubmitResponses(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(nil)
	many := []vars{}
	for i := range 250 {
		many = append(many, vars{"externalId": fmt.Sprint("r", i), "score": i % 11, "customer": vars{"externalId": fmt.Sprint("c", i%40)}})
	}
	many[120]["score"] = 11
	many[121]["customer"] = vars{"country": "Atlantis"}
	const submitMany = `mutation ($input: SubmitResponsesInput!) {submitResponses(input: $input) {results {created response {externalId score} case {status} error {message argument}}}}`
	for _, again := range []bool{false, true} {
		results := s.OK(model.Admin, submitMany, vars{"input": vars{"responses": many}}).List("submitResponses.results")
		if len(results) != 250 {
			t.Fatalf("%d results", len(results))
		}
		for i, r := range results {
			switch {
			case i == 120 && r.Text("error.argument") == "input.responses[120].score" && r.At("response").V == nil:
			case i == 121 && r.Text("error.argument") == "input.responses[121].customer.country":
			case i != 120 && i != 121 && r.Text("response.externalId") == fmt.Sprint("r", i) && r.Bool("created") != again && (r.At("case").V != nil) == (i%11 <= 6) && r.At("error").V == nil:
			default:
				t.Errorf("%d: %v", i, r.V)
			}
		}
	}
	if s.Count("responses") != 248 {
		t.Errorf("%d responses", s.Count("responses"))
	}
	if a := s.Do(model.Intake, submitMany, vars{"input": vars{"responses": many}}); a.Code() != "FORBIDDEN" {
		t.Errorf("who only brings responses reads cases: %s", a.Body)
	}
	if a := s.Do(model.Admin, submitMany, vars{"input": vars{"responses": slices.Repeat([]vars{{"score": 1, "customer": vars{}}}, 1001)}}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != "input.responses" {
		t.Errorf("%s", a.Body)
	}
}
