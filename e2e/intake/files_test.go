package intake

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/closeloop/closeloop/e2e/setup"
	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

const caseFiles = "../../internal/importer/testdata"

// importFile runs `closeloop import` on a file of testdata as a process of its own.
func importFile(s *setup.Server, name string, flags ...string) *setup.Program {
	s.T.Helper()
	return setup.StartProgram(s.T, []string{"DATABASE_URL=" + pgtest.URL(s.T, s.App.DB)}, append([]string{"import", filepath.Join(caseFiles, name)}, flags...)...)
}

// uploadFile imports the file through the API; in are the other fields of the input.
func uploadFile(s *setup.Server, name string, in vars) *setup.Answer {
	s.T.Helper()
	content, err := os.ReadFile(filepath.Join(caseFiles, name))
	if err != nil {
		s.T.Fatal(err)
	}
	all := maps.Clone(in)
	if all == nil {
		all = vars{}
	}
	all["file"] = setup.CSV(content)
	return s.Do(model.Manager, uploads, vars{"input": all})
}

// stored lists what is stored of all responses.
func stored(s *setup.Server) []setup.Tree {
	s.T.Helper()
	return s.OK(model.Manager, `{responses(first: 100) {nodes {externalId score respondedAt comment survey attributes {key value}
		customer {displayName email phone company country lifetimeValue}}}}`, nil).List("responses.nodes")
}

func column(rows []setup.Tree, path string) (list []string) {
	for _, r := range rows {
		if v := r.At(path).V; v != nil {
			list = append(list, fmt.Sprint(v))
		}
	}
	slices.Sort(list)
	return list
}

