package importer

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/internal/customer"
	"github.com/closeloop/closeloop/internal/intake"
)

// keepFile imports a file of testdata.
func (s *store) keepFile(t *testing.T, name string, o run) (*Report, error) {
	t.Helper()
	file, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return s.keepFrom(t.Context(), file, o)
}

// takeFile imports a file of testdata into a new store, without any choice of the caller.
func takeFile(t *testing.T, name string) (*store, *Report) {
	t.Helper()
	s := new(store)
	report, err := s.keepFile(t, name, run{})
	if err != nil {
		t.Fatal(err)
	}
	return s, report
}

func scoresOf(list []intake.Submission) (scores []int) {
	for _, s := range list {
		scores = append(scores, s.Score)
	}
	return scores
}

func timesOf(list []intake.Submission) (times []string) {
	for _, s := range list {
		at := "none"
		if s.RespondedAt != nil {
			at = s.RespondedAt.Format(time.RFC3339Nano)
		}
		times = append(times, at)
	}
	return times
}

func attribute(list []*customer.AttributeInput, key string) string {
	for _, a := range list {
		if a.Key == key {
			return a.Value
		}
	}
	return ""
}

// Each file stands for a kind that real exports have.
func TestFiles(t *testing.T) {
	t.Parallel()
	t.Run("with every form of a time", func(t *testing.T) {
		t.Parallel()
		s, report := takeFile(t, "dates.csv")
		want := []string{
			"2023-05-11T07:15:23Z", "2023-01-31T14:05:11Z", "2023-01-31T14:05:11Z", "2017-07-18T08:28:09Z", "2017-07-18T08:28:00Z", "2017-10-02T14:20:00Z",
			"2015-09-03T16:52:24Z", "2017-07-18T08:28:09Z", "2024-03-05T08:15:23Z", "2024-03-05T09:15:15.84Z", "2024-03-05T09:15:00Z", "2024-03-05T08:15:23Z",
			"2024-03-05T08:15:23Z", "2024-03-05T09:15:23.123Z", "2024-03-05T09:15:00Z", "2024-03-05T21:15:23Z", "2024-03-05T00:00:00Z", "2024-03-05T09:15:00Z",
			"2024-03-05T00:00:00Z", "2024-03-05T08:15:23Z", "2023-05-27T00:00:00Z",
		}
		if got := timesOf(s.kept); !slices.Equal(got, want) || report.Warnings != 0 {
			t.Errorf("the times are\n%v, want\n%v; the report is %v", got, want, report)
		}
	})

	t.Run("of which one row decides the order of dates", func(t *testing.T) {
		t.Parallel()
		s, _ := takeFile(t, "day-first.csv")
		if got, want := timesOf(s.kept), []string{"2023-05-27T00:00:00Z", "2023-02-08T00:00:00Z", "2023-06-01T00:00:00Z"}; !slices.Equal(got, want) {
			t.Errorf("the times are %v, want %v", got, want)
		}
	})

	t.Run("with labelled scores", func(t *testing.T) {
		t.Parallel()
		s, report := takeFile(t, "scores.csv")
		if got, want := scoresOf(s.kept), []int{10, 0, 0, 9, 9, 9, 9, 9, 9, 10}; !slices.Equal(got, want) {
			t.Errorf("the scores are %v, want %v", got, want)
		}
		if want := []place{{11, "score"}, {12, "score"}, {14, "score"}}; !slices.Equal(places(report.Rejections), want) {
			t.Errorf("the rejections are %v", report.Rejections)
		}
	})

	t.Run("with addresses as people write them", func(t *testing.T) {
		t.Parallel()
		s, report := takeFile(t, "emails.csv")
		var got []string
		for _, one := range s.kept {
			got = append(got, text(one.Customer.Email))
		}
		want := []string{"", "", "", "a.one@example.com", "m.one@example.com", "ann.one@example.com", "dot@example.com", "zw@example.com", "nbsp@example.com", "o'brien@example.com",
			"jo@käse.example", "jo@käse.example", "jörg@example.com", "早上好@example.com", "pl+nps@example.com", "PL+NPS@EXAMPLE.COM", `"a b"@example.com`, "root@localhost",
			"x@[192.0.2.1]", "q@example.photography"}
		if !slices.Equal(got, want) {
			t.Errorf("the addresses are\n%q, want\n%q", got, want)
		}
		if report.Warnings != 1 || report.WarningList[0].Line != 5 || attribute(s.kept[3].Attributes, "email") != "a.one@example.com; a.two@example.com" {
			t.Errorf("the warnings are %v, the attributes of the fourth row %v", report.WarningList, s.kept[3].Attributes)
		}
	})

	t.Run("with missing values as R writes them", func(t *testing.T) {
		t.Parallel()
		s, _ := takeFile(t, "na-and-none.csv")
		if len(s.kept) != 3 || s.kept[0].NameKey == "" || s.kept[1].NameKey+s.kept[2].NameKey != "" || text(s.kept[1].Customer.Country) != "" || s.kept[0].Comment != nil ||
			*s.kept[1].Comment != "Late again" || s.kept[2].Comment != nil {
			t.Errorf("the submissions are %+v", s.kept)
		}
	})

	t.Run("of Excel in German", func(t *testing.T) {
		t.Parallel()
		s, report := takeFile(t, "semicolon-utf8.csv")
		if len(s.kept) != 2 || report.Warnings+report.RowsRejected > 0 {
			t.Fatalf("the report is %+v", report)
		}
		first, second := s.kept[0], s.kept[1]
		if first.Score != 3 || *first.Comment != "Zu langsam; niemand rief zurück" || first.Customer.LifetimeValue.Value().String() != "1234.5" || text(first.Customer.FirstName) != "Jörg" ||
			text(first.Customer.Email) != "joerg.mueller@example.com" || second.Customer.LifetimeValue.Value().String() != "99" {
			t.Errorf("the submissions are %+v, %+v; the customer is %+v", first, second, first.Customer)
		}
		if got, want := timesOf(s.kept), []string{"2024-03-05T09:15:00Z", "2023-12-25T18:02:00Z"}; !slices.Equal(got, want) {
			t.Errorf("the times are %v, want %v", got, want)
		}
	})

	t.Run("with other separators", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"tabs.tsv", "sep-line.csv"} {
			s, report := takeFile(t, name)
			if len(s.kept) != 1 || s.kept[0].Score != 3 || text(s.kept[0].Customer.Email) != "ann@example.com" || report.Warnings > 0 {
				t.Errorf("%s: the report is %+v", name, report)
			}
		}
	})

	t.Run("in the time zone of the settings", func(t *testing.T) {
		t.Parallel()
		zone, err := time.LoadLocation("America/Sao_Paulo")
		if err != nil {
			t.Skip(err)
		}
		s := new(store)
		_, err = s.keepFile(t, "first-of-month.csv", run{Reading: Reading{TimeZone: zone}})
		if got, want := timesOf(s.kept), []string{"2024-03-01T03:00:00Z", "2024-03-01T03:00:00Z", "2024-04-01T03:00:00Z"}; err != nil || !slices.Equal(got, want) {
			t.Errorf("the times are %v, the error %v; want %v", got, err, want)
		}
	})

	t.Run("with a column twice", func(t *testing.T) {
		t.Parallel()
		s, report := takeFile(t, "dupheader.csv")
		if len(s.kept) != 1 || attribute(s.kept[0].Attributes, "comment") != "first text" || attribute(s.kept[0].Attributes, "comment (2)") != "second text" || report.RowsRejected > 0 {
			t.Errorf("the attributes are %+v, the report is %+v", s.kept, report)
		}
	})

	t.Run("again with a column more, and in another order", func(t *testing.T) {
		t.Parallel()
		s := new(store)
		whole, err := os.ReadFile("testdata/history.csv")
		if err != nil {
			t.Fatal(err)
		}
		var turned strings.Builder
		for line := range strings.Lines(string(whole)) {
			cells := strings.Split(strings.TrimSuffix(line, "\n"), ",")
			slices.Reverse(cells)
			turned.WriteString(strings.Join(cells, ",") + "\n")
		}
		for range 2 {
			for _, name := range []string{"history.csv", "history-one-column-more.csv"} {
				if _, err := s.keepFile(t, name, run{}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.keep(t, turned.String(), run{}); err != nil || len(s.kept) != 40 {
				t.Errorf("there are %d responses, the error is %v; want 40", len(s.kept), err)
			}
		}
	})

	t.Run("on another scale", func(t *testing.T) {
		t.Parallel()
		s := new(store)
		_, err := s.keepFile(t, "one-to-five.csv", run{})
		if err == nil || !strings.Contains(err.Error(), "--scale 0-10 (scale)") || len(s.kept) > 0 {
			t.Errorf("the error is %v, and %d responses are in", err, len(s.kept))
		}
		if _, err = s.keepFile(t, "one-to-five.csv", run{Reading: Reading{Choices: Choices{Scale: "1-5"}}}); err == nil || !strings.Contains(err.Error(), "Net Promoter") {
			t.Errorf("the scale 1-5: the error is %v", err)
		}
		if _, err = s.keepFile(t, "one-to-five.csv", run{Reading: Reading{Choices: Choices{Scale: "0-10"}}}); err != nil || len(s.kept) != 3 {
			t.Errorf("the scale 0-10: the error is %v, and %d responses are in", err, len(s.kept))
		}
	})

	t.Run("of two surveys with the same ids", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"survey-spring.csv", "survey-autumn.csv"} {
			s, _ := takeFile(t, name)
			if len(s.kept) != 2 || *s.kept[0].ExternalID != "9001" || s.kept[0].Comment == nil || text(s.kept[0].Customer.Email) == "" {
				t.Errorf("%s: the submissions are %+v", name, s.kept)
			}
		}
		s, _ := takeFile(t, "same-name.csv")
		if len(s.kept) != 2 || text(s.kept[0].Customer.Company) != "ACME" || text(s.kept[1].Customer.Phone) != "+55 21 2222" {
			t.Errorf("same-name.csv: the submissions are %+v", s.kept)
		}
	})
}

