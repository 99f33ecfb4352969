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
	report, err := s.keep(t, file, Options{Columns: c})
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
	t.Run("refuses a file that is not CSV in UTF-8", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ file, words string }{
			"empty":                    {"", "the file is empty"},
			"a byte order mark alone":  {"\ufeff", "the file is empty"},
			"empty lines":              {"\n\r\n\n", "the file is empty"},
			"UTF-16, little endian":    {"\xff\xfes\x00\n\x00", "UTF-16; save it as UTF-8"},
			"UTF-16, big endian":       {"\xfe\xff\x00s\x00\n", "UTF-16; save it as UTF-8"},
			"UTF-16 without a mark":    {"s\x00c\x00o\x00r\x00e\x00\n\x00", "save it as UTF-8"},
			"a workbook":               {"PK\x03\x04....", "a workbook; save it as CSV"},
			"gzip":                     {"\x1f\x8b\x08", "compressed"},
			"a Latin-1 header":         {"\nscore,R\xe9gion\n7,x\n", "line 2, column 2: the header is not UTF-8"},
			"bare CR":                  {"score,c\r7,x\r", "bare CR"},
			"a stray quote":            {"score,5\" x\n7,x\n", "line 1, the header, column 2: a quotation mark"},
			"a header that never ends": {"score,\"x\n7,x\n", "line 1, the header, column 2: a quotation mark opens"},
			"names that occur twice":   {"score,b,a,b \n7,x,y,z\n", `columns 2 and 4 of the header are both called "b"`},
		} {
			f := refused(t, c.file, Columns{Score: "score"})
			if f.Argument != "file" || !strings.Contains(f.Message, c.words) {
				t.Errorf("%s: the fault of %q is %q, want one with %q", name, f.Argument, f.Message, c.words)
			}
		}
	})

	t.Run("refuses a column that the header does not have", func(t *testing.T) {
		t.Parallel()
		file := "Score,comment\n7,x\n"
		for name, c := range map[string]struct {
			columns  Columns
			argument string
			words    string
		}{
			"another case": {Columns{Score: "score"}, "columns.score", `the file has no column "score"; its header has "Score", "comment"`},
			"an email":     {Columns{Score: "Score", Email: "mail"}, "columns.email", `no column "mail"; its header has "Score", "comment"`},
			"an id":        {Columns{Score: "Score", CustomerExternalID: "id"}, "columns.customerExternalId", `no column "id"`},
			"no score":     {Columns{Comment: "comment"}, "columns.score", `name the column with the score; the header has "Score", "comment"`},
		} {
			f := refused(t, file, c.columns)
			if f.Argument != c.argument || !strings.Contains(f.Message, c.words) {
				t.Errorf("%s: the fault of %q is %q, want one with %q", name, f.Argument, f.Message, c.words)
			}
		}
		if f := refused(t, "score;comment\n7;x\n", Columns{Score: "score"}); !strings.Contains(f.Message, "separated by commas") {
			t.Errorf("a file with semicolons: the message %q does not name commas", f.Message)
		}
		if f := refused(t, manyNames(5000), Columns{Score: "score"}); len(f.Message) > 5000 {
			t.Errorf("the message has %d bytes, want at most 5000", len(f.Message))
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
		if _, err := kong.Must(new(command)).Parse([]string{"import"}); err == nil || !strings.Contains(err.Error(), "--score") {
			t.Errorf("without --score the error is %v", err)
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
