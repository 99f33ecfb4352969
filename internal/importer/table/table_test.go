package table

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"

	"github.com/closeloop/closeloop/internal/fault"
)

// fieldsOf reads all records of a file as the caller wants it.
func fieldsOf(t *testing.T, file string, w Wanted) (Format, [][]string) {
	t.Helper()
	f, why, err := Detect(strings.NewReader(file), w)
	if err != nil {
		t.Fatalf("%.60q: %v", file, err)
	}
	if f.Workbook == (why.Sheet == "") || !f.Workbook && (why.Encoding == "" || why.Separator == "") {
		t.Errorf("the format %+v has no reason: %+v", f, why)
	}
	r, err := Open(strings.NewReader(file), f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var all [][]string
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return f, all
		}
		if err != nil || rec.Broken != "" {
			t.Fatalf("%.60q: %v %s", file, err, rec.Broken)
		}
		all = append(all, rec.Fields)
	}
}

func encoded(t *testing.T, name, text string) string {
	t.Helper()
	e, err := htmlindex.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := e.NewEncoder().String(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestEncoding(t *testing.T) {
	t.Parallel()
	texts := map[string]string{
		"German": "score,name,text\n3,Jörg Müller,Zu langsam für größere Aufträge\n9,Zoë Weiß,Schön\n", "French": "score,name,text\n3,Hélène,Ça n’a pas été livré à temps\n9,Noël,Très bien\n",
		"Portuguese": "score,name,text\n3,João,A situação não foi boa, às vezes ninguém responde\n9,Inês,Ótimo\n", "Spanish": "score,name,text\n3,Begoña,¿Por qué no llamó nadie?\n9,José,Está muy bien\n",
		"English": "score,name,text\n3,Ann,It didn’t work\n9,Bo,They’re great\n",
	}
	for language, text := range texts {
		text = strings.ReplaceAll(text, "boa, às", "boa às")
		utf16, err := unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		mac, err := charmap.Macintosh.NewEncoder().String(text)
		if err != nil {
			t.Fatal(err)
		}
		_, want := fieldsOf(t, text, Wanted{})
		for name, file := range map[string]string{
			"utf-8": text, "utf-8 marked": "\ufeff" + text, "utf-16le": utf16, "utf-16be": encoded(t, "utf-16be", text), "utf-16le unmarked": encoded(t, "utf-16le", text),
			"windows-1252": encoded(t, "windows-1252", text), "windows-1252 crlf": strings.ReplaceAll(encoded(t, "windows-1252", text), "\n", "\r\n"),
			"macintosh": mac, "macintosh cr": strings.ReplaceAll(mac, "\n", "\r"),
		} {
			said, _, _ := strings.Cut(name, " ")
			f, got := fieldsOf(t, file, Wanted{})
			// Of one apostrophe, both read well; Windows-1252 is the frequent one, unless lines end as a Mac's do.
			if f.Encoding != said && !(language == "English" && said == "macintosh") {
				t.Errorf("%s in %s is taken for %s", language, name, f.Encoding)
			} else if f.Encoding == said && !reflect.DeepEqual(got, want) {
				t.Errorf("%s in %s is read as %q", language, name, got)
			}
		}
	}

	t.Run("is asked for where the bytes do not tell", func(t *testing.T) {
		t.Parallel()
		for name, text := range map[string]string{"windows-1251": "score,name\n3,Иван Петров\n", "shift_jis": "score,name\n3,日本太郎さん\n", "windows-1253": "score,name\n3,Ελένη Παππά\n"} {
			file := encoded(t, name, text)
			_, _, err := Detect(strings.NewReader(file), Wanted{})
			var f *fault.Error
			if !errors.As(err, &f) || f.Argument != "encoding" || !strings.Contains(f.Message, "--encoding (encoding)") {
				t.Errorf("%s: the error is %v", name, err)
			}
			if _, got := fieldsOf(t, file, Wanted{Encoding: name}); got[1][1] != strings.TrimSpace(text[len("score,name\n3,"):]) {
				t.Errorf("%s is read as %q", name, got)
			}
		}
		if _, _, err := Detect(strings.NewReader("a\n"), Wanted{Encoding: "klingon"}); err == nil || !strings.Contains(err.Error(), "Encoding Standard") {
			t.Errorf("the error is %v", err)
		}
	})

	t.Run("stays UTF-8 where a few bytes are damaged", func(t *testing.T) {
		t.Parallel()
		file := "a,b\n" + strings.Repeat("é,ü\n", 100) + "\xff,x\n"
		if f, got := fieldsOf(t, file, Wanted{}); f.Encoding != "utf-8" || got[101][0] != "\xff" {
			t.Errorf("the encoding is %s", f.Encoding)
		}
	})

	t.Run("is decided by the last line", func(t *testing.T) {
		t.Parallel()
		file := "a,b\n" + strings.Repeat("1,2\n", 300_000) + encoded(t, "windows-1252", "Müller,ü\n")
		if f, got := fieldsOf(t, file, Wanted{}); f.Encoding != "windows-1252" || got[300_001][0] != "Müller" {
			t.Errorf("the encoding is %s", f.Encoding)
		}
	})
}

func TestSeparator(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"score,name\n3,Ann\n": "comma", "score;name\n3;Ann\n": "semicolon", "score\tname\n3\tAnn\n": "tab", "score|name\n3|Ann\n": "pipe", "score\n3\n4\n": "comma",
		"score;value\n3;1,5\n4;2,5\n": "semicolon", "score,text\n3,a; b; c\n4,d; e; f\n": "comma", "a;b;c,d\n1;2;3,4\n5;6;7\n": "semicolon",
		"score;\"x;y,z\"\n3;\"a,b;c\"\n": "semicolon", "sep=,\nscore;x,name\n3,Ann\n": "comma", "sep=;\r\nscore;name\r\n3;Ann\r\n": "semicolon", "\"sep=\t\"\nscore\tname\n3\tA\n": "tab",
		"SEP=|\nscore|name\n3|Ann\n": "pipe", "\n\nscore;name\n3;Ann\n": "semicolon", "score;name": "semicolon",
	} {
		f, all := fieldsOf(t, file, Wanted{})
		if got := SeparatorName(f.Separator); got != want {
			t.Errorf("%q: the separator is %s, want %s; %q", file, got, want, all)
		}
		if strings.Contains(file, "ep=") && strings.HasPrefix(all[0][0], "sep") {
			t.Errorf("%q: the line of the separator is a record: %q", file, all)
		}
	}
	if f, all := fieldsOf(t, "a;b,c\n1;2,3\n", Wanted{Separator: "comma"}); f.Separator != "," || len(all[0]) != 2 {
		t.Errorf("the format is %+v", f)
	}
	if _, _, err := Detect(strings.NewReader("a\n"), Wanted{Separator: "dash"}); err == nil || !strings.Contains(err.Error(), "--separator (separator)") {
		t.Errorf("the error is %v", err)
	}
	if _, _, err := Detect(strings.NewReader("a\n"), Wanted{Sheet: "x"}); err == nil || !strings.Contains(err.Error(), "--sheet (sheet)") {
		t.Errorf("the error is %v", err)
	}
}

// book makes a workbook of sheets with rows.
func book(t *testing.T, sheets map[string][][]any, change func(*excelize.File)) string {
	t.Helper()
	f := excelize.NewFile()
	for _, name := range slices.Sorted(maps.Keys(sheets)) {
		rows := sheets[name]
		if _, err := f.NewSheet(name); err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if err := f.SetSheetRow(name, fmt.Sprint("A", i+1), &row); err != nil {
				t.Fatal(err)
			}
		}
	}
	if change != nil {
		change(f)
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestWorkbook(t *testing.T) {
	t.Parallel()
	rows := [][]any{
		{"id", "score", "when", "phone", "text", "last"},
		{7, 9, time.Date(2024, 3, 5, 9, 15, 23, 0, time.UTC), 5511999998888, "one\r\ntwo", true},
		{},
		{8, 3.0, "5/3/2024", "+55 11", ""},
	}
	file := book(t, map[string][][]any{"Answers": rows}, func(f *excelize.File) {
		zeros := "00000"
		style, err := f.NewStyle(&excelize.Style{CustomNumFmt: &zeros})
		if err == nil {
			err = f.SetCellStyle("Answers", "A2", "A4", style)
		}
		if err != nil {
			t.Fatal(err)
		}
	})
	f, all := fieldsOf(t, file, Wanted{})
	if !f.Workbook || f.Sheet != "Answers" || len(all) != 3 || all[1][0] != "00007" || all[1][1] != "9" || all[1][3] != "5511999998888" || all[1][4] != "one\ntwo" || len(all[2]) != 6 {
		t.Errorf("the format is %+v, the rows are %q", f, all)
	}
	r, err := Open(strings.NewReader(file), f)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	_, _ = r.Next()
	second, _ := r.Next()
	third, _ := r.Next()
	if !strings.HasPrefix(second.Stored(2), "45356.38") || second.Line != 2 || third.Line != 4 || third.Stored(2) != "5/3/2024" || third.Stored(1) != "3" {
		t.Errorf("the rows are %+v, %+v", second, third)
	}

	for name, c := range map[string]struct {
		file string
		w    Wanted
		want string
	}{
		"two sheets":       {book(t, map[string][][]any{"A": rows, "B": rows}, nil), Wanted{}, `which sheet has the responses? Name it by --sheet (sheet); the workbook has "A", "B"`},
		"no such sheet":    {file, Wanted{Sheet: "C"}, `no sheet "C"`},
		"no cells":         {book(t, nil, nil), Wanted{}, "the workbook is empty"},
		"an encoding":      {file, Wanted{Encoding: "utf-8"}, "--encoding (encoding)"},
		"a separator":      {file, Wanted{Separator: "tab"}, "--separator (separator)"},
		"a damaged one":    {file[:len(file)/2], Wanted{}, "no workbook of Excel, or it is damaged"},
		"the old format":   {"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Wanted{}, "save it as .xlsx"},
		"a zip of no book": {"PK\x03\x04" + strings.Repeat("x", 100), Wanted{}, "no workbook of Excel"},
	} {
		_, _, err := Detect(strings.NewReader(c.file), c.w)
		var f *fault.Error
		if !errors.As(err, &f) || !strings.Contains(f.Message, c.want) {
			t.Errorf("%s: the error is %v, want one with %q", name, err, c.want)
		}
	}
	if f, _ := fieldsOf(t, book(t, map[string][][]any{"A": rows, "B": rows}, nil), Wanted{Sheet: "B"}); f.Sheet != "B" {
		t.Errorf("the sheet is %s", f.Sheet)
	}
	old := book(t, map[string][][]any{"A": rows}, func(f *excelize.File) {
		yes := true
		if err := f.SetWorkbookProps(&excelize.WorkbookPropsOptions{Date1904: &yes}); err != nil {
			t.Fatal(err)
		}
	})
	if f, _ := fieldsOf(t, old, Wanted{}); !f.Year1904 {
		t.Error("a workbook that counts from 1904 is not recognised")
	}
}

// FuzzDetect checks that a file of any bytes is read to its end, or refused by a fault, and in the same way each time.
func FuzzDetect(f *testing.F) {
	for _, seed := range []string{"", "score;name\n3;Jörg\n", "\xff\xfes\x00;\x00", "sep=;\na;b\r\n", "a\rb\rc", "\x8a\x9f,\xe9\n", "PK\x03\x04", "PK\x03\x04\x14\x00", "a\tb\n\"x\ty\"\t2",
		"\x00a\x00,\x00b", "\ufeff", "sep=", "\xcf\xf0\xe8\xe2\xe5\xf2"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		format, _, err := Detect(strings.NewReader(file), Wanted{})
		var wrong *fault.Error
		if err != nil {
			if !errors.As(err, &wrong) {
				t.Fatalf("%q: %v is no fault", file, err)
			}
			return
		}
		r, err := Open(strings.NewReader(file), format)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		for line := 0; ; {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if rec.Line <= line || (rec.Broken == "") != (len(rec.Fields) > 0) || rec.Raw != nil && len(rec.Raw) != len(rec.Fields) {
				t.Fatalf("%q: the record %+v behind line %d", file, rec, line)
			}
			line = rec.Line
		}
	})
}