// The exports of tools need no flag. Each file has the same two answers.
func TestPresets(t *testing.T) {
	t.Parallel()
	for _, p := range presets {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			file, err := os.Open("testdata/tools/" + p.name + ".csv")
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			plan, err := Inspect(file, Reading{})
			if err != nil {
				t.Fatal(err)
			}
			if !slices.ContainsFunc(plan.Findings, func(f Finding) bool { return f.Subject == "preset" && f.Value == p.name }) {
				t.Errorf("the tool was not recognised: %+v", plan.Findings)
			}
			s, report := takeFile(t, "tools/"+p.name+".csv")
			if len(s.kept) != 2 || report.Warnings+report.RowsRejected > 0 {
				t.Fatalf("the report is %+v", report)
			}
			if got := scoresOf(s.kept); !slices.Equal(got, []int{9, 3}) {
				t.Errorf("the scores are %v", got)
			}
			day, second := []string{"2024-03-05T09:15:23Z", "2024-03-06T17:02:00Z"}, s.kept[1]
			if p.name == "surveymonkey" { // its second answer has a day that proves the order
				day[1] = "2024-03-26T17:02:00Z"
			}
			if got := timesOf(s.kept); !slices.Equal(got, day) {
				t.Errorf("the times are %v, want %v", got, day)
			}
			if *s.kept[0].Comment != "Fast, friendly" || *second.Comment != "Nobody answered" || text(second.Customer.Email) != "bo@example.com" {
				t.Errorf("the second submission is %+v, its customer %+v", second, second.Customer)
			}
			if p.name != "typeform" && (text(second.Customer.FirstName) != "Bo" || text(second.Customer.LastName) != "Kern") {
				t.Errorf("the customer is %+v", second.Customer)
			}
			if own := !strings.HasPrefix(*second.ExternalID, "import:"); own == (p.name == "google-forms" || p.name == "customergauge") {
				t.Errorf("the id is %s", *second.ExternalID)
			}
		})
	}
}
