package importer

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/importer/table"
	"github.com/closeloop/closeloop/internal/intake"
)

// rows returns a file of n good rows; every fourth is a detractor.
func rows(n int) string {
	var b strings.Builder
	b.WriteString("score,comment\n")
	for i := range n {
		fmt.Fprintf(&b, "%d,comment %d\n", 7-i%4/3*7, i)
	}
	return b.String()
}

func TestImport(t *testing.T) {
	t.Parallel()
	t.Run("adds nothing when repeated", func(t *testing.T) {
		t.Parallel()
		s := new(store)
		o := run{Reading: Reading{Columns: Columns{Score: "score", Comment: "comment"}}}
		first, err := s.keep(t, rows(1000), o)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Report{Rows: 1000, ResponsesCreated: 1000, CasesOpened: 250}); !reflect.DeepEqual(*first, want) {
			t.Errorf("the report of the first import is %+v", first)
		}
		second, err := s.keep(t, rows(1000), o)
		if err != nil {
			t.Fatal(err)
		}
		if want := (Report{Rows: 1000, ResponsesKnown: 1000}); !reflect.DeepEqual(*second, want) {
			t.Errorf("the report of the second import is %+v", second)
		}
	})

	t.Run("adds only the new rows of a file that has grown", func(t *testing.T) {
		t.Parallel()
		s := new(store)
		o := run{Reading: Reading{Columns: Columns{Score: "score"}}}
		if _, err := s.keep(t, "score,c\n7,same\n7,same\n", o); err != nil {
			t.Fatal(err)
		}
		report, err := s.keep(t, "\ufeffscore,c\r\n7,\"same\"\r\n7,same\r\n7,same\r\n8,other", o)
		if err != nil || report.ResponsesCreated != 2 || report.ResponsesKnown != 2 {
			t.Errorf("the report is %+v, the error %v; want two new and two known rows", report, err)
		}
	})

	t.Run("passes the options on", func(t *testing.T) {
		t.Parallel()
		for _, want := range []intake.SubmitOptions{{}, {SkipRules: true}, {SkipNotify: true}} {
			s := new(store)
			_, err := s.keep(t, "s\n1\n", run{Reading{Columns: Columns{Score: "s"}}, Options{SkipRules: want.SkipRules, SkipNotify: want.SkipNotify}})
			if err != nil || !reflect.DeepEqual(s.options, want) {
				t.Errorf("the options are %+v, the error %v; want %+v", s.options, err, want)
			}
		}
	})

	t.Run("reports bad rows in order and imports the others", func(t *testing.T) {
		t.Parallel()
		file := "\n" + // line 1 is empty
			"score,mail,country,text\n" +
			"7,a@b.example,Atlantis,\"two\nlines\"\n" + // 3
			"4.5,,,\n" + // 5
			"7,nonsense,,\n" + // 6
			"7,,\n" + // 7: too few
			"7,,,x,y\n" + // 8: too many
			"7,,,5\" nail\n" + // 9
			"7,,,taken\n" + // 10: the submitter refuses it
			"\n,,,\n" + // 11, 12: blank
			"7,,,\"é è \xff ü ö ä\"\n" + // 13
			"7,,,a\x00b\n" + // 14
			"8,,,last" // 15
		s := &store{fault: func(one intake.Submission) error {
			if one.Comment != nil && *one.Comment == "taken" {
				return fault.Input("customer.email", "belongs to somebody else")
			}
			return nil
		}}
		progress := new(watch)
		report, err := s.keep(t, file, run{Reading{Columns: Columns{Score: "score", Email: "mail", Country: "country", Comment: "text"}}, Options{Progress: progress}})
		if err != nil {
			t.Fatal(err)
		}
		want := []RowRejection{
			{Line: 5, Column: "score", Reason: `"4.5" is not a whole number from 0 to 10`},
			{Line: 7, Column: "", Reason: "the row has 3 cells where the header has 4"},
			{Line: 8, Column: "", Reason: "the row has 5 cells where the header has 4"},
			{Line: 9, Column: "text", Reason: table.StrayQuote},
			{Line: 10, Column: "mail", Reason: "belongs to somebody else"},
		}
		if !reflect.DeepEqual(report.Rejections, want) || !reflect.DeepEqual(progress.rejected, want) {
			t.Errorf("the rejections are\n%v\nand shown\n%v\nwant\n%v", report.Rejections, progress.rejected, want)
		}
		warned := []place{{3, "country"}, {6, "mail"}, {13, "text"}}
		if !reflect.DeepEqual(places(report.WarningList), warned) || !reflect.DeepEqual(report.WarningList, progress.warned) {
			t.Errorf("the warnings are %v, and shown %v", report.WarningList, progress.warned)
		}
		if report.Rows != 10 || report.ResponsesCreated != 5 || report.RowsRejected != 5 || len(s.kept) != 5 {
			t.Errorf("the report is %+v", report)
		}
		if progress.bytes[len(progress.bytes)-1] != int64(len(file)) {
			t.Errorf("the last batch ended at byte %v, want %d", progress.bytes, len(file))
		}
	})

	t.Run("reports no warning of a rejected row", func(t *testing.T) {
		t.Parallel()
		s := &store{fault: func(intake.Submission) error { return fault.Input("score", "no") }}
		report, err := s.keep(t, "s,c\n7,Atlantis\n", run{Reading: Reading{Columns: Columns{Score: "s", Country: "c"}}})
		if err != nil || report.Warnings != 0 || report.RowsRejected != 1 {
			t.Errorf("the report is %+v, the error %v", report, err)
		}
	})

	t.Run("names the column of a fault", func(t *testing.T) {
		t.Parallel()
		file := "s,whole,mail,tags,more\n7,A B,,x,y\n"
		c := Columns{Score: "s", FullName: "whole", Email: "mail", Drivers: "tags"}
		for argument, column := range map[string]string{
			"score": "s", "customer.lastName": "whole", "customer.firstName": "whole", "customer.email": "mail", "drivers": "tags",
			"drivers[3]": "tags", "attributes[0].value": "more", "attributes[7].value": "", "attributes": "", "survey": "", "": "",
			"customer.phone": "", "emailed": "",
		} {
			s := &store{fault: func(intake.Submission) error { return fault.Input(argument, "no") }}
			report, err := s.keep(t, file, run{Reading: Reading{Columns: c}})
			if err != nil || len(report.Rejections) != 1 || report.Rejections[0].Column != column {
				t.Errorf("fault of %q: the report is %+v, the error %v; want the column %q", argument, report, err, column)
			}
		}
	})

	t.Run("keeps only the first hundred rejections and warnings", func(t *testing.T) {
		t.Parallel()
		file := "s,c\n" + strings.Repeat("x,\n7,Atlantis\n", 150)
		_, report := take(t, file, Columns{Score: "s", Country: "c"})
		if report.RowsRejected != 150 || len(report.Rejections) != 100 || report.Warnings != 150 || len(report.WarningList) != 100 {
			t.Errorf("the report lists %d of %d rejections and %d of %d warnings, want 100 each", len(report.Rejections), report.RowsRejected, len(report.WarningList), report.Warnings)
		}
	})

	t.Run("reports what is done when stopped, and continues", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		s := new(store)
		s.before = func([]intake.Submission) error {
			if len(s.batches) == 2 {
				stop() // as Ctrl-C does, in the middle of the third batch
			}
			return nil
		}
		o := run{Reading: Reading{Columns: Columns{Score: "score"}}}
		report, err := s.keepFrom(ctx, strings.NewReader(rows(1000)), o)
		if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "run the same command again") {
			t.Errorf("the error is %v, want context.Canceled and the advice to continue", err)
		}
		done := len(s.kept)
		if done == 0 || done == 1000 || report.Rows != done || report.ResponsesCreated != done {
			t.Errorf("%d responses are stored, the report is %+v", done, report)
		}
		s.before = nil
		report, err = s.keep(t, rows(1000), o)
		if err != nil || report.ResponsesKnown != done || report.ResponsesCreated != 1000-done || len(s.kept) != 1000 {
			t.Errorf("the second run: the report is %+v, the error %v", report, err)
		}
	})

	t.Run("does nothing when stopped before its start", func(t *testing.T) {
		t.Parallel()
		ctx, stop := context.WithCancel(t.Context())
		stop()
		s := new(store)
		report, err := s.keepFrom(ctx, strings.NewReader(rows(10)), run{Reading: Reading{Columns: Columns{Score: "score"}}})
		if !errors.Is(err, context.Canceled) || report.Rows != 0 || len(s.kept) != 0 {
			t.Errorf("the report is %+v, the error %v", report, err)
		}
	})

	t.Run("ends with an error of the submitter", func(t *testing.T) {
		t.Parallel()
		unavailable := errors.New("the database is unavailable")
		s := new(store)
		s.before = func([]intake.Submission) error {
			if len(s.batches) == 1 {
				return unavailable
			}
			return nil
		}
		report, err := s.keep(t, rows(1000), run{Reading: Reading{Columns: Columns{Score: "score"}}})
		if !errors.Is(err, unavailable) || report.Rows != 100 || !strings.Contains(err.Error(), "lines 102 to ") {
			t.Errorf("the report is %+v, the error %v", report, err)
		}
	})

	t.Run("ends with a read error", func(t *testing.T) {
		t.Parallel()
		failed := errors.New("the disk failed")
		s := new(store)
		report, err := s.keepFrom(t.Context(), &failing{Reader: strings.NewReader(rows(150) + "7,half a r"), err: failed}, run{Reading: Reading{Columns: Columns{Score: "score"}}})
		if !errors.Is(err, failed) || report.Rows != 100 || len(s.kept) != 100 {
			t.Errorf("the report is %+v, the error %v; want the first batch and the read error", report, err)
		}
	})
}

