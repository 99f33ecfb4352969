package importer

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestTerminal(t *testing.T) {
	t.Parallel()
	t.Run("writes a line a second and a summary", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		c := &clock{at: time.Unix(0, 0)}
		p := newTerminal(&out, 2000, false, c.now)
		r := &Report{Rows: 200, ResponsesCreated: 200}
		p.Committed(r, 400) // less than a second later
		c.at = c.at.Add(time.Second)
		p.Rejected(RowRejection{Line: 17, Column: "overall_rating", Reason: `"4.5" is not a whole number from 0 to 10`})
		p.Warned(RowRejection{Line: 18, Column: "land", Reason: "odd"})
		p.Rejected(RowRejection{Line: 19, Reason: "the row has 3 cells where the header has 4"})
		*r = Report{Rows: 1400, ResponsesCreated: 1397, CasesOpened: 865, RowsRejected: 2, Warnings: 1, ResponsesKnown: 1}
		p.Committed(r, 1000)
		c.at = c.at.Add(time.Second / 2)
		p.Committed(r, 1001)
		p.Close(&Report{Rows: 1258, ResponsesCreated: 1257, CasesOpened: 865, RowsRejected: 1, Warnings: 3})
		want := `line 17: column overall_rating: "4.5" is not a whole number from 0 to 10
warning: line 18: column land: odd
line 19: the row has 3 cells where the header has 4
1,400 rows read (50 %): 1,397 responses created, 1 known already, 865 cases opened, 2 rows rejected, 1 warning
1,257 responses created, 0 known already, 865 cases opened, 1 row rejected, 3 warnings
`
		if out.String() != want {
			t.Errorf("the output is\n%s\nwant\n%s", out.String(), want)
		}
	})

	t.Run("shows only the first hundred rejections and warnings", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		c := &clock{at: time.Unix(0, 0)}
		p := newTerminal(&out, 0, false, c.now)
		s := new(store)
		report, err := s.keep(t, "s,c\n"+strings.Repeat("x,\n", 1234)+strings.Repeat("8,\n", 1300)+strings.Repeat("7,Atlantis\n", 101),
			run{Reading{Columns: Columns{Score: "s", Country: "c"}, Choices: Choices{}}, Options{Progress: p}})
		if err != nil {
			t.Fatal(err)
		}
		p.Close(report)
		lines := strings.Split(strings.TrimSpace(out.String()), "\n")
		if len(lines) != 203 {
			t.Fatalf("%d lines, want 100 of each, 2 counts and the summary", len(lines))
		}
		want := []string{"… and 1,134 rows rejected beyond these", "… and 1 warning beyond these",
			"1,401 responses created, 0 known already, 0 cases opened, 1,234 rows rejected, 101 warnings"}
		for i, line := range lines[200:] {
			if line != want[i] {
				t.Errorf("the line is %q, want %q", line, want[i])
			}
		}
	})

	t.Run("draws the bar below the lines", func(t *testing.T) {
		t.Parallel()
		for _, size := range []int64{0, 2000} {
			var out bytes.Buffer
			p := newTerminal(&out, size, true, time.Now)
			r := &Report{Rows: 200, ResponsesCreated: 199, RowsRejected: 1}
			p.Committed(r, 500)
			p.Rejected(RowRejection{Line: 17, Column: "s", Reason: "odd"})
			p.Committed(r, 1500)
			p.Committed(r, 2500) // the file has grown
			p.Close(r)
			shown := out.String()
			if !strings.Contains(shown, "importing") || !strings.Contains(shown, "\x1b[2K\rline 17: column s: odd\n") {
				t.Errorf("with size %d the output is %q", size, shown)
			}
			if size > 0 && (!strings.Contains(shown, " 25% ") || !strings.Contains(shown, " 75% ")) {
				t.Errorf("the bar did not move: %q", shown)
			}
			if !strings.HasSuffix(shown, "\x1b[2K\r199 responses created, 0 known already, 0 cases opened, 1 row rejected, 0 warnings\n") {
				t.Errorf("with size %d the output ends as %q", size, shown)
			}
		}
	})

	t.Run("has no summary when the import did not begin", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		NewProgress(&out, 10).Close(nil)
		if out.Len() > 0 {
			t.Errorf("the output is %q, want none", out.String())
		}
	})

	t.Run("removes control characters", func(t *testing.T) {
		t.Parallel()
		var out bytes.Buffer
		p := NewProgress(&out, 0)
		s := new(store)
		_, err := s.keep(t, "s,\"a\n\x1b[2J\",c\n\x1b[31m7,,\n7,x,\"\x1b]0;owned\a\"\n7,\"\x00\",\n",
			run{Reading{Columns: Columns{Score: "s", Comment: "a\n\x1b[2J", Country: "c"}}, Options{Progress: p}})
		if err != nil || strings.ContainsAny(out.String(), "\x1b\a") || strings.Count(out.String(), "\n") != 2 {
			t.Errorf("the output is %q, the error %v", out.String(), err)
		}
	})
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 999: "999 rows", 1000: "1,000 rows", 1234567: "1,234,567 rows"} {
		if got := counted(n, "row"); got != want {
			t.Errorf("%d is written as %q, want %q", n, got, want)
		}
	}
	if got := fmt.Sprint(&Report{ResponsesCreated: 1, CasesOpened: 1, RowsRejected: 1, Warnings: 1}); got !=
		"1 response created, 0 known already, 1 case opened, 1 row rejected, 1 warning" {
		t.Errorf("the summary is %q", got)
	}
}
