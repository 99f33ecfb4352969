package importer

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"

	"github.com/closeloop/closeloop/internal/fault"
)

// asked inspects a file that must leave questions, and returns their arguments with their messages.
func asked(t *testing.T, file string, c Choices) map[string]string {
	t.Helper()
	_, err := Inspect(strings.NewReader(file), Reading{Choices: c})
	questions := map[string]string{}
	for _, f := range fault.All(err) {
		questions[f.Argument] = f.Message
	}
	if len(questions) == 0 {
		t.Errorf("%.80q leaves no question: %v", file, err)
	}
	return questions
}

func inspected(t *testing.T, file string, c Choices) *Plan {
	t.Helper()
	p, err := Inspect(strings.NewReader(file), Reading{Choices: c})
	if err != nil {
		t.Fatalf("%.80q: %v", file, err)
	}
	return p
}

func TestInspect(t *testing.T) {
	t.Parallel()
	t.Run("asks for the order of dates where no row decides", func(t *testing.T) {
		t.Parallel()
		for name, c := range map[string]struct{ dates, words string }{
			"one date":        {"5/3/2024", `does "5/3/2024" (column "date", line 2) begin with the day or the month? No date of the column has only one meaning`},
			"equal numbers":   {"5/5/2024\n5/3/2024", "No date of the column has only one meaning"},
			"both orders":     {"27/5/2023\n5/27/2023\n5/3/2024", "begin with the one and with the other"},
			"two digits":      {"24-03-05", "or year-first"},
			"with clear ones": {"2024-03-05\n5.3.2024\n5 Mar 2024\n5/3/2024", "line 5"},
		} {
			file := "score,date\n9," + strings.ReplaceAll(c.dates, "\n", "\n9,") + "\n"
			q := asked(t, file, Choices{})["dateOrder"]
			if !strings.Contains(q, c.words) || !strings.Contains(q, "--date-order (dateOrder)") {
				t.Errorf("%s: the question is %q", name, q)
			}
			if _, err := Inspect(strings.NewReader(file), Reading{Choices: Choices{DateOrder: "day-first"}}); err != nil {
				t.Errorf("%s, answered: %v", name, err)
			}
		}
		for dates, want := range map[string]string{
			"5/3/2024\n27/5/2023": "day-first", "5/3/2024\n5/27/2023": "month-first", "5/5/2024": "", "2024-03-05": "", "5.3.2024": "", "27/5/2023\n5/27/2023": "", "24-03-05\n31-03-05\n01-02-99": "day-first",
		} {
			if p := inspected(t, "score,date\n9,"+strings.ReplaceAll(dates, "\n", "\n9,")+"\n", Choices{}); string(p.DateOrder) != want {
				t.Errorf("%q: the order is %q, want %q", dates, p.DateOrder, want)
			}
		}
	})

	t.Run("asks for the decimal sign where no row decides", func(t *testing.T) {
		t.Parallel()
		for _, numbers := range []string{"1,234", "1.234", "1,234\n1.234", "1,5\n1.5\n1.234", "12\n1.234"} {
			file := "score;revenue\n9;" + strings.ReplaceAll(numbers, "\n", "\n9;") + "\n"
			if q := asked(t, file, Choices{})["decimalSign"]; !strings.Contains(q, "--decimal-sign (decimalSign): point or comma") {
				t.Errorf("%q: the question is %q", numbers, q)
			}
			if p := inspected(t, file, Choices{DecimalSign: "comma"}); p.Sign != "comma" {
				t.Errorf("the sign is %q", p.Sign)
			}
		}
		for numbers, want := range map[string]string{"1.234\n1,5": "comma", "1,234\n1.5": "point", "1.234.567\n1.234": "comma", "12\n99": "", "1.234,50": "comma", "0.123\n1.234": "point"} {
			if p := inspected(t, "score;revenue\n9;"+strings.ReplaceAll(numbers, "\n", "\n9;")+"\n", Choices{}); string(p.Sign) != want {
				t.Errorf("%q: the sign is %q, want %q", numbers, p.Sign, want)
			}
		}
	})

	t.Run("notices another scale", func(t *testing.T) {
		t.Parallel()
		column := func(scores ...int) string {
			var b strings.Builder
			b.WriteString("score\n")
			for _, s := range scores {
				fmt.Fprintln(&b, s)
			}
			return b.String()
		}
		for name, file := range map[string]string{
			"one to five": column(5, 4, 1), "five and four": column(5, 4), "two hundred low ones": column(slices.Repeat([]int{3, 2}, 100)...),
			"zero to five, two hundred": column(slices.Repeat([]int{0, 5}, 100)...),
		} {
			if q := asked(t, file, Choices{})["scale"]; !strings.Contains(q, "--scale 0-10 (scale)") {
				t.Errorf("%s: the question is %q", name, q)
			}
			inspected(t, file, Choices{Scale: "0-10"})
		}
		for name, scores := range map[string][]int{
			"detractors without a five": {1, 2, 3, 4}, "with a zero": {0, 5, 4}, "one answer": {5}, "always five": {5, 5, 5}, "one high": {5, 4, 6}, "a hundred low ones": slices.Repeat([]int{3, 2}, 50), "none": nil,
		} {
			if _, err := Inspect(strings.NewReader(column(scores...)), Reading{}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if q := asked(t, column(slices.Repeat([]int{55, 80, 99}, 5)...), Choices{})["columns.score"]; !strings.Contains(q, "does not look like scores from 0 to 10") {
			t.Errorf("a scale to 100: the question is %q", q)
		}
		for _, scale := range []string{"1-5", "0-100", "stars"} {
			if q := asked(t, column(9), Choices{Scale: scale})["scale"]; !strings.Contains(q, "Net Promoter Score") {
				t.Errorf("the scale %s: %q", scale, q)
			}
		}
	})

	t.Run("asks all questions at once", func(t *testing.T) {
		t.Parallel()
		q := asked(t, "score;date;revenue\n5;5/3/2024;1.234\n4;5/3/2024;\n", Choices{})
		if len(q) != 3 || q["scale"] == "" || q["dateOrder"] == "" || q["decimalSign"] == "" {
			t.Errorf("the questions are %v", q)
		}
		if q := asked(t, "score\n9\n", Choices{DateOrder: "x", DecimalSign: "y", Preset: "z", HeaderRows: 9}); len(q) != 4 {
			t.Errorf("the faults are %v", q)
		}
	})

	t.Run("asks for a time that cannot be read at all", func(t *testing.T) {
		t.Parallel()
		for _, file := range []string{"score,date\n9,soon\n8,later\n", "score,when\n9,Q1\n", "score,Datum\n9,-\n8,KW 12\n"} {
			if q := asked(t, file, Choices{})["columns.respondedAt"]; !strings.Contains(q, "--responded-at (columns.respondedAt), or - for none") {
				t.Errorf("%q: the question is %q", file, q)
			}
		}
	})

	t.Run("takes an id for the response's only where each is there once", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string]bool{
			"id,score\n1,9\n2,8\n": true, "id,score\n1,9\n1,8\n": false, "id,score\n,9\n,8\n": true, "ID,score\n1,9\nNA,8\nNA,7\n": true, "Response ID,score\nR1,9\nR1,8\n": false,
		} {
			if p := inspected(t, file, Choices{}); (p.Cells[responseExternalID] == 0) != want {
				t.Errorf("%q: %+v", file, p.Findings)
			}
		}
		p, err := Inspect(strings.NewReader("id,score\n1,9\n1,8\n"), Reading{Columns: Columns{ResponseExternalID: "id"}})
		if err != nil || p.Cells[responseExternalID] != 0 {
			t.Errorf("what the caller says does not count: %v", err)
		}
	})

	t.Run("finds columns by usual names in six languages", func(t *testing.T) {
		t.Parallel()
		for file, want := range map[string][]field{
			"Score,E-mail,First Name,Last Name,Company,Country,Comments":                      {score, email, firstName, lastName, company, countryName, comment},
			"Bewertung,E-Mail-Adresse,Vorname,Nachname,Firma,Land,Kommentar,Kundennummer":     {score, email, firstName, lastName, company, countryName, comment, customerExternalID},
			"Nota,E-mail,Nome,Empresa,País,Comentário,Data da resposta,Telefone":              {score, email, fullName, company, countryName, comment, respondedAt, phone},
			"Puntuación,Correo electrónico,Nombre,Empresa,País,Comentarios,Fecha":             {score, email, fullName, company, countryName, comment, respondedAt},
			"Évaluation,Adresse e-mail,Prénom,Entreprise,Pays,Commentaire,Horodateur":         {score, email, firstName, company, countryName, comment, respondedAt},
			"Cijfer,E-mailadres,Naam,Bedrijf,Land,Opmerking,Datum,Omzet":                      {score, email, fullName, company, countryName, comment, respondedAt, lifetimeValue},
			"How likely are you to recommend us?,What is the main reason for your score?":     {score, comment},
			"\"Wie wahrscheinlich ist es, dass Sie uns weiterempfehlen?\",Was ist der Grund?": {score, comment},
			"Qual a probabilidade de você nos recomendar?,Qual o motivo da sua nota?":         {score, comment},
			"¿Qué tan probable es que nos recomiende?,¿Cuál es el motivo de su nota?":         {score, comment},
		} {
			p := inspected(t, file+"\n", Choices{Preset: "none"})
			for at, f := range want {
				if p.Cells[f] != at {
					t.Errorf("%q: %s is in column %d, want %d", file, fields[f].name, p.Cells[f], at)
				}
			}
		}
		for _, file := range []string{"Note,Titel\n", "a,b\n", "How likely are you to recommend us?,How likely are you to recommend our app?\n"} {
			if q := asked(t, file, Choices{})["columns.score"]; !strings.Contains(q, "which column has the score from 0 to 10?") {
				t.Errorf("%q: the question is %q", file, q)
			}
		}
	})
}

