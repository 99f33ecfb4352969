package importer

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/closeloop/closeloop/internal/fault"
)

// refused imports a file that must be refused as a whole.
func refused(t *testing.T, file string, c Columns) *fault.Error {
	t.Helper()
	s := new(store)
	report, err := s.keep(t, file, run{Reading: Reading{Columns: c}})
	var f *fault.Error
	if !errors.As(err, &f) || f.Code != fault.CodeBadUserInput {
		t.Fatalf("the error is %v, want a *fault.Error", err)
	}
	if report != nil || len(s.batches) != 0 {
		t.Errorf("a refused file has a report: %+v", report)
	}
	return f
}

func TestReadHeader(t *testing.T) {
	t.Parallel()
	t.Run("refuses a file that is no table", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ file, words string }{
			"empty":                    {"", "the file is empty"},
			"a byte order mark alone":  {"\ufeff", "the file is empty"},
			"empty lines":              {"\n\r\n\n", "the file is empty"},
			"a row of empty cells":     {",,\n,,\n", "the file is empty"},
			"a zip archive":            {"PK\x03\x04....", "no workbook of Excel"},
			"a workbook of Excel 97":   {"\xd0\xcf\x11\xe0....", "Excel 97"},
			"gzip":                     {"\x1f\x8b\x08", "compressed"},
			"CR and LF":                {"score,c\r7,x\r7,y\n", "CR and with LF"},
			"a stray quote":            {"score,5\" x\n7,x\n", "line 1, the header, column 2: a quotation mark"},
			"a header that never ends": {"score,\"x\n7,x\n", "line 1, the header, column 2: a quotation mark opens"},
		} {
			f := refused(t, c.file, Columns{Score: "score"})
			if f.Argument != "file" || !strings.Contains(f.Message, c.words) {
				t.Errorf("%s: the fault of %q is %q, want one with %q", name, f.Argument, f.Message, c.words)
			}
		}
	})

	t.Run("asks for a column that the header does not have", func(t *testing.T) {
		t.Parallel()
		file := "Score,comment,b,b,Company size,Company name\n7,x,y,z,1,2\n"
		for name, c := range map[string]struct {
			columns  Columns
			argument string
			words    string
		}{
			"an email":     {Columns{Email: "mail"}, "columns.email", `no column "mail"; its header has "Score", "comment", "b", "b (2)"`},
			"an id":        {Columns{CustomerExternalID: "id"}, "columns.customerExternalId", `no column "id"`},
			"two names":    {Columns{Comment: "b"}, "columns.comment", `which of the columns 3 ("b"), 4 ("b (2)") is meant by "b"? Name it by its position, such as --comment 4 (columns.comment)`},
			"two prefixes": {Columns{Company: "comp"}, "columns.company", `which of the columns 5 ("Company size"), 6 ("Company name")`},
			"position 0":   {Columns{Comment: "0"}, "columns.comment", `no column "0"`},
			"position 7":   {Columns{Comment: "7"}, "columns.comment", `no column "7"`},
			"no score":     {Columns{Score: "-"}, "columns.score", `which column has the score from 0 to 10? Name it by --score (columns.score); the header has "Score"`},
		} {
			f := refused(t, file, c.columns)
			if f.Argument != c.argument || !strings.Contains(f.Message, c.words) {
				t.Errorf("%s: the fault of %q is %q, want one with %q", name, f.Argument, f.Message, c.words)
			}
		}
		if f := refused(t, manyNames(5000), Columns{}); len(f.Message) > 5000 {
			t.Errorf("the message has %d bytes, want at most 5000", len(f.Message))
		}
	})

	t.Run("takes columns by name, beginning and position", func(t *testing.T) {
		t.Parallel()
		file := "nps,On a scale from 0 to 10,Büro,text,text\n1,7,x,first,second\n"
		for name, c := range map[string]Columns{
			"by name":                  {Score: "On a scale from 0 to 10", Comment: "4"},
			"in another case":          {Score: "ON A SCALE FROM 0 TO 10", Comment: " 4 "},
			"by the beginning":         {Score: "on a scale", Comment: "4"},
			"by position":              {Score: "2", Comment: "4"},
			"with signs and no umlaut": {Score: "2", Comment: "4", Company: "buro"},
		} {
			s := one(t, file, c)
			if s.Score != 7 || *s.Comment != "first" || c.Company != "" && text(s.Customer.Company) != "x" {
				t.Errorf("%s: the submission is %+v", name, s)
			}
		}
	})

	t.Run("accepts a header without rows with a warning", func(t *testing.T) {
		t.Parallel()
		s, report := take(t, "\nscore\n\n", Columns{Score: "score"})
		if len(s.batches) != 0 || report.Rows != 0 || report.Warnings != 1 ||
			report.WarningList[0] != (RowRejection{Line: 2, Reason: "the file has a header and no rows"}) {
			t.Errorf("the report is %+v", report)
		}
	})

	t.Run("ignores columns without a name with a warning", func(t *testing.T) {
		t.Parallel()
		s, report := take(t, "score,,x, \n7,a,b,c\n", Columns{Score: "score"})
		if len(s.kept) != 1 || len(s.kept[0].Attributes) != 1 || s.kept[0].Attributes[0].Key != "x" {
			t.Errorf("the submissions are %+v, want one with the attribute x", s.kept)
		}
		if report.Warnings != 2 || !strings.Contains(report.WarningList[1].Reason, "column 4 has no name") {
			t.Errorf("the warnings are %+v, want columns 2 and 4", report.WarningList)
		}
	})

	t.Run("removes a byte order mark and quotes", func(t *testing.T) {
		t.Parallel()
		s := one(t, "\ufeff\"score\",\" the \"\"text\"\" \"\n7,x\n", Columns{Score: "score", Comment: "the \"text\""})
		if s.Score != 7 || *s.Comment != "x" {
			t.Errorf("the submission is %+v", s)
		}
	})
}

