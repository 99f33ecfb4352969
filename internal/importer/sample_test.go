package importer

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/auth"
)

// Real reviews of airline seats, which are not part of the repository (see the README of that folder).
func TestTheSampleGoesInWhole(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "shared", "data", "airline-seat-reviews.csv")
	o := Options{Survey: "seats", Columns: Columns{Score: "overall_rating", RespondedAt: "date", Comment: "content", FullName: "author",
		Country: "author_country", Company: "airline_name", Segment: "cabin_flown"}}
	s := new(store)
	load := func() *Report {
		file, err := os.Open(path)
		if os.IsNotExist(err) {
			t.Skipf("the sample is not here: %v", err)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		report, err := Import(t.Context(), s, auth.Viewer{}, file, o)
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	report := load()
	if report.Rows != 1258 || report.ResponsesCreated != 1257 || report.CasesOpened != 865 || report.Warnings != 0 ||
		report.RowsRejected != 1 || report.Rejections[0].Line != 844 || report.Rejections[0].Column != "overall_rating" {
		t.Errorf("%+v", report)
	}
	customers, countries := map[string]bool{}, map[string]bool{}
	for _, one := range s.kept {
		if one.NameKey == "" || one.Comment == nil || one.RespondedAt == nil || one.RespondedAt.After(time.Date(2016, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v", one)
		}
		customers[one.NameKey] = true
		countries[text(one.Customer.Country)] = true
	}
	if len(s.known) != 1257 || len(customers) != 1156 || len(countries) != 60 { // 59, and where there is none
		t.Errorf("%d responses of %d customers in %d countries", len(s.known), len(customers), len(countries))
	}
	if again := load(); again.ResponsesKnown != 1257 || again.ResponsesCreated != 0 || again.RowsRejected != 1 {
		t.Errorf("again: %+v", again)
	}
}