// Each file goes in by the command line and by the API, and leaves the same.
func TestFilesOfEveryTool(t *testing.T) {
	t.Parallel()
	all := map[string]struct {
		flags     []string
		in        vars
		exit      int
		responses int
		customers int
		check     func(t *testing.T, rows []setup.Tree)
	}{
		"dates.csv": {responses: 21, customers: 21},
		"day-first.csv": {responses: 3, customers: 3, check: func(t *testing.T, rows []setup.Tree) {
			if got := column(rows, "respondedAt"); !slices.Equal(got, []string{"2023-02-08T00:00:00Z", "2023-05-27T00:00:00Z", "2023-06-01T00:00:00Z"}) {
				t.Errorf("the times are %v", got)
			}
		}},
		"scores.csv": {exit: 2, responses: 10, customers: 10},
		"emails.csv": {responses: 20, customers: 18, check: func(t *testing.T, rows []setup.Tree) {
			if got := column(rows, "customer.email"); len(got) != 17 || !slices.Contains(got, "nbsp@example.com") || !slices.Contains(got, "a.one@example.com") {
				t.Errorf("the addresses are %q", got)
			}
		}},
		"na-and-none.csv": {responses: 3, customers: 3, check: func(t *testing.T, rows []setup.Tree) {
			if got := column(rows, "comment"); !slices.Equal(got, []string{"Late again"}) {
				t.Errorf("the comments are %q", got)
			}
			if got := column(rows, "customer.country"); !slices.Equal(got, []string{"BR"}) {
				t.Errorf("the countries are %q", got)
			}
		}},
		"semicolon-utf8.csv": {responses: 2, customers: 2, check: func(t *testing.T, rows []setup.Tree) {
			if got := column(rows, "customer.lifetimeValue"); !slices.Equal(got, []string{"1234.5", "99"}) {
				t.Errorf("the lifetime values are %q", got)
			}
			if got := column(rows, "comment"); !slices.Equal(got, []string{"Super!", "Zu langsam; niemand rief zurück"}) {
				t.Errorf("the comments are %q", got)
			}
		}},
		"tabs.tsv":     {responses: 1, customers: 1},
		"sep-line.csv": {responses: 1, customers: 1},
		"dupheader.csv": {responses: 1, customers: 1, check: func(t *testing.T, rows []setup.Tree) {
			if got := fmt.Sprint(rows[0].At("attributes").V); !strings.Contains(got, "first text") || !strings.Contains(got, "second text") {
				t.Errorf("the attributes are %s", got)
			}
		}},
		"same-name.csv": {responses: 2, flags: []string{"--score", "score", "--full-name", "name", "--country", "country", "--company", "company", "--phone", "phone"},
			in: vars{"columns": vars{"score": "score", "fullName": "name", "country": "country", "company": "company", "phone": "phone"}}},
		"first-of-month.csv": {responses: 3, customers: 3, check: func(t *testing.T, rows []setup.Tree) {
			if got := column(rows, "respondedAt"); !slices.Equal(got, []string{"2024-03-01T03:00:00Z", "2024-03-01T03:00:00Z", "2024-04-01T03:00:00Z"}) {
				t.Errorf("the times are %v", got)
			}
		}},
		"survey-spring.csv":       {responses: 2, customers: 2, flags: []string{"--response-external-id", "id", "--survey", "spring"}, in: vars{"columns": vars{"responseExternalId": "id"}, "survey": "spring"}},
		"tools/delighted.csv":     {responses: 2, customers: 2},
		"tools/qualtrics.csv":     {responses: 2, customers: 2},
		"tools/surveymonkey.csv":  {responses: 2, customers: 2},
		"tools/typeform.csv":      {responses: 2, customers: 2},
		"tools/google-forms.csv":  {responses: 2, customers: 2},
		"tools/asknicely.csv":     {responses: 2, customers: 2},
		"tools/customergauge.csv": {responses: 2, customers: 2},
	}
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			byCommand, byAPI := setup.NewServer(t), setup.NewServer(t)
			for _, s := range []*setup.Server{byCommand, byAPI} {
				s.OK(model.Admin, `mutation {updateSettings(input: {timeZone: "America/Sao_Paulo"}) {settings {timeZone}}}`, nil)
			}
			if name != "first-of-month.csv" {
				c.flags = append(c.flags, "--time-zone", "UTC")
				if c.in == nil {
					c.in = vars{}
				}
				c.in["timeZone"] = "UTC"
			}
			if code := importFile(byCommand, name, c.flags...).Exit(); code != c.exit {
				t.Errorf("the exit status is %d, want %d", code, c.exit)
			}
			a := uploadFile(byAPI, name, c.in)
			if len(a.Errors) > 0 {
				t.Fatalf("%s", a.Body)
			}
			i := importEnded(byAPI, model.Manager, a.Text("importResponses.import.id"))
			if i.Text("status") != "DONE" || i.Number("responsesCreated") != c.responses || (i.Number("rowsRejected") > 0) != (c.exit == 2) {
				t.Errorf("%v", i.V)
			}
			rows := stored(byCommand)
			if len(rows) != c.responses || c.customers > 0 && byCommand.Count("customers") != c.customers {
				t.Errorf("%d responses of %d customers, want %d of %d", len(rows), byCommand.Count("customers"), c.responses, c.customers)
			}
			if c.check != nil {
				c.check(t, rows)
			}
			if name == "dates.csv" || name == "scores.csv" { // their rows without a time, or with the same, have no order
				return
			}
			if one, other := shown(rows), shown(stored(byAPI)); !reflect.DeepEqual(one, other) {
				t.Errorf("by the command line\n%v\nby the API\n%v", one, other)
			}
		})
	}
}

// shown are rows without what differs between two databases: numbers, and times of answers without one.
func shown(rows []setup.Tree) (list []string) {
	for _, r := range rows {
		m := maps.Clone(r.V.(map[string]any))
		who := maps.Clone(m["customer"].(map[string]any))
		if strings.HasPrefix(fmt.Sprint(who["displayName"]), "Customer") {
			delete(who, "displayName")
		}
		m["customer"] = who
		if at := fmt.Sprint(m["respondedAt"]); at > "2026" {
			delete(m, "respondedAt")
		}
		text, _ := json.Marshal(m)
		list = append(list, string(text))
	}
	slices.Sort(list)
	return list
}

