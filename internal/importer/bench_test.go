package importer

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/text/encoding/charmap"
)

// export writes a file as Excel writes it in German: semicolons, day-first, Windows-1252.
func export(t testing.TB, rows int) *os.File {
	t.Helper()
	file, err := os.CreateTemp(t.TempDir(), "export-*.csv")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	words := strings.Fields("Der Kundendienst war sehr höflich und schnell aber die Lieferung kam zu spät für unsere größere Anlage niemand rief zurück")
	for i := range 1000 {
		fmt.Fprintf(&text, "%d;%02d/%02d/2024 %02d:%02d;Jörg Müller %d;k%d@example.com;Österreich;%d,%02d;%s\r\n", i%11, 1+i%28, 1+i%12, i%24, i%60, i, i, i, i%100,
			strings.Join(words[:i%len(words)], " "))
	}
	block, err := charmap.Windows1252.NewEncoder().String(text.String())
	if err == nil {
		_, err = file.WriteString("Bewertung;Datum;Name;E-Mail;Land;Umsatz;Kommentar\r\n" + strings.Repeat(block, rows/1000))
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file
}

// The first pass holds one record, however long the file is.
func TestInspectNeedsLittleMemory(t *testing.T) {
	file := export(t, 200_000)
	var before, after runtime.MemStats
	peak := uint64(0)
	runtime.GC()
	runtime.ReadMemStats(&before)
	p, err := Inspect(file, Reading{Progress: sampled{func() {
		runtime.GC()
		runtime.ReadMemStats(&after)
		peak = max(peak, after.HeapAlloc)
	}}})
	if err != nil || p.Rows != 200_000 || p.Format.Encoding != "windows-1252" || p.DateOrder != "day-first" || p.Sign != "comma" {
		t.Fatalf("the plan is %+v, the error %v", p, err)
	}
	if grown := int64(peak) - int64(before.HeapAlloc); grown > 4<<20 {
		t.Errorf("the first pass holds %d KiB", grown>>10)
	}
}

type sampled struct{ look func() }

func (s sampled) Scanned(int64)          { s.look() }
func (sampled) Rejected(RowRejection)    {}
func (sampled) Warned(RowRejection)      {}
func (sampled) Committed(*Report, int64) {}

func BenchmarkInspect(b *testing.B) {
	file := export(b, 200_000)
	for b.Loop() {
		if _, err := Inspect(file, Reading{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(200_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
