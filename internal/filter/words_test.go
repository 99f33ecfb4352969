package filter

import (
	"fmt"
	"strings"
	"testing"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

func TestPartsOfCustomersTexts(t *testing.T) {
	t.Parallel()
	where := func(f interface{ UnmarshalGQL(any) error }, v string, write func() clause.Expression) (string, []any) {
		t.Helper()
		decoded, err := Decode([]byte(v))
		if err == nil {
			err = f.UnmarshalGQL(decoded)
		}
		if err != nil {
			t.Fatal(err)
		}
		written := write().(clause.Expr)
		return written.SQL, written.Vars
	}

	t.Run("are looked for in the words of the search box", func(t *testing.T) {
		t.Parallel()
		for filter, want := range map[string]string{ // "": not there
			`{"lastName": {"contains": "Sou"}}`:                   "%sou%",
			`{"lastName": {"contains": " da \t Silva\u00a0"}}`:    "%da silva%",
			`{"company": {"contains": "100%_A"}}`:                 `%100\%\_a%`,
			`{"email": {"contains": "@x"}}`:                       "", // too short for the index
			`{"email": {"contains": "  a  "}}`:                    "",
			`{"phone": {"eq": "+49 30"}}`:                         "", // has an index of its own
			`{"company": {"startsWith": "acme"}}`:                 "",
			`{"segment": {"contains": "gold"}}`:                   "", // the search box does not find it
			`{"firstName": {"eq": "Ana"}}`:                        "% ana%",
			`{"firstName": {"startsWith": "田中"}}`:                 "% 田中%",
			`{"firstName": {"startsWith": ""}}`:                   "",
			`{"firstName": {"in": ["Ana"]}}`:                      "% ana%",
			`{"firstName": {"in": ["Ana", "x"]}}`:                 "", // one of them is too short
			`{"firstName": {"in": ["Ana", "Bo Li"]}}`:             "{[% ana% % bo li%]}",
			`{"firstName": {"in": []}}`:                           "",
			`{"attribute": {"key": "k", "value": {"eq": "abc"}}}`: "",
		} {
			f := new(Customer)
			sql, vars := where(f, filter, func() clause.Expression { return f.Where(moment) })
			got := ""
			if strings.Contains(sql, "customers.search_fold LIKE") {
				got = fmt.Sprint(vars[len(vars)-1])
			}
			if got != want || strings.Count(sql, "?") != len(vars) {
				t.Errorf("%s looks for %q, want %q: %s with %v", filter, got, want, sql, vars)
			}
		}
	})

	t.Run("are looked for there by cases and responses, but not in their own copies", func(t *testing.T) {
		t.Parallel()
		c := new(Case)
		if sql, _ := where(c, `{"customer": {"email": {"contains": "acme"}}}`, func() clause.Expression { return c.Where(model.UserID{}, moment) }); !strings.Contains(sql, "x.search_fold LIKE ?") {
			t.Error(sql)
		}
		r := new(Response)
		if sql, vars := where(r, `{"customer": {"company": {"contains": "acme"}}}`, func() clause.Expression { return r.Where(moment) }); strings.Contains(sql, "search_fold") || len(vars) != 1 {
			t.Error(sql, vars)
		}
	})
}