func TestFilesThatLeaveAQuestion(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for name, c := range map[string]struct{ argument, flag string }{
		"one-to-five.csv": {"input.scale", "--scale"},
	} {
		p := importFile(s, name)
		if code := p.Exit(); code != 1 || !strings.Contains(p.Output(), c.flag) {
			t.Errorf("%s: the exit status is %d", name, code)
		}
		if a := uploadFile(s, name, nil); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != c.argument || !strings.Contains(a.Errors[0].Message, c.flag) {
			t.Errorf("%s: %s", name, a.Body)
		}
		if a := uploadFile(s, name, vars{"scale": "1-5"}); a.Code() != "BAD_USER_INPUT" || !strings.Contains(a.Errors[0].Message, "Net Promoter") {
			t.Errorf("%s: %s", name, a.Body)
		}
	}
	for name, c := range map[string]struct {
		file, argument string
		answer         vars
	}{
		"the order of dates": {"score,date\n9,5/3/2024\n", "input.dateOrder", vars{"dateOrder": "DAY_FIRST"}},
		"the decimal sign":   {"score,revenue\n9,\"1,234\"\n", "input.decimalSign", vars{"decimalSign": "POINT"}},
		"the score":          {"a,b\n9,x\n", "input.columns.score", vars{"columns": vars{"score": "1"}}},
		"the encoding":       {"score,name\n9,\xcf\xf0\xe8\xe2\xe5\xf2\n", "input.encoding", vars{"encoding": "windows-1251"}},
		"the time":           {"score,date\n9,soon\n", "input.columns.respondedAt", vars{"columns": vars{"respondedAt": "-"}}},
	} {
		in := vars{"file": setup.CSV(c.file)}
		if a := s.Do(model.Manager, uploads, vars{"input": in}); a.Code() != "BAD_USER_INPUT" || a.Errors[0].Argument() != c.argument {
			t.Errorf("%s: %s", name, a.Body)
		}
		maps.Copy(in, c.answer)
		if a := s.Do(model.Manager, uploads, vars{"input": in}); len(a.Errors) > 0 {
			t.Errorf("%s, answered: %s", name, a.Body)
		}
	}
	if n := s.Count("imports"); n != 5 {
		t.Errorf("%d imports, want those whose questions were answered", n)
	}
}

func TestHistoryComesOnce(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for _, name := range []string{"history.csv", "history-one-column-more.csv", "history.csv"} {
		if code := importFile(s, name).Exit(); code != 0 || s.Count("responses") != 40 {
			t.Errorf("%s: the exit status is %d, and there are %d responses", name, code, s.Count("responses"))
		}
		a := uploadFile(s, name, nil)
		if len(a.Errors) > 0 {
			t.Fatalf("%s", a.Body)
		}
		if i := importEnded(s, model.Manager, a.Text("importResponses.import.id")); i.Number("responsesKnown") != 40 || s.Count("responses") != 40 {
			t.Errorf("%s by the API: %v", name, i.V)
		}
	}
	found := s.OK(model.Manager, `{imports(first: 1) {nodes {findings {subject value reason}}}}`, nil).List("imports.nodes.0.findings")
	if !slices.ContainsFunc(found, func(f setup.Tree) bool {
		return f.Text("subject") == "score" && f.Text("value") == "score" && f.Text("reason") == "a usual name"
	}) {
		t.Errorf("the findings are %v", found)
	}
	empty := filepath.Join(t.TempDir(), "none.csv")
	if err := os.WriteFile(empty, []byte("score,comment\nx,y\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code := setup.StartProgram(t, []string{"DATABASE_URL=" + pgtest.URL(t, s.App.DB)}, "import", empty).Exit(); code != 1 {
		t.Errorf("a file of which no row went in: the exit status is %d, want 1", code)
	}
}

func TestFilesThatSayMoreOrOtherwise(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	s.AddRule(vars{"filter": vars{"contactRequested": true}})
	upload := func(file string, more vars) setup.Tree {
		t.Helper()
		in := vars{"file": setup.CSV(file), "survey": "spring", "columns": vars{"responseExternalId": "id"}}
		maps.Copy(in, more)
		return importEnded(s, model.Manager, s.OK(model.Manager, uploads, vars{"input": in}).Text("importResponses.import.id"))
	}
	counts := func(what string, i setup.Tree, created, changed, known, opened, rejected int) {
		t.Helper()
		for name, want := range map[string]int{
			"rowsDone": created + changed + known + rejected, "responsesCreated": created, "responsesChanged": changed, "responsesKnown": known, "casesOpened": opened, "rowsRejected": rejected,
		} {
			if got := i.Number(name); got != want {
				t.Errorf("%s: %s is %d, want %d: %v", what, name, got, want, i.V)
			}
		}
	}
	counts("scores alone", upload("id,score,email\n1,3,a@b.example\n2,9,c@d.example\n", nil), 2, 0, 0, 0, 0)
	const more = "id,score,email,comment,contact requested\n1,3,a@b.example,Nobody came,yes\n2,9,c@d.example,,\n"
	counts("one with a comment", upload(more, nil), 0, 1, 1, 1, 0)
	counts("the same again", upload(more, nil), 0, 0, 2, 0, 0)
	const other = "id,score,email\n2,4,c@d.example\n"
	bad := upload(other, nil)
	counts("another score", bad, 0, 0, 0, 0, 1)
	if reason := fmt.Sprint(bad.At("rejections").V); !strings.Contains(reason, "9") || !strings.Contains(reason, "4") {
		t.Errorf("the rejection has not both scores: %s", reason)
	}
	counts("another score as a correction", upload(other, vars{"onConflict": "UPDATE"}), 0, 1, 0, 0, 0)
	if got := column(stored(s), "score"); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("the scores are %v", got)
	}
}

