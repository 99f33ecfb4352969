package filter

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

// moment is the 'now' that the rows of the tests lie around.
var moment = time.Date(2026, 3, 1, 9, 30, 0, 123456000, time.UTC)

// texts are what companies and segments are called, and what they are asked for by: among them pairs that are one
// text, that only look like one, and that PostgreSQL and Go fold differently.
var texts = []string{
	"Acme", "ACME", "acme ", "", " ", "Café", "CAFE\u0301", "cafe", "Straße", "STRASSE", "stra\u1e9ee", "istanbul", "ISTANBUL",
	"İstanbul", "ıstanbul", "i\u0307stanbul", "Ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ", "\u212bngstrom", "ångström", "ﬁn", "FIN", "ǅ", "ŉ", "ΐ",
	"\u1fb3", "\u13a0", "\uab70", "Ⓐ", "ſ", "100%", "a_b", `a\b`, "'; DROP TABLE cases; --", "?", "$1", "@name", "🦔", "\u0345", "\u1100\u1161", "가",
}

var countries = []string{"DE", "BR", "TR", "IT", "GB"}

// moments lie at the edges of microseconds, of durations and of the calendar.
var moments = []time.Time{
	moment, moment.Add(time.Microsecond), moment.Add(-time.Microsecond), moment.Add(time.Hour), moment.Add(-time.Hour),
	moment.Add(time.Hour + time.Microsecond), moment.Add(-time.Hour - time.Microsecond), moment.Add(-time.Hour + time.Microsecond),
	moment.Add(48 * time.Hour), moment.Add(-48 * time.Hour),
	time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 23, 59, 59, 999999000, time.UTC),
	time.Date(1999, 12, 31, 23, 59, 59, 999999000, time.UTC), // just before PostgreSQL's zero
}

var durations = []string{"PT0S", "PT0.000001S", "PT1H", "PT1H0.000001S", "P2D", "P36499D"}

// maker makes filters up, as GraphQL or JSON would hand them over.
type maker struct {
	*rand.Rand
	t   testing.TB
	ids map[string][]string // by prefix; among them one of nothing
}

func (m *maker) pick(from []string) string { return from[m.IntN(len(from))] }

// object makes a filter of the noun; depth bounds how deep.
func (m *maker) object(n *noun, depth int) map[string]any {
	made := map[string]any{}
	for range []int{0, 1, 1, 1, 1, 2, 2, 3}[m.IntN(8)] {
		switch word := m.IntN(10); {
		case word < 4 && depth > 0:
			m.logic(n, depth, made)
		case word == 4:
			made[m.name(n)] = nil
		default:
			name := m.name(n)
			made[name] = m.field(n.fields[name].field, depth)
		}
	}
	return made
}

func (m *maker) name(n *noun) string {
	names := make([]string, 0, len(n.fields))
	for name := range n.fields {
		names = append(names, name)
	}
	slices.Sort(names)
	return m.pick(names)
}

func (m *maker) logic(n *noun, depth int, into map[string]any) {
	word := m.pick([]string{"and", "or", "not"})
	if word == "not" {
		into[word] = m.object(n, depth-1)
		return
	}
	list := []any{}
	for range m.IntN(4) {
		list = append(list, m.object(n, depth-1))
	}
	into[word] = list
}

func (m *maker) field(f field, depth int) any {
	if f, ok := f.(nested); ok {
		return m.object(f.of, max(0, depth-1))
	}
	ops, ok := m.operators(f)
	if !ok {
		return m.value(f, "")
	}
	made := map[string]any{}
	for range []int{0, 1, 1, 1, 1, 1, 1, 2}[m.IntN(8)] {
		op := m.pick(ops)
		made[op] = m.value(f, op)
	}
	return made
}

// operators are those that the field knows; false where it is given a bare value.
func (m *maker) operators(f field) ([]string, bool) {
	switch f.(type) {
	case intField:
		return []string{"eq", "gte", "in", "lte"}, true
	case textField, countryField:
		return []string{"eq", "in", "isNull"}, true
	case timeField:
		return []string{"gte", "isNull", "lt", "withinLast", "withinNext"}, true
	case nested, enumField, boolField, presentField, mineField, overdueField, ruleField, idField[model.CustomerID],
		idField[model.ResponseID], idField[model.CaseID], idField[model.UserID]:
		return nil, false
	}
	m.t.Fatalf("the tests know no fields of type %T: teach the maker of filters what it takes", f)
	return nil, false
}

func (m *maker) value(f field, op string) any {
	if op == "isNull" {
		return m.IntN(2) == 0
	}
	one := func() any {
		switch f := f.(type) {
		case intField:
			return m.number()
		case textField:
			return m.pick(texts)
		case countryField:
			return m.pick([]string{"DE", "de", "dE", "tr", "tR", "ıt", "ß", "", "XX", "gb", "br"})
		case timeField:
			if op == "withinLast" || op == "withinNext" {
				return m.pick(durations)
			}
			return m.time()
		case enumField:
			return m.pick(f.values)
		case boolField, presentField, mineField, overdueField:
			return m.IntN(2) == 0
		case ruleField:
			return m.pick(m.ids["rul"])
		case idField[model.CustomerID]:
			return m.pick(m.ids["cus"])
		case idField[model.ResponseID]:
			return m.pick(m.ids["res"])
		case idField[model.CaseID]:
			return m.pick(m.ids["cas"])
		case idField[model.UserID]:
			return m.pick(m.ids["usr"])
		}
		m.t.Fatalf("the tests know no values of a field of type %T", f)
		return nil
	}
	switch f.(type) {
	case boolField, presentField, mineField, overdueField:
		return one()
	}
	bare := op == "" // a field that takes a list by itself
	if op != "in" && !bare || m.IntN(8) == 0 {
		return one()
	}
	list := []any{}
	for range m.IntN(5) {
		list = append(list, one())
	}
	return list
}

// number is written as literals, as variables and as Go's own tests write them.
func (m *maker) number() any {
	n := []int64{-2147483648, -32769, -1, 0, 1, 5, 6, 7, 8, 9, 10, 11, 40, 32768, 2147483647}[m.IntN(15)]
	switch m.IntN(3) {
	case 0:
		return n
	case 1:
		return int(n)
	}
	return json.Number(strconv.FormatInt(n, 10))
}

// time is written in several zones, and finer than PostgreSQL keeps.
func (m *maker) time() string {
	at := moments[m.IntN(len(moments))]
	if m.IntN(4) == 0 && at.Year() < 9999 {
		at = at.Add(time.Duration(m.IntN(1000))) // cut off when it is read
	}
	if m.IntN(3) == 0 && at.Year() > 1 && at.Year() < 9999 {
		at = at.In(time.FixedZone("", (m.IntN(26)-12)*3600))
	}
	return at.Format(time.RFC3339Nano)
}

func TestTheMakerOfFiltersKnowsEveryOperator(t *testing.T) {
	t.Parallel()
	m := &maker{t: t}
	for _, n := range []*noun{customerNoun, responseNoun, caseNoun} {
		for name, e := range n.fields {
			f := e.field
			ops, ok := m.operators(f)
			if !ok {
				continue
			}
			_, err := f.parse(&parser{}, map[string]any{"no such": 1})
			want := "there is no such operator here; there are " + list(ops)
			if err == nil || err.Error() != want {
				t.Errorf("%s.%s: %v; the maker of filters knows %s", n.name, name, err, list(ops))
			}
		}
	}
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprintf("%#v", v)
	}
	return string(text)
}