func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("column number %d", i)
	}
	return strings.Join(names, ",")
}

func TestColumns(t *testing.T) {
	t.Parallel()
	t.Run("are command-line flags", func(t *testing.T) {
		t.Parallel()
		type command struct {
			Import struct {
				Columns `embed:""`
				Survey  string
			} `cmd:""`
		}
		var cli command
		parser := kong.Must(&cli)
		args := []string{"import", "--survey=s"}
		flags := []string{"score", "responded-at", "response-external-id", "comment", "drivers", "contact-requested", "survey-column",
			"quote-consent", "testimonial-likelihood", "customer-external-id", "first-name", "last-name", "full-name", "email", "phone",
			"company", "country", "segment", "lifetime-value", "account-manager-email", "agent-email"}
		for _, f := range flags {
			args = append(args, "--"+f, "the "+f)
		}
		if _, err := parser.Parse(args); err != nil {
			t.Fatal(err)
		}
		named := cli.Import.named()
		if len(flags) != len(named) {
			t.Fatalf("%d flags for %d columns", len(flags), len(named))
		}
		for i, name := range named { // each flag must set its own column
			if name != "the "+flags[i] {
				t.Errorf("--%s set the column %q", flags[i], name)
			}
		}
		for i, f := range flags {
			if fields[i].flag != "--"+f {
				t.Errorf("the flag of %s is %s, want --%s", fields[i].name, fields[i].flag, f)
			}
		}
		for _, f := range parser.Model.Children[0].Flags {
			if f.Name != "survey" && f.Name != "help" && f.Help == "" {
				t.Errorf("--%s has no help", f.Name)
			}
		}
	})

	t.Run("have the names of the API", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for i, f := range fields {
			if f.name == "" || f.argument == "" || seen[f.name] || seen[f.argument] && f.name != f.argument {
				t.Errorf("field %d is %+v", i, f)
			}
			seen[f.name], seen[f.argument] = true, true
		}
	})
}