func TestSurveysThatNumberTheirAnswersAnew(t *testing.T) {
	t.Parallel()
	s := setup.NewServer(t)
	for i, name := range []string{"spring", "autumn"} {
		code := importFile(s, "survey-"+name+".csv", "--response-external-id", "id", "--survey", name).Exit()
		if code != 0 || s.Count("responses") != 2*(i+1) || s.Count("customers") != 2*(i+1) {
			t.Errorf("%s: the exit status is %d; %d responses of %d customers", name, code, s.Count("responses"), s.Count("customers"))
		}
	}
}

func TestIdentifyBy(t *testing.T) {
	t.Parallel()
	const file = "score,customer id,email,phone,name,country,company\n" +
		"1,17,ann@b.example,+49 30 10001,Ann Lee,DE,North\n" +
		"2,18,ANN@b.example,+49 30 10002,Ann Lee,DE,North\n" +
		"3,18,bob@b.example,+49 (30) 10002,Ann  Lee,DE,North\n" +
		"4,,,,ann lee,DE,North\n" +
		"5,,,,Ann Lee,DE,South\n" +
		"6,,,,Ann Lee,DE,north\n"
	for by, c := range map[string]struct{ customers, joined int }{
		"":                 {4, 1}, // 17; 18; of North and of South by name
		"customer-id":      {5, 0}, // 17; 18; each of those without one
		"email":            {5, 0},
		"phone":            {5, 0},
		"name":             {2, 4},
		"email,name":       {4, 1},
		"phone,email":      {5, 0},
		"customer-id,name": {4, 1},
	} {
		t.Run(by, func(t *testing.T) {
			t.Parallel()
			byCommand, byAPI := setup.NewServer(t), setup.NewServer(t)
			path := filepath.Join(t.TempDir(), "file.csv")
			if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
				t.Fatal(err)
			}
			flags, in := []string{"import", path}, vars{"file": setup.CSV(file)}
			if by != "" {
				flags = append(flags, "--identify-by", by)
				var list []string
				for word := range strings.SplitSeq(by, ",") {
					list = append(list, strings.ReplaceAll(strings.ToUpper(word), "-", "_"))
				}
				in["identifyBy"] = list
			}
			p := setup.StartProgram(t, []string{"DATABASE_URL=" + pgtest.URL(t, byCommand.App.DB)}, flags...)
			if code := p.Exit(); code != 0 || byCommand.Count("customers") != c.customers {
				t.Errorf("the exit status is %d; %d customers, want %d", code, byCommand.Count("customers"), c.customers)
			}
			if said := strings.Contains(p.Output(), "known by name"); said != (c.joined > 0) {
				t.Errorf("the summary speaks of joined names: %t", said)
			}
			i := importEnded(byAPI, model.Manager, byAPI.OK(model.Manager, uploads, vars{"input": in}).Text("importResponses.import.id"))
			if byAPI.Count("customers") != c.customers || i.Number("joinedByName") != c.joined || i.Number("responsesCreated") != 6 {
				t.Errorf("%d customers, want %d; %v", byAPI.Count("customers"), c.customers, i.V)
			}
		})
	}
}
