package table

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads records until the file ends.
func readAll(t *testing.T, file io.Reader, longest int) []Record {
	t.Helper()
	r := newRecords(file, ',', longest)
	var all []Record
	for {
		rec, err := r.next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
}

// shown abbreviates records: 3[a|b] is a record on line 3, 4–5[…] continues to line 5, 6!1 is broken in its second cell.
func shown(all []Record) string {
	var s []string
	for _, r := range all {
		lines := fmt.Sprint(r.Line)
		if r.Last != r.Line {
			lines += fmt.Sprintf("–%d", r.Last)
		}
		if r.Broken != "" {
			s = append(s, fmt.Sprintf("%s!%d", lines, r.Cell))
		} else {
			s = append(s, fmt.Sprintf("%s[%s]", lines, strings.Join(r.Fields, "|")))
		}
	}
	return strings.Join(s, " ")
}

func TestRecords(t *testing.T) {
	t.Parallel()
	t.Run("follow RFC 4180", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string]string{
			"":                         "",
			"a":                        "1[a]",
			"a,b\n":                    "1[a|b]",
			"a,b\r\nc,d\r\n":           "1[a|b] 2[c|d]",
			"a,b\r":                    "1[a|b]",
			"\"a\"\r":                  "1[a]",
			"\n\r\na\n\n\nb\n\n":       "3[a] 6[b]",
			",\n":                      "1[|]",
			"\"\"\n\"\"":               "1[] 2[]",
			"\"a,b\",\"c\"\"d\",\"\"":  "1[a,b|c\"d|]",
			"\"a\nb\r\nc\",d\ne,f":     "1–3[a\nb\nc|d] 4[e|f]",
			"\"\n\"\n\n\"x\"":          "1–2[\n] 4[x]",
			"a b , c\n":                "1[a b | c]",
			"a\rb,c\n":                 "1[a\rb|c]",
			"\"a\rb\",c\n":             "1[a\rb|c]",
			"é,\"日本\n語\",🙂\n":          "1–2[é|日本\n語|🙂]",
			"7,\"\"\"quoted\"\"\"\n":   "1[7|\"quoted\"]",
			"7,\"ends with CR\r\"\n8,": "1[7|ends with CR\r] 2[8|]",
		} {
			for _, r := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file)), iotest.DataErrReader(strings.NewReader(file))} {
				if got := shown(readAll(t, r, recordMax)); got != want {
					t.Errorf("the records of %q are %q, want %q", file, got, want)
				}
			}
		}
	})

	t.Run("are not lost after a broken record", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string]string{
			"1,5\" nail,x\n2,b,c\n":                     "1!1 2[2|b|c]",
			"1,5\" nail,\"goes\non\"\n2,b,c\n":          "1–2!1 3[2|b|c]",
			"\"a\"b,c\n\"d\",e\n":                       "1!0 2[d|e]",
			"1,\"never closed\n2,b\n3,c\n":              "1!1 2[2|b] 3[3|c]",
			"\"a\",\"never closed\n\"b\",\"c\"\n":       "1!1 2[b|c]",
			"\"a,\"7\",\"x\"\n\"b\",\"8\",\"y\"\n":      "1!0 2[b|8|y]",
			"1,\"he said \"hi\"\nand left\",x\n2,b,c\n": "1!1 2!0 3[2|b|c]",
			"1,\"":              "1!1",
			"1,\"\n":            "1!1",
			"\"":                "1!0",
			"\"\n\n\nx":         "1!0 4[x]",
			"\" \"\"\nx\n":      "1!0 2[x]",
			"a,\"b\" ,c\nd,e,f": "1!1 2[d|e|f]",
		} {
			for _, r := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file))} {
				if got := shown(readAll(t, r, recordMax)); got != want {
					t.Errorf("the records of %q are %q, want %q", file, got, want)
				}
			}
		}
	})

	t.Run("are limited in length", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string]string{
			"1,23456\n7,8\n":                 "1[1|23456] 2[7|8]", // 8 bytes with its line end
			"1,234567\n7,8\n":                "1!1 2[7|8]",
			"1,2345678901234567890\n7,8\n":   "1!1 2[7|8]",
			"1,\"34567\n8\",9\n7,8\n":        "1!1 2!0 3[7|8]",
			"1,\"\"\"\"\"\"\"\"\"\"\n7,8\n":  "1!1 2[7|8]",
			"12345678901234567890":           "1!0",
			"\"2\n3\n4\n5\n6\n7\n8\n9\n0\na": "1!0 2[3] 3[4] 4[5] 5[6] 6[7] 7[8] 8[9] 9[0] 10[a]",
		} {
			for _, r := range []io.Reader{strings.NewReader(file), iotest.OneByteReader(strings.NewReader(file))} {
				if got := shown(readAll(t, r, 8)); got != want {
					t.Errorf("the records of %q are %q, want %q", file, got, want)
				}
			}
		}
	})

	// A file of any length needs only the memory of one record.
	t.Run("need little memory", func(t *testing.T) {
		t.Parallel()
		line := "7,\"" + strings.Repeat("text, ", 1000) + "\"\n"
		unclosed := "\"" + strings.Repeat("no end\n", 100)
		r := newRecords(strings.NewReader(strings.Repeat(line, 1000)+unclosed+strings.Repeat("x", 5<<20)), ',', recordMax)
		for {
			_, err := r.next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if c := cap(r.window); c > 3*recordMax {
				t.Fatalf("the window grew to %d bytes", c)
			}
		}
	})

	t.Run("end at a known offset", func(t *testing.T) {
		t.Parallel()
		file := strings.Repeat("7,\"a\nb\"\r\n\nx\"y,z\n\"never\n", 20_000)
		before, lines := int64(0), 0
		for _, rec := range readAll(t, iotest.HalfReader(strings.NewReader(file)), 1000) {
			if rec.End <= before || rec.Line <= lines {
				t.Fatalf("the record of line %d ends at byte %d; the record before it, line %d, ends at byte %d", rec.Line, rec.End, lines, before)
			}
			if got := 1 + strings.Count(file[:rec.End], "\n"); rec.End < int64(len(file)) && got <= rec.Last {
				t.Fatalf("the record of line %d ends before line %d", rec.Line, got)
			}
			before, lines = rec.End, rec.Line
		}
		if before != int64(len(file)) {
			t.Errorf("the last record ends at %d of %d", before, len(file))
		}
	})
}

