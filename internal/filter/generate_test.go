package filter

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/closeloop/closeloop/model"
)

// composed joins one to three texts in a random case. A combining mark at the beginning of a text then joins the last
// letter of the text before it.
func composed(r *rand.Rand) string {
	var b strings.Builder
	for range 1 + r.IntN(3) {
		b.WriteString(texts[r.IntN(len(texts))])
	}
	switch r.IntN(4) {
	case 0:
		return strings.ToUpper(b.String())
	case 1:
		return strings.ToLower(b.String())
	}
	return b.String()
}

// generator makes random filters of the values that GraphQL or JSON decode to.
type generator struct {
	*rand.Rand
	t      testing.TB
	ids    map[string][]string // by prefix; one of each belongs to no row
	corpus []string            // texts in the rows
}

func (m *generator) pick(from []string) string { return from[m.IntN(len(from))] }

// text is an operand: most often a row's text or a part of one.
func (m *generator) text() string {
	switch way := m.IntN(8); {
	case way < 2 || len(m.corpus) == 0:
		return m.pick(texts)
	case way == 2:
		return composed(m.Rand)
	case way < 6:
		return m.pick(m.corpus)
	}
	runes := []rune(m.pick(m.corpus))
	from := m.IntN(len(runes) + 1)
	if m.IntN(2) == 0 {
		from = 0
	}
	part := string(runes[from : from+m.IntN(len(runes)-from+1)])
	if m.IntN(3) == 0 {
		return strings.ToUpper(part)
	}
	return part
}

// object makes a filter of the entity, at most depth levels deep.
func (m *generator) object(n *entity, depth int) map[string]any {
	made := map[string]any{}
	for range []int{0, 1, 1, 1, 1, 2, 2, 3}[m.IntN(8)] {
		switch word := m.IntN(10); {
		case word < 4 && depth > 0:
			m.logic(n, depth, made)
		case word == 4:
			made[m.name(n)] = nil
		default:
			name := m.name(n)
			made[name] = m.field(n.fields[name].fieldType, depth)
		}
	}
	return made
}

func (m *generator) name(n *entity) string {
	return m.pick(comparableFields(n))
}

