package filter

import (
	"encoding/json"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/country"
	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

type textField struct {
	column // folded
	get    func(*Subject) *string
}

func (f textField) parse(p *parser, v any) (expr, error) {
	return text{
		extract: func(at string) string { return at }, in: f.column, get: f.get, read: readFolded, fold: (*Subject).fold,
	}.parse(p, v)
}

// countryField accepts the codes and names that writers accept, so that a filter by name finds a customer who was
// stored by code. It refuses everything else, which would silently match nothing, and contains and startsWith: a part
// of a code has no meaning.
type countryField textField

func (f countryField) parse(p *parser, v any) (expr, error) {
	return text{
		extract: func(at string) string { return at }, in: f.column, get: f.get, whole: true,
		fold: func(_ *Subject, code string) folded { return folded{text: code} },
		read: func(v any) (string, error) {
			s, err := model.UnmarshalString(v)
			if err != nil {
				return "", err
			}
			code, ok := country.Parse(s)
			if !ok {
				return "", fault.New(fault.CodeBadUserInput, "%q is neither an ISO 3166-1 code nor the English name of a country", shorten(s))
			}
			return code, nil
		},
	}.parse(p, v)
}

// attributeField is a text of an object of texts, chosen by its key.
type attributeField struct {
	column // an object of folded values
	get    func(*Subject) map[string]string
}

func (f attributeField) parse(p *parser, v any) (expr, error) {
	m, err := p.enterObject(v)
	if err != nil {
		return nil, err
	}
	defer func() { p.depth-- }()
	for _, name := range sorted(m) {
		if name != "key" && name != "value" {
			return nil, fault.Input(name, "AttributeFilter has no such field")
		}
	}
	key, err := model.UnmarshalString(m["key"])
	if err != nil {
		return nil, fault.WithPath("key", scalarFault(err))
	}
	x, err := text{
		extract: func(at string) string { return "(" + at + ` ->> CAST(? AS text)) COLLATE "C"` }, vars: []any{key}, object: true,
		in: f.column, read: readFolded, fold: (*Subject).fold,
		get: func(s *Subject) *string {
			if value, ok := f.get(s)[key]; ok {
				return &value
			}
			return nil
		},
	}.parse(p, m["value"])
	return x, fault.WithPath("value", err)
}

// text is a text of a row and its operators. Go folds both the stored text and the operand.
type text struct {
	in      column
	extract func(column string) string // SQL of the text in the column, with a ? for each of vars
	vars    []any
	object  bool // the column is a JSON object, and the text is its value of the key vars[0]
	whole   bool // there is neither contains nor startsWith
	get     func(*Subject) *string
	read    func(any) (string, error)
	fold    func(*Subject, string) folded
}

func (t text) parse(p *parser, v any) (expr, error) {
	operators := map[string]func(any) (expr, error){
		"eq": func(v any) (expr, error) {
			want, err := t.read(v)
			return t.equals(want), err
		},
		"in": func(v any) (expr, error) {
			want, err := readList(p, v, t.read)
			if len(want) == 1 {
				return t.equals(want[0]), err
			}
			same := func(have folded) bool { return slices.Contains(want, have.text) }
			return t.leafInWords(t.begins(want...), same, comparison{"= ANY(?)", pg.Array(want)}), err
		},
		"isNull": func(v any) (expr, error) {
			want, err := readBool(v)
			there := t.leaf(func(folded) bool { return true }, comparison{sql: "IS NOT NULL"})
			if want && t.in.own != "response_texts" {
				missing := t.leaf(nil, comparison{sql: "IS NULL"})
				missing.matches = notOf{there}.match
				return missing, err
			}
			return negateUnless(!want, there), err // a response without texts has no row in response_texts
		},
	}
	if !t.whole {
		operators["contains"] = func(v any) (expr, error) {
			want, err := t.read(v)
			has := func(have folded) bool { return have.contains(want) }
			return t.leafInWords(t.part(want), has, comparison{"LIKE ?", "%" + pg.EscapeLike(want) + "%"}), err
		}
		operators["startsWith"] = func(v any) (expr, error) {
			want, err := t.read(v)
			return t.startsWith(want), err
		}
	}
	return p.operators(v, operators)
}

func (t text) equals(want string) leaf {
	same := func(have folded) bool { return have.text == want }
	if !t.object {
		return t.leafInWords(t.begins(want), same, comparison{"= ?", want})
	}
	pair, _ := json.Marshal(map[string]any{t.vars[0].(string): want}) // strings always marshal
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			t.in.writeCondition(b, func(ref string) string { return "(" + ref + " @> CAST(? AS jsonb) AND " + ref + notEmpty + ")" }, string(pair))
		},
		matches: t.matcher(same),
	}
}

// startsWith is a range of texts, which a b-tree can search. Columns of response_texts are too long for a b-tree: their
// trigram indexes serve LIKE.
func (t text) startsWith(want string) leaf {
	matches := func(have folded) bool { return strings.HasPrefix(have.text, want) }
	if t.in.own == "response_texts" {
		return t.leaf(matches, comparison{"LIKE ?", pg.EscapeLike(want) + "%"})
	}
	bounds := []comparison{{">= ?", want}}
	if end, ok := after(want); ok {
		bounds = append(bounds, comparison{"< ?", end})
	}
	return t.leafInWords(t.begins(want), matches, bounds...)
}

// comparison compares the text with a value; a nil value has no ? in the SQL.
type comparison struct {
	sql   string
	value any
}

// leaf makes a condition that requires all comparisons.
func (t text) leaf(holds func(have folded) bool, all ...comparison) leaf {
	return t.leafInWords(nil, holds, all...)
}

// leafInWords is leaf for comparisons from which another follows, of the column that has the text's words; nil: none does.
func (t text) leafInWords(words *comparison, holds func(have folded) bool, all ...comparison) leaf {
	return leaf{
		writeSQL: func(b *sqlBuilder) {
			var vars []any
			for _, one := range all {
				if vars = append(vars, t.vars...); one.value != nil {
					vars = append(vars, one.value)
				}
			}
			words := words
			if words != nil && t.in.hasWords(b.table) {
				vars = append(vars, words.value)
			} else {
				words = nil
			}
			t.in.writeCondition(b, func(ref string) string {
				sql := make([]string, len(all))
				for i, one := range all {
					sql[i] = t.extract(ref) + " " + one.sql
				}
				own := strings.Join(sql, " AND ")
				if words != nil {
					return likely(own, t.in.wordsOf(ref)+" "+words.sql)
				}
				if len(sql) == 1 {
					return own
				}
				return "(" + own + ")"
			}, vars...)
		},
		matches: t.matcher(holds),
	}
}

func (t text) matcher(holds func(have folded) bool) func(*Subject, model.UserID) bool {
	return func(s *Subject, _ model.UserID) bool {
		have := t.get(s)
		return have != nil && holds(t.fold(s, *have))
	}
}

func readFolded(v any) (string, error) {
	s, err := model.UnmarshalString(v)
	return model.Fold(s), err
}

// after is the first text, in the order of bytes, that sorts behind every text with the prefix; false if there is none.
// UTF-8 sorts as its code points do.
func after(prefix string) (string, bool) {
	runes := []rune(prefix)
	for i := len(runes) - 1; i >= 0; i-- {
		next := runes[i] + 1
		if next == 0xD800 { // UTF-8 has no surrogates
			next = 0xE000
		}
		if next <= utf8.MaxRune {
			return string(append(runes[:i:i], next)), true
		}
	}
	return "", false
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