func TestBatch(t *testing.T) {
	t.Parallel()
	t.Run("adapts its size to its duration", func(t *testing.T) {
		t.Parallel()
		c := &clock{at: time.Unix(0, 0)}
		perRow := 20 * time.Microsecond
		s := new(store)
		s.before = func(batch []intake.Submission) error {
			switch len(s.batches) {
			case 5: // the database is busy from here on
				perRow = 10 * time.Millisecond
			case 8:
				perRow = time.Second
			}
			c.at = c.at.Add(time.Duration(len(batch)) * perRow)
			return nil
		}
		if _, err := s.keep(t, rows(3600), run{Reading{Columns: Columns{Score: "score"}}, Options{Now: c.now}}); err != nil {
			t.Fatal(err)
		}
		want := []int{100, 200, 400, 800, 1000, 1000, 20, 20, 20, 10, 10, 10, 10}
		if !slices.Equal(s.batches, want) {
			t.Errorf("the sizes of the batches are %v, want %v", s.batches, want)
		}
	})

	t.Run("keeps its size within bounds", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct {
			size, rows, created int
			took                time.Duration
			want                int
		}{
			{100, 100, 100, 0, 200}, {100, 100, 100, 200 * time.Millisecond, 100}, {100, 100, 100, time.Second, 20},
			{100, 100, 100, time.Hour, leastBatch}, {800, 800, 800, time.Millisecond, mostBatch},
			{100, 3, 3, 200 * time.Millisecond, leastBatch}, {100, 100, 100, -time.Second, 200},
			{100, 100, 49, time.Millisecond, 100}, {100, 100, 0, time.Second, 20}, {100, 100, 50, time.Millisecond, 200},
		} {
			p := pace{size: c.size}
			if p.adjust(c.rows, c.created, c.took); p.size != c.want {
				t.Errorf("%d rows, %d of them new, took %v at size %d: the new size is %d, want %d", c.rows, c.created, c.took, c.size, p.size, c.want)
			}
		}
	})

	t.Run("is small when rows are long", func(t *testing.T) {
		t.Parallel()
		file := "s,c\n" + strings.Repeat("7,"+strings.Repeat("x", 1_000_000)+"\n", 6)
		s, _ := take(t, file, Columns{Score: "s", Comment: "c"})
		if len(s.kept) != 6 || slices.Max(s.batches) > 5 {
			t.Errorf("the sizes of the batches are %v", s.batches)
		}
	})
}
