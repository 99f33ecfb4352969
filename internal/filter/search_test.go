package filter

import (
	"slices"
	"strings"
	"testing"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/internal/pgtest"
	"github.com/closeloop/closeloop/model"
)

// findRows runs the query once without indexes and once with them; both must find the same rows.
func findRows(t *testing.T, byTable, byIndex *gorm.DB, table string, condition clause.Expression, column string) string {
	t.Helper()
	var names [2][]string
	for i, db := range []*gorm.DB{byTable, byIndex} {
		if err := db.Table(table).Where(condition).Order(column).Pluck(column, &names[i]).Error; err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(names[0], names[1]) {
		t.Errorf("%s: without indexes %q, with indexes %q", condition.(clause.Expr).SQL, names[0], names[1])
	}
	return strings.Join(names[0], ", ")
}

// comment writes a response with each comment, by its external id.
func comment(t *testing.T, db *gorm.DB, comments map[string]*string) {
	t.Helper()
	customer := model.Customer{ID: model.CustomerID{UUID: model.NewUUID()}, Attributes: map[string]string{}, CreatedAt: moment}
	rows := []any{customer.Row()}
	for id, comment := range comments {
		r := model.Response{ID: model.ResponseID{UUID: model.NewUUID()}, CustomerID: customer.ID, ExternalID: &id, Comment: comment, Score: 1,
			Drivers: []string{}, Attributes: map[string]string{}, RespondedAt: moment, ReceivedAt: moment}
		rows = append(rows, r.Row())
		if texts := r.Texts(); texts != nil {
			rows = append(rows, texts)
		}
	}
	for _, row := range rows {
		if err := db.Create(row).Error; err != nil {
			t.Fatal(err)
		}
	}
}

func TestSearch(t *testing.T) {
	t.Parallel()
	t.Run("finds customers by the beginnings of words", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		byTable, byIndex := without(t, db, "enable_indexscan", "enable_bitmapscan"), without(t, db, "enable_seqscan")
		for segment, c := range map[string]model.Customer{
			"1": {FirstName: new("Anna Maria"), LastName: new("Weiß"), Email: new("a.weiss@north.example.com"), Company: new("Müller-Lüdenscheidt AG")},
			"2": {FirstName: new("Susanna"), LastName: new("O'Brien"), Company: new("100% Juice")},
			"3": {LastName: new("Ὀδυσσεύς"), Email: new("under_score@example.org"), Company: new(`Back\slash`)},
			"4": {Phone: new("+49 (30) 555-0199"), ExternalID: new("CRM/00-17")},
			"6": {LastName: new("D’Arcy\u00a0Lee"), Company: new("Smith–Jones"), Email: new("o’neill@example.org")},
			"5": {FirstName: new("田中"), LastName: new("E\u0301lodie"), Company: new("İzmir Taşıt")},
		} {
			c.ID, c.Segment, c.Attributes, c.CreatedAt = model.CustomerID{UUID: model.NewUUID()}, &segment, map[string]string{}, moment
			if err := db.Gorm.Create(c.Row()).Error; err != nil {
				t.Fatal(err)
			}
		}
		for search, want := range map[string]string{
			"": "1, 2, 3, 4, 5, 6", " \t": "1, 2, 3, 4, 5, 6", "\u00ad": "1, 2, 3, 4, 5, 6", "an": "1", "ANNA": "1", "anna wei": "1", "weiss  MARIA": "1", "anna o": "", "nna": "",
			"weiss@": "", "a.weiss@north": "1", "north.ex": "", "north": "1", "müller": "1", "lüden": "1", "muller": "", "brien": "2", "o'b": "2",
			"ὈΔΥΣΣΕΎΣ": "3", "ὀδυσσεύσ": "3", "under": "3", "under_s": "3", "underxs": "", "score": "3", "slash": "3", `back\s`: "3", `back\\s`: "",
			"%": "", "_": "", "1": "2, 4", "100%": "2", "100_": "", "田": "5", "中": "5", "田中": "5", "中田": "", "d'arcy": "6", "D‘arcy lee": "6", "arcy": "6", "smith-jo": "6", "jones": "6", "O'NEILL": "6", "ne\u200bill": "6", "élo": "5", "elo": "", "İZ": "5", "iz": "", "taş": "5", "'": "", "example": "1, 3, 6",
			"crm/00": "4", "17": "4", "7": "", "+49 (30) 555": "4", "49 30 0199": "4", "0199 1": "4", "199": "",
		} {
			f := new(Customer)
			if err := f.UnmarshalGQL(map[string]any{"search": search}); err != nil {
				t.Fatal(err)
			}
			if got := findRows(t, byTable, byIndex, "customers", f.Where(moment), "segment"); got != want {
				t.Errorf("%q finds %s; want %s", search, got, want)
			}
		}
	})

	t.Run("finds responses by the words of their comments", func(t *testing.T) {
		t.Parallel()
		db := pgtest.New(t)
		byTable, byIndex := without(t, db, "enable_indexscan", "enable_bitmapscan"), without(t, db, "enable_seqscan")
		comment(t, db.Gorm, map[string]*string{
			"1": new("The seat was broken, and the crew rude."), "2": new("Broken seat again"), "3": new("Great crew! 100% happy"), "4": nil, "5": new("!?"),
		})
		for search, want := range map[string]string{
			"": "1, 2, 3, 4, 5", "  ": "1, 2, 3, 4, 5", "seat": "1, 2", "SEAT broken": "1, 2", `"broken seat"`: "2", "seat -rude": "2", "great or rude": "1, 3",
			"sea": "", "the": "1", "100%": "3", "!!!": "", `"`: "", "(": "", "'": "", `\`: "", "&": "", ":*": "", "happy:*": "3",
		} {
			f := new(Response)
			if err := f.UnmarshalGQL(map[string]any{"search": search}); err != nil {
				t.Fatal(err)
			}
			if got := findRows(t, byTable, byIndex, "responses", f.Where(moment), "external_id"); got != want {
				t.Errorf("%q finds %s; want %s", search, got, want)
			}
			not := new(Response)
			if err := not.UnmarshalGQL(map[string]any{"not": map[string]any{"search": search}}); err != nil {
				t.Fatal(err)
			}
			both := findRows(t, byTable, byIndex, "responses", not.Where(moment), "external_id") + ", " + want
			if n := strings.Count(both, "1") + strings.Count(both, "2") + strings.Count(both, "3") + strings.Count(both, "4") + strings.Count(both, "5"); n != 5 {
				t.Errorf("not %q is not the opposite: %s", search, both)
			}
		}
	})
}
