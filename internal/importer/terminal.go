package importer

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/closeloop/closeloop/internal/importer/value"
)

// Terminal shows an import to the user of the command: a progress bar on a terminal, else at most one line a second; the
// first hundred rejections and warnings; and a summary at the end. A Terminal serves one import and one goroutine.
type Terminal struct {
	w        io.Writer
	size     int64
	bar      *progressbar.ProgressBar // nil: plain lines
	now      func() time.Time
	lastLine time.Time
	rejected int
	warned   int
}

// NewProgress returns a Terminal for a file of the given size in bytes, 0 where the size is unknown. Call Close at the end.
func NewProgress(w io.Writer, size int64) *Terminal {
	f, isFile := w.(*os.File)
	return newTerminal(w, size, isFile && term.IsTerminal(int(f.Fd())), time.Now)
}

func newTerminal(w io.Writer, size int64, terminal bool, now func() time.Time) *Terminal {
	t := &Terminal{w: w, size: size, now: now, lastLine: now()}
	if terminal {
		most := size
		if most <= 0 {
			most = -1
		}
		t.bar = progressbar.NewOptions64(most,
			progressbar.OptionSetWriter(w),
			progressbar.OptionSetDescription("importing"),
			progressbar.OptionShowBytes(true),
			progressbar.OptionShowCount(),
			progressbar.OptionFullWidth(),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionClearOnFinish(),
			progressbar.OptionSetRenderBlankState(true),   // starts the bar's clock here; otherwise the first rate is far too high
			progressbar.OptionSetSpinnerChangeInterval(0), // otherwise the bar starts a goroutine that does not end with it
		)
	}
	return t
}

// Scanned moves the bar, which the second pass moves again.
func (t *Terminal) Scanned(bytes int64) {
	if t.bar != nil {
		t.bar.Describe("reading")
		_ = t.bar.Set64(min(bytes, max(t.size, 0)))
	}
}

// Inspected shows how the file is read: which column is taken for what, and why.
func (t *Terminal) Inspected(p *Plan) {
	t.print("%s", counted(p.Rows, "row"))
	for _, f := range p.Findings {
		t.print("  %s: %s (%s)", f.Subject, printable(f.Value), printable(f.Reason))
	}
	if t.bar != nil {
		t.bar.Reset()
		t.bar.Describe("importing")
	}
}

// Rejected shows a row that was not imported.
func (t *Terminal) Rejected(r RowRejection) {
	if t.rejected++; t.rejected <= listedMax {
		t.print("%s", line(r))
	}
}

// Warned shows a warning about a row that was imported.
func (t *Terminal) Warned(w RowRejection) {
	if t.warned++; t.warned <= listedMax {
		t.print("warning: %s", line(w))
	}
}

// Committed moves the bar, or writes a line if the last line is at least a second old.
func (t *Terminal) Committed(done *Report, bytes int64) {
	if t.bar != nil {
		if t.size > 0 {
			bytes = min(bytes, t.size) // the file may have grown
		}
		_ = t.bar.Set64(bytes)
		return
	}
	if now := t.now(); now.Sub(t.lastLine) >= time.Second {
		t.lastLine = now
		share := ""
		if t.size > 0 {
			share = fmt.Sprintf(" (%d %%)", min(100, 100*bytes/t.size))
		}
		t.print("%s read%s: %s", counted(done.Rows, "row"), share, done)
	}
}

// Close writes the summary. The report is nil if the import did not begin.
func (t *Terminal) Close(report *Report) {
	if t.bar != nil {
		_ = t.bar.Clear()
		_ = t.bar.Exit()
	}
	if report == nil {
		return
	}
	if more := t.rejected - listedMax; more > 0 {
		t.print("… and %s rejected beyond these", counted(more, "row"))
	}
	if more := t.warned - listedMax; more > 0 {
		t.print("… and %s beyond these", counted(more, "warning"))
	}
	t.print("%s", report)
}

func (t *Terminal) print(format string, args ...any) {
	if t.bar != nil {
		_ = t.bar.Clear() // the next call of Committed draws the bar again, below the text
	}
	_, _ = fmt.Fprintf(t.w, format+"\n", args...)
}

// line formats a rejection. The column and the reason contain text of the file, which must not control the terminal.
func line(r RowRejection) string {
	s := fmt.Sprintf("line %d: ", r.Line)
	if r.Column != "" {
		s += "column " + value.Shorten(r.Column) + ": "
	}
	return printable(s + r.Reason)
}

func printable(s string) string {
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s)
}

// String returns a summary.
func (r *Report) String() string {
	s := counted(r.ResponsesCreated, "response") + " created, "
	if r.ResponsesChanged > 0 {
		s += grouped(r.ResponsesChanged) + " completed or corrected, "
	}
	s += fmt.Sprintf("%s known already, %s opened, %s rejected, %s", grouped(r.ResponsesKnown), counted(r.CasesOpened, "case"),
		counted(r.RowsRejected, "row"), counted(r.Warnings, "warning"))
	if r.PastTarget > 0 {
		s += fmt.Sprintf("; %s past the target already: one mail tells each person of all of them (--no-rules opens none)", counted(r.PastTarget, "case"))
	}
	if r.JoinedByName > 0 {
		s += fmt.Sprintf("; %s went to a customer known by name, country and company alone (--identify-by says otherwise)", counted(r.JoinedByName, "response"))
	}
	return s
}
