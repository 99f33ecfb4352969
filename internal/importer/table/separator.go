package table

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/closeloop/closeloop/internal/fault"
)

// separators are the bytes between cells that files have, by the names that callers use.
var separators = []struct{ name, byte string }{
	{"comma", ","}, {"semicolon", ";"}, {"tab", "\t"}, {"pipe", "|"},
}

// SeparatorName names a separator for people.
func SeparatorName(b string) string {
	for _, s := range separators {
		if s.byte == b {
			return s.name
		}
	}
	return fmt.Sprintf("%q", b)
}

const (
	sampleBytes   = 256 << 10
	sampleRecords = 200
)

// findSeparator takes the separator that the caller or the line `sep=;` says, else the one by which most records of the file's
// beginning have as many cells as the header.
func findSeparator(file io.ReadSeeker, w Wanted, f *Format, why *Why) error {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("return to the start of the file: %w", err)
	}
	text, err := decode(file, *f)
	if err != nil {
		return err
	}
	head := make([]byte, sampleBytes)
	n, err := io.ReadFull(text, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read the file: %w", err)
	}
	whole := n < len(head)
	sample := strings.TrimPrefix(string(head[:n]), byteOrderMark)
	if strings.TrimSpace(sample) == "" && whole {
		return fault.Input("file", "the file is empty; its first line names the columns")
	}
	marked, rest := mark(sample)
	f.Marked = marked != ""
	switch {
	case w.Separator != "":
		for _, s := range separators {
			if strings.EqualFold(w.Separator, s.name) || w.Separator == s.byte {
				f.Separator, why.Separator = s.byte, "as you said"
				return nil
			}
		}
		return fault.Input("separator", "%q is no separator; --separator (separator) is comma, semicolon, tab or pipe", w.Separator)
	case marked != "":
		f.Separator, why.Separator = marked, "the first line says so"
		return nil
	}
	f.Separator, why.Separator = ",", "the file has one column"
	best, most := -1.0, 1
	for _, s := range separators {
		if share, columns := agree(rest, s.byte[0], whole); columns > 1 && (share > best || share == best && columns > most) {
			f.Separator, best, most = s.byte, share, columns
			why.Separator = fmt.Sprintf("it makes %d columns of the header, and as many of the rows", columns)
		}
	}
	return nil
}

// mark reads the line by which Excel is told the separator.
func mark(sample string) (separator, rest string) {
	line, rest, _ := strings.Cut(sample, "\n")
	line = strings.Trim(strings.TrimSuffix(line, "\r"), `"`)
	if len(line) == len("sep=,") && strings.EqualFold(line[:4], "sep=") {
		for _, s := range separators {
			if s.byte == line[4:] {
				return s.byte, rest
			}
		}
	}
	return "", sample
}

// agree returns the number of cells in the header, and the share of the records that have as many.
func agree(sample string, separator byte, whole bool) (share float64, columns int) {
	r := newRecords(strings.NewReader(sample), separator, recordMax)
	same, all := 0, 0
	for all < sampleRecords {
		rec, err := r.next()
		if err != nil || !whole && rec.End == int64(len(sample)) { // the last record may be cut
			break
		}
		if columns == 0 {
			if columns = len(rec.Fields); columns == 0 {
				return 0, 0
			}
			continue
		}
		all++
		if len(rec.Fields) == columns {
			same++
		}
	}
	if all == 0 {
		return 1, columns
	}
	return float64(same) / float64(all), columns
}