// FuzzRecords compares the reader with encoding/csv on each file that encoding/csv reads without an error, and always checks the reader's
// own invariants.
func FuzzRecords(f *testing.F) {
	for _, seed := range []string{
		"", "a,b\n1,2\n", "\"a\"\"b\",\"c\nd\"\r\n", "x\"y,z\n1,2", "\"open\n1,2\n", "\r\n\r\n,\n", "a\r", "\"a\"\r", "\ufeffa,b",
		"\"a\"b,c\n\"d\ne\",f", "1,\"he said \"hi\"\nand left\",x\n2,b,c\n", "\x00,\xff\n", strings.Repeat("long,", 40), "\"\"\"\n\"\"\n",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		const longest = 100
		line, end := 0, int64(0)
		for _, rec := range readAll(t, strings.NewReader(file), longest) {
			switch {
			case rec.Line <= line || rec.Last < rec.Line:
				t.Fatalf("a record on line %d follows line %d and ends on line %d", rec.Line, line, rec.Last)
			case rec.End <= end || rec.End > int64(len(file)):
				t.Fatalf("a record ends at byte %d, the record before it at byte %d, the file at byte %d", rec.End, end, len(file))
			case (rec.Broken == "") != (len(rec.Fields) > 0):
				t.Fatalf("a record is broken (%q) and has the fields %q, or neither", rec.Broken, rec.Fields)
			case len(strings.Join(rec.Fields, ",")) > longest:
				t.Fatalf("a record is longer than the limit: %q", rec.Fields)
			}
			line, end = rec.Line, rec.End
		}
		oracle := csv.NewReader(strings.NewReader(file))
		oracle.FieldsPerRecord = -1
		var want []Record
		for {
			fields, err := oracle.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return
			}
			first, _ := oracle.FieldPos(0)
			want = append(want, Record{Line: first, Fields: fields})
		}
		got := readAll(t, iotest.OneByteReader(strings.NewReader(file)), recordMax)
		for i := range got {
			got[i] = Record{Line: got[i].Line, Fields: got[i].Fields}
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("the records of %q are\n%v, want those of encoding/csv\n%v", file, got, want)
		}
	})
}
