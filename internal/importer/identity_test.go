package importer

import (
	"slices"
	"strings"
	"testing"
)

// ids imports the file and returns the external ids in order.
func ids(t *testing.T, file string, c Columns) []string {
	t.Helper()
	s, _ := take(t, file, c)
	list := make([]string, len(s.kept))
	for i, one := range s.kept {
		list[i] = *one.ExternalID
	}
	return list
}

func TestIdentity(t *testing.T) {
	t.Parallel()
	t.Run("distinguishes equal rows", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s"}
		first := ids(t, "s,x\n7,a\n7,a\n8,a\n7,a\n", c)
		repeated := ids(t, "s,x\r\n\"7\",a\r\n\r\n7,\"a\"\r\n8,a\r\n7,a", c) // the same cells in other bytes
		seen := map[string]bool{}
		for i, id := range first {
			if !strings.HasPrefix(id, "import:") || len(id) != len("import:")+32 || seen[id] {
				t.Errorf("the identity %q is malformed or not unique", id)
			}
			seen[id] = true
			if repeated[i] != id {
				t.Errorf("row %d had the identity %s and now has %s", i, id, repeated[i])
			}
		}
		if len(first) != 4 || len(repeated) != 4 {
			t.Errorf("the identities are %v, then %v; want 4 each", first, repeated)
		}
	})

	t.Run("is that of the fields, whatever columns there are and in whatever order", func(t *testing.T) {
		t.Parallel()
		first := ids(t, "score,date,name,comment\n7,2024-03-05,Ann,a\n7,2024-03-05,Ann,a\n8,,Bo,\n", Columns{})
		for name, file := range map[string]string{
			"a column more":       "score,date,name,comment,tag\n7,2024-03-05,Ann,a,x\n7,2024-03-05,Ann,a,y\n8,,Bo,,z\n",
			"a fact more":         "score,date,name,comment,Umsatz,Segment\n7,2024-03-05,Ann,a,\"1,5\",A\n7,2024-03-05,Ann,a,\"2,5\",B\n8,,Bo,,\"3,5\",C\n",
			"another order":       "comment,name,score,date\na,Ann,7,2024-03-05\na,Ann,7,2024-03-05\n,Bo,8,\n",
			"another separator":   "score;date;name;comment\n7;2024-03-05;Ann;a\n7;2024-03-05;Ann;a\n8;;Bo;\n",
			"other names":         "Bewertung,Datum,Kunde,Kommentar\n7,2024-03-05,Ann,a\n7,2024-03-05,Ann,a\n8,,Bo,\n",
			"spaces around cells": "score,date,name,comment\n 7,2024-03-05 , Ann,a \n7,2024-03-05,Ann,a\n8,,Bo,\n",
		} {
			if got := ids(t, file, Columns{}); !slices.Equal(got, first) {
				t.Errorf("%s: the identities are %v, want %v", name, got, first)
			}
		}
		for name, file := range map[string]string{
			"another comment": "score,date,name,comment\n7,2024-03-05,Ann,b\n", "another name": "score,date,name,comment\n7,2024-03-05,An,a\n",
			"shifted": "score,date,name,comment\n7,2024-03-05,Anna,\n", "another field": "score,date,company,comment\n7,2024-03-05,Ann,a\n",
		} {
			if got := ids(t, file, Columns{}); slices.Contains(first, got[0]) {
				t.Errorf("%s: the identity is that of another row", name)
			}
		}
	})

	// The identity of a row must never change; otherwise files that were imported before would be imported again.
	t.Run("never changes", func(t *testing.T) {
		t.Parallel()
		got := ids(t, "s,x\n7,a\n7,a\n", Columns{Score: "s"})
		want := []string{"import:b7594633fcbc876ebd807ff198f8cc19", "import:1efba204db009b53aebf9eb7f4a441da"}
		if got[0] != want[0] || got[1] != want[1] {
			t.Errorf("the identities are %q, want %q", got, want)
		}
	})

	t.Run("is the external id where there is one", func(t *testing.T) {
		t.Parallel()
		got := ids(t, "s,id\n7,A\n7,\n7,A\n7,B\n", Columns{Score: "s", ResponseExternalID: "id"})
		if len(got) != 3 || got[0] != "A" || !strings.HasPrefix(got[1], "import:") || got[2] != "B" {
			t.Errorf("the identities are %q", got)
		}
	})

	t.Run("distinguishes customers by name and country", func(t *testing.T) {
		t.Parallel()
		c := Columns{Score: "s", FullName: "n", FirstName: "f", LastName: "l", Country: "c", Email: "m", CustomerExternalID: "i"}
		key := func(row string) string {
			s, _ := take(t, "s,n,f,l,c,m,i\n7,"+row+"\n", c)
			return s.kept[0].NameKey
		}
		same := []string{"Ann Lee,,,France,,", "ANN  lee,,,fr,,", ",Ann,Lee,FRA,,", "x Lee, Ann ,,\u00a0french republic,,"}
		for _, row := range same {
			if got := key(row); got != "ann lee\x1fFR" {
				t.Errorf("%q has the key %q, want that of Ann Lee in France", row, got)
			}
		}
		for row, want := range map[string]string{
			"Ann Lee,,,Germany,,":        "ann lee\x1fDE",
			"Ann Lee,,,,,":               "ann lee\x1f",
			"Ann Lee,,,The  MOON,,":      "ann lee\x1fthe moon",
			"STRASSE Ü,,,,,":             "strasse ü\x1f",
			"Straße u\u0308,,,,,":        "strasse ü\x1f",
			"Cher,,,,,":                  "cher\x1f",
			",,,France,,":                "", // without a name, each row is a customer of its own
			"Ann Lee,,,France,a@b.de,":   "",
			"Ann Lee,,,France,,C-1":      "",
			"Ann Lee,,,France,a@b.de,C1": "",
		} {
			if got := key(row); got != want {
				t.Errorf("%q has the key %q, want %q", row, got, want)
			}
		}
		long := strings.Repeat("語", 400)
		if a, b := key(long+",,,,,"), key(long+"y,,,,,"); len(a) > nameKeyMax || a == b || a != key(long+",,,,,") {
			t.Errorf("long names have the keys %q and %q", a, b)
		}
	})
}
