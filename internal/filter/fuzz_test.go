package filter

import (
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"gorm.io/gorm/clause"

	"github.com/closeloop/closeloop/model"
)

// Parsing never panics. The SQL of a parsed filter has one parameter for each ?, and contains no text of the caller.
// Go can evaluate a parsed filter, and a stored filter parses back as the same filter. TestMatchAgreesWithSQL checks
// that PostgreSQL accepts the SQL.
func FuzzFilter(f *testing.F) {
	m := &generator{Rand: rand.New(rand.NewPCG(1, 2)), t: f, ids: map[string][]string{
		"cus": {"cus_0190163d8694739b9f6b1bdac25e4c4e"}, "res": {"res_0190163d8694739b9f6b1bdac25e4c4e"},
		"cas": {"cas_0190163d8694739b9f6b1bdac25e4c4e"}, "usr": {"usr_0190163d8694739b9f6b1bdac25e4c4e"},
		"rul": {"rul_0190163d8694739b9f6b1bdac25e4c4e"}, "thm": {"thm_0190163d8694739b9f6b1bdac25e4c4e"},
	}}
	for range 60 {
		for _, n := range []*entity{customerEntity, responseEntity, caseEntity} {
			f.Add(show(m.object(n, 3)))
		}
	}
	for _, text := range []string{
		``, `null`, `[]`, `{"and": {}}`, `{"or": [[]]}`, `{"not": null}`, `{"score": {"in": [1e9, "7", {}]}}`, `{"status": [""]}`,
		`{"company": {"eq": "\ud800"}}`, `{"customer": {"company": {"eq": "\u0000"}}}`, `{"a": 1, "a": 2}`, "{\"company\": {\"eq\": \"\xff\"}}",
		`{"openedAt": {"withinLast": "P999999D"}}`, `{"respondedAt": {"gte": "0001-01-01T00:00:00+23:59"}}`,
		strings.Repeat(`{"not":`, 30) + `{}` + strings.Repeat(`}`, 30), `{"id": [` + strings.Repeat(`"",`, 2100) + `""]}`,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		raw := json.RawMessage(text)
		if stored, err := ParseStored(raw); err == nil {
			checkTree(t, &stored.tree, responseEntity)
			if again, err := ParseStored(stored.Raw()); err != nil || again.where(responseEntity, model.UserID{}, moment).(clause.Expr).SQL !=
				stored.where(responseEntity, model.UserID{}, moment).(clause.Expr).SQL {
				t.Errorf("%s is stored as %s, which is another filter: %v", text, stored.Raw(), err)
			}
		}
		v, err := Decode(raw)
		if err != nil {
			return
		}
		for _, n := range []*entity{customerEntity, responseEntity, caseEntity} {
			var read tree
			if read.parse(v, n, false) == nil {
				checkTree(t, &read, n)
			}
		}
		var when Time
		if when.UnmarshalGQL(v) == nil {
			when.Where("notes.created_at", moment)
		}
	})
}

func checkTree(t *testing.T, read *tree, n *entity) {
	t.Helper()
	c := read.where(n, model.UserID{}, moment).(clause.Expr)
	if marks := strings.Count(c.SQL, "?"); marks != len(c.Vars) {
		t.Errorf("%s has %d parameters for %d values", c.SQL, marks, len(c.Vars))
	}
	ours := strings.NewReplacer(`COLLATE "C"`, "", "@> CAST", "", "@@ websearch", "").Replace(c.SQL)
	if strings.ContainsAny(ours, "$@;\\\"\x00") {
		t.Errorf("%s contains characters that the filter never writes", c.SQL)
	}
	subject := &Subject{Case: &model.Case{}, Customer: &model.Customer{}, Response: &model.Response{}, Now: moment}
	read.root.match(subject, model.UserID{})
	if n == caseEntity {
		subject.Response = nil
		read.root.match(subject, model.UserID{})
	}
}