func (m *generator) logic(n *entity, depth int, into map[string]any) {
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

func (m *generator) field(f fieldType, depth int) any {
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
	return m.wrap(f, made)
}

// wrap puts an object of operators into the value of the field.
func (m *generator) wrap(f fieldType, operators map[string]any) any {
	if _, ok := f.(attributeField); ok {
		return map[string]any{"key": m.pick(keysOfAttributes), "value": operators}
	}
	return operators
}

// operators are the field's operators; false if the field takes a bare value.
func (m *generator) operators(f fieldType) ([]string, bool) {
	switch f.(type) {
	case intField:
		return []string{"eq", "gte", "in", "lte"}, true
	case decimalField:
		return []string{"eq", "gte", "isNull", "lte"}, true
	case floatField:
		return []string{"gte", "isNull", "lte"}, true
	case textField, attributeField:
		return []string{"contains", "eq", "in", "isNull", "startsWith"}, true
	case countryField:
		return []string{"eq", "in", "isNull"}, true
	case driversField, themesField:
		return []string{"all", "any", "none"}, true
	case timeField:
		return []string{"gte", "isNull", "lt", "withinLast", "withinNext"}, true
	case nested, enumField, categoryField, boolField, presentField, mineField, overdueField, ruleField, effortField, contactField, hasCaseField, refField,
		outreachField, idField[model.CustomerID], idField[model.ResponseID], idField[model.CaseID], idField[model.UserID]:
		return nil, false
	}
	m.t.Fatalf("the generator does not know fields of type %T: add their operators and values", f)
	return nil, false
}

func (m *generator) value(f fieldType, op string) any {
	if op == "isNull" {
		return m.IntN(2) == 0
	}
	switch f.(type) {
	case boolField, presentField, mineField, overdueField, hasCaseField:
		return m.IntN(2) == 0
	case refField:
		return m.some(map[string]func() any{
			"system": func() any { return m.pick(systems) }, "id": func() any { return m.pick(externals) },
		})
	case outreachField:
		return m.some(map[string]func() any{
			"channel": func() any { return m.list(func() any { return m.pick(channels) }) },
			"offer":   func() any { return m.list(func() any { return m.pick(offers) }) },
			"outcome": func() any { return m.list(func() any { return m.pick(outcomes) }) },
		})
	}
	one := func() any { return m.one(f, op) }
	switch op {
	case "", "in", "any", "all", "none": // these take a list
		return m.list(one)
	}
	return one()
}

// one is an operand, or an item of an operand that is a list.
func (m *generator) one(f fieldType, op string) any {
	switch f := f.(type) {
	case intField:
		return m.number()
	case decimalField:
		return m.decimal()
	case floatField:
		return m.float()
	case textField, attributeField, driversField:
		return m.text()
	case countryField:
		return m.pick([]string{"DE", "de", "Germany", "dEu", "tr", "tR", "Türkiye", "gb", "UK", "br", "Brazil", "FR", "it"})
	case timeField:
		if op == "withinLast" || op == "withinNext" {
			return m.pick(durations)
		}
		return m.time()
	case enumField:
		return m.pick(f.values)
	case categoryField:
		return m.pick(categories)
	case contactField:
		return m.pick(contactStatuses)
	case effortField:
		return m.pick(efforts)
	case themesField:
		return m.pick(m.ids["thm"])
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
	m.t.Fatalf("the generator does not know values of fields of type %T", f)
	return nil
}

// list is a list of up to four values, or a single value, which stands for a list of one.
func (m *generator) list(one func() any) any {
	switch m.IntN(12) {
	case 0:
		return one()
	case 1: // gqlparser makes such a list of a variable with a single value
		if text, ok := one().(string); ok {
			return []string{text}
		}
	}
	made := []any{}
	for range m.IntN(5) {
		made = append(made, one())
	}
	return made
}

// some is an object of some of the parts; others are null, which counts as left out.
func (m *generator) some(parts map[string]func() any) any {
	made := map[string]any{}
	for _, name := range sorted(parts) {
		switch m.IntN(5) {
		case 0:
			made[name] = nil
		case 1, 2:
			made[name] = parts[name]()
		}
	}
	return made
}

// decimal is a string, a JSON number or an int64, as texts, variables and literals decode.
func (m *generator) decimal() any {
	text := m.pick(decimals)
	if m.IntN(2) == 0 {
		return json.Number(text)
	}
	if text == "10" {
		return int64(10)
	}
	return text
}

func (m *generator) float() any {
	f := append([]float64{-1, 2, math.MaxFloat64, -math.MaxFloat64, math.Copysign(0, -1)}, likelihoods...)[m.IntN(5+len(likelihoods))]
	switch {
	case m.IntN(3) == 0:
		return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
	case f == 1:
		return int64(1)
	}
	return f
}

// number is an int64 (a literal), a JSON number (a variable) or an int (Go tests).
func (m *generator) number() any {
	n := []int64{-2147483648, -32769, -1, 0, 1, 5, 6, 7, 8, 9, 10, 11, 40, 32768, 2147483647}[m.IntN(15)]
	switch m.IntN(3) {
	case 0:
		return n
	case 1:
		return int(n)
	}
	return json.Number(strconv.FormatInt(n, 10))
}

// time is in one of several zones, and sometimes finer than PostgreSQL's microseconds.
func (m *generator) time() string {
	at := moments[m.IntN(len(moments))]
	if m.IntN(4) == 0 && at.Year() < 9999 {
		at = at.Add(time.Duration(m.IntN(1000))) // cut off when it is read
	}
	if m.IntN(3) == 0 && at.Year() > 1 && at.Year() < 9999 {
		at = at.In(time.FixedZone("", (m.IntN(26)-12)*3600))
	}
	return at.Format(time.RFC3339Nano)
}

func TestGeneratorKnowsEveryOperator(t *testing.T) {
	t.Parallel()
	m := &generator{Rand: rand.New(rand.NewPCG(1, 2)), t: t}
	for _, n := range []*entity{customerEntity, responseEntity, caseEntity} {
		for _, name := range comparableFields(n) {
			f := n.fields[name].fieldType
			ops, ok := m.operators(f)
			if !ok {
				continue
			}
			_, err := f.parse(&parser{}, m.wrap(f, map[string]any{"no such": 1}))
			want := "unknown operator: expected one of " + strings.Join(ops, ", ")
			if err == nil || err.Error() != want {
				t.Errorf("%s.%s: %v; the generator knows %s", n.name, name, err, strings.Join(ops, ", "))
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
