package table

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/transform"

	"github.com/closeloop/closeloop/internal/fault"
)

const (
	byteOrderMark = "\ufeff"
	utf8Name      = "utf-8"
	macName       = "macintosh"
	windowsName   = "windows-1252"
)

// decode returns the text of a file in UTF-8, with lines that end with LF. A file in UTF-8 is passed on as it is, because the
// text of a damaged cell is the caller's to report.
func decode(file io.Reader, f Format) (io.Reader, error) {
	text := file
	if f.Encoding != utf8Name {
		e, err := htmlindex.Get(f.Encoding)
		if err != nil {
			return nil, fault.Input("encoding", "%q is no encoding that is known here; use a name of the Encoding Standard, such as utf-8, utf-16le, windows-1252 or macintosh", f.Encoding)
		}
		text = transform.NewReader(text, e.NewDecoder())
	}
	if f.BareCR {
		text = bareCR{text}
	}
	return text, nil
}

// bareCR makes LF of each CR.
type bareCR struct{ r io.Reader }

func (b bareCR) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	for i := range p[:n] {
		if p[i] == '\r' {
			p[i] = '\n'
		}
	}
	return n, err
}

// findEncoding reads the whole file once, because one byte on its last line can decide.
func findEncoding(file io.ReadSeeker, w Wanted, f *Format, why *Why) error {
	c, err := count(file)
	if err != nil {
		return err
	}
	f.BareCR = c.lf == 0 && c.cr > 0
	if w.Encoding == "" {
		f.Encoding, why.Encoding = c.encoding()
		if f.Encoding == "" {
			return fault.Input("encoding", "how is the text of the file encoded? Its bytes are neither UTF-8 nor UTF-16, nor like a text in Windows-1252 or MacRoman; say it by --encoding (encoding), such as windows-1251 or shift_jis, or save the file as UTF-8")
		}
		return nil
	}
	e, err := htmlindex.Get(w.Encoding)
	if err == nil {
		f.Encoding, err = htmlindex.Name(e)
	}
	if err != nil {
		return fault.Input("encoding", "%q is no encoding that is known here; use a name of the Encoding Standard, such as utf-8, utf-16le, windows-1252 or macintosh", w.Encoding)
	}
	why.Encoding = "as you said"
	return nil
}

// byteCounts is what one pass over the bytes of a file tells about its encoding.
type byteCounts struct {
	head        []byte   // the first bytes
	nul         [2]int   // NULs among the first bytes, at even and at odd places
	cr, lf      int      // line ends; found, not counted to the end
	multi       int      // characters of UTF-8 with more than one byte
	broken      int      // bytes that are not UTF-8
	high        [256]int // bytes from 0x80
	inWord      [256]int // those of them right after a lower-case letter of ASCII
	run, inRuns int      // bytes of runs of three high bytes or more
	before      byte
	left        []byte // the beginning of a character at the end of a part
}

func count(file io.ReadSeeker) (*byteCounts, error) {
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return nil, fmt.Errorf("return to the start of the file: %w", err)
	}
	c := &byteCounts{}
	part := make([]byte, 256<<10)
	for {
		n, err := io.ReadFull(file, part)
		c.take(part[:n], err != nil)
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return c, nil
		default:
			return nil, fmt.Errorf("read the file: %w", err)
		}
	}
}

func (c *byteCounts) take(part []byte, last bool) {
	if c.head == nil {
		c.head = bytes.Clone(part[:min(len(part), 4096)])
		for i, b := range c.head {
			if b == 0 {
				c.nul[i%2]++
			}
		}
	}
	if c.lf == 0 && bytes.IndexByte(part, '\n') >= 0 {
		c.lf++
	}
	if c.cr == 0 && bytes.IndexByte(part, '\r') >= 0 {
		c.cr++
	}
	if len(c.left) > 0 {
		part = append(c.left, part...)
		c.left = nil
	}
	for i := 0; i < len(part); {
		b := part[i]
		if b < utf8.RuneSelf {
			c.before, c.run = b, 0
			i++
			continue
		}
		if !last && !utf8.FullRune(part[i:]) {
			c.left = bytes.Clone(part[i:])
			return
		}
		_, size := utf8.DecodeRune(part[i:])
		if size > 1 {
			c.multi++
		} else {
			c.broken++
		}
		for _, b := range part[i : i+size] {
			c.high[b]++
			if 'a' <= c.before && c.before <= 'z' {
				c.inWord[b]++
			}
			if c.run++; c.run == 3 {
				c.inRuns += 3
			} else if c.run > 3 {
				c.inRuns++
			}
			c.before = b
		}
		i += size
	}
}

// encoding names the encoding and says why; empty where the bytes do not tell.
func (c *byteCounts) encoding() (name, why string) {
	half := len(c.head) / 2
	switch {
	case bytes.HasPrefix(c.head, []byte(byteOrderMark)):
		return utf8Name, "it begins with the byte order mark of UTF-8"
	case bytes.HasPrefix(c.head, []byte("\xff\xfe")):
		return "utf-16le", "it begins with the byte order mark of UTF-16"
	case bytes.HasPrefix(c.head, []byte("\xfe\xff")):
		return "utf-16be", "it begins with the byte order mark of UTF-16"
	case half > 0 && c.nul[1] > half/4 && c.nul[0] <= half/50:
		return "utf-16le", "each second byte is zero, as in UTF-16"
	case half > 0 && c.nul[0] > half/4 && c.nul[1] <= half/50:
		return "utf-16be", "each second byte is zero, as in UTF-16"
	case c.broken == 0:
		return utf8Name, "all of its bytes are UTF-8"
	case c.multi > 4*c.broken:
		return utf8Name, fmt.Sprintf("nearly all of its bytes are UTF-8, and %d are not", c.broken)
	}
	total := 0
	for _, n := range c.high {
		total += n
	}
	windows, mac := c.plausible(charmap.Windows1252), c.plausible(charmap.Macintosh)
	switch {
	case 3*c.inRuns > total, windows <= 0 && mac <= 0:
		return "", ""
	// A file without LF comes from a Mac. Else Windows-1252 is by far the more frequent one.
	case mac > windows || mac == windows && c.lf == 0 && c.cr > 0:
		return macName, "its bytes are not UTF-8; as MacRoman they make more words than as Windows-1252"
	}
	return windowsName, "its bytes are not UTF-8; as Windows-1252 they make more words than as MacRoman"
}

const (
	frequent = "äöüßéèêàâçñãõáíóúô’"
	seen     = "ìòùëïîûæøåœ‘“”„–—…«»€£§°¿¡º"
)

// plausible weighs how well the bytes that are not ASCII read as text of Western Europe in the encoding: letters and quotation
// marks that its languages use speak for it, signs and capitals in the middle of a word against it.
func (c *byteCounts) plausible(e encoding.Encoding) (weight int) {
	table := e.(*charmap.Charmap)
	for b := 0x80; b <= 0xff; b++ {
		r, n := table.DecodeByte(byte(b)), c.high[b]
		switch {
		case n == 0:
		case r == utf8.RuneError || unicode.IsControl(r):
			weight -= 10 * n
		case strings.ContainsRune(frequent, r):
			weight += 4 * n
		case strings.ContainsRune(seen, r):
			weight += 2 * n
		case unicode.IsUpper(r):
			weight += n - 4*c.inWord[b]
		case unicode.IsLetter(r):
			weight += n
		default:
			weight -= 3 * n
		}
	}
	return weight
}
