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
)

// Terminal shows an import to whoever runs the command: a bar where there is a terminal, else a line a second; the
// first hundred rejections and warnings as they come; and at the end what was done. It is one import's, and of use
// to one goroutine.
type Terminal struct {
	w        io.Writer
	size     int64
	bar      *progressbar.ProgressBar // nil: plain lines
	now      func() time.Time
	lastLine time.Time
	rejected int
	warned   int
}

// NewProgress shows an import of a file of so many bytes, 0 where that is not known. Close ends it.
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
			progressbar.OptionSetRenderBlankState(true),   // its clock starts here; else the first rate is absurd
			progressbar.OptionSetSpinnerChangeInterval(0), // or it starts a goroutine that nobody waits for
		)
	}
	return t
}

// Rejected shows a row that did not go in.
func (t *Terminal) Rejected(r RowRejection) {
	if t.rejected++; t.rejected <= listed {
		t.say("%s", line(r))
	}
}

// Warned shows what was odd in a row that went in.
func (t *Terminal) Warned(w RowRejection) {
	if t.warned++; t.warned <= listed {
		t.say("warning: %s", line(w))
	}
}

// Committed moves the bar, or writes a line where the last one is a second old.
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
		t.say("%s read%s: %s", counted(done.Rows, "row"), share, done)
	}
}

// Close writes the summary. The report is nil where the import did not begin.
func (t *Terminal) Close(report *Report) {
	if t.bar != nil {
		_ = t.bar.Clear()
		_ = t.bar.Exit()
	}
	if report == nil {
		return
	}
	if more := t.rejected - listed; more > 0 {
		t.say("… and %s rejected beyond these", counted(more, "row"))
	}
	if more := t.warned - listed; more > 0 {
		t.say("… and %s beyond these", counted(more, "warning"))
	}
	t.say("%s", report)
}

func (t *Terminal) say(format string, args ...any) {
	if t.bar != nil {
		_ = t.bar.Clear() // the next Committed draws it again, below
	}
	_, _ = fmt.Fprintf(t.w, format+"\n", args...)
}

// line writes a rejection out. The column and the reason hold text of the file, which must not steer the terminal.
func line(r RowRejection) string {
	s := fmt.Sprintf("line %d: ", r.Line)
	if r.Column != "" {
		s += "column " + shorten(r.Column) + ": "
	}
	return strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return unicode.ReplacementChar
		}
		return c
	}, s+r.Reason)
}

// String is the summary in words.
func (r *Report) String() string {
	return fmt.Sprintf("%s created, %s known already, %s opened, %s rejected, %s",
		counted(r.ResponsesCreated, "response"), grouped(r.ResponsesKnown), counted(r.CasesOpened, "case"),
		counted(r.RowsRejected, "row"), counted(r.Warnings, "warning"))
}
