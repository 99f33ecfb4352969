package importer

import (
	"os"
	"slices"
	"testing"
	"time"
)

// The file has the oddities of real exports (see testdata/generate.go). All figures are the output of testdata/count.py,
// which implements the rules of the import and shares no code with this package.
func TestImportSample(t *testing.T) {
	t.Parallel()
	o := run{Reading{Columns: Columns{Score: "overall_rating", RespondedAt: "date", Comment: "content", FullName: "author",
		Country: "author_country", Company: "airline_name", Segment: "cabin_flown"}}, Options{Survey: "seats"}}
	s := new(store)
	load := func() *Report {
		file, err := os.Open("testdata/reviews.csv")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		report, err := s.keepFrom(t.Context(), file, o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := load()
	if report.Rows != 1302 || report.ResponsesCreated != 1300 || report.CasesOpened != 761 { // 761 detractors
		t.Errorf("the report is %+v", report)
	}
	// One score is missing, and one is 7.5. The numbers are physical lines, and comments before them have eight line breaks.
	if got := places(report.Rejections); report.RowsRejected != 2 ||
		!slices.Equal(got, []place{{855, "overall_rating"}, {1123, "overall_rating"}}) {
		t.Errorf("the rejections are %+v", report.Rejections)
	}
	// Two countries are unknown: Atlantis and International waters.
	if got := places(report.WarningList); report.Warnings != 2 ||
		!slices.Equal(got, []place{{75, "author_country"}, {76, "author_country"}}) {
		t.Errorf("the warnings are %+v", report.WarningList)
	}
	customers, countries := map[string]bool{}, map[string]bool{}
	nameless, silent, stateless := 0, 0, 0
	for _, one := range s.kept {
		if one.RespondedAt == nil || one.RespondedAt.After(time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("the time of a response is missing or too late: %+v", one)
		}
		if one.NameKey == "" {
			nameless++
		} else {
			customers[one.NameKey] = true
		}
		if one.Comment == nil {
			silent++
		}
		if country := text(one.Customer.Country); country == "" {
			stateless++
		} else {
			countries[country] = true
		}
	}
	if len(s.known) != 1300 || len(customers) != 1040 || len(countries) != 26 {
		t.Errorf("got %d responses of %d customers in %d countries, want 1300, 1040 and 26", len(s.known), len(customers), len(countries))
	}
	if nameless != 8 || silent != 7 || stateless != 8 {
		t.Errorf("%d responses have no name, %d no comment and %d no country; want 8, 7 and 8", nameless, silent, stateless)
	}
	if second := load(); second.ResponsesKnown != 1300 || second.ResponsesCreated != 0 || second.RowsRejected != 2 {
		t.Errorf("the report of the second import is %+v", second)
	}
}

// place is a line and a column of the file.
type place struct {
	line   int
	column string
}

func places(list []RowRejection) (at []place) {
	for _, r := range list {
		at = append(at, place{r.Line, r.Column})
	}
	return at
}