func TestMissingIsTheCallersToSay(t *testing.T) {
	t.Parallel()
	s := new(store)
	if _, err := s.keep(t, "score,name,country\n9,NA,NA\n8,nix,nix\n", run{Reading: Reading{Choices: Choices{Missing: []string{"nix"}}}}); err != nil {
		t.Fatal(err)
	}
	if text(s.kept[0].Customer.LastName) != "NA" || text(s.kept[0].Customer.Country) != "NA" || text(s.kept[1].Customer.LastName) != "" {
		t.Errorf("the customers are %+v, %+v", s.kept[0].Customer, s.kept[1].Customer)
	}
}

func TestImportWorkbook(t *testing.T) {
	t.Parallel()
	f := excelize.NewFile()
	for i, row := range [][]any{
		{"Bewertung", "Datum", "E-Mail", "Umsatz", "Telefon"},
		{9, time.Date(2024, 3, 5, 9, 15, 23, 0, time.UTC), "a@b.example", 1234.5, 5511999998888},
		{"3 - eher nicht", "05.03.2024 09:15", "c@d.example", "1.234,50", "+49 1"},
	} {
		if err := f.SetSheetRow("Sheet1", fmt.Sprint("A", i+1), &row); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	s := new(store)
	report, err := s.keepFrom(t.Context(), bytes.NewReader(b.Bytes()), run{})
	if err != nil || len(s.kept) != 2 || report.Warnings > 0 {
		t.Fatalf("the report is %v, the error %v", report, err)
	}
	if got, want := timesOf(s.kept), []string{"2024-03-05T09:15:23Z", "2024-03-05T09:15:00Z"}; !slices.Equal(got, want) {
		t.Errorf("the times are %v, want %v", got, want)
	}
	for i, one := range s.kept {
		if v := one.Customer.LifetimeValue.Value(); v == nil || v.String() != "1234.5" {
			t.Errorf("row %d: the lifetime value is %v", i, v)
		}
	}
	if text(s.kept[0].Customer.Phone) != "5511999998888" {
		t.Errorf("the phone number is %s", text(s.kept[0].Customer.Phone))
	}
}

// FuzzInspect checks that a file of any bytes is understood or refused by a fault, and that both passes count the same rows.
func FuzzInspect(f *testing.F) {
	for _, seed := range []string{"score,date\n9,5/3/2024\n", "score;name\n3;J\xf6rg\n", "a,b\n\n,\n1,2\n", "score\n9\n\"x\n", "Respondent ID,Collector ID,Start Date,End Date,score\n,,,,x\n1,2,,,9\n", "score,,\n1,2,3\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, file string) {
		p, err := Inspect(strings.NewReader(file), Reading{})
		var wrong *fault.Error
		if err != nil {
			if !errors.As(err, &wrong) {
				t.Fatalf("%q: %v is no fault", file, err)
			}
			return
		}
		s := new(store)
		report, err := s.keepFrom(t.Context(), strings.NewReader(file), run{})
		if err != nil || report.Rows != p.Rows {
			t.Fatalf("%q: the first pass counts %d rows, the second %+v (%v)", file, p.Rows, report, err)
		}
	})
}
