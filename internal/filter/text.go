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
		place: func(at string) string { return at }, in: f.column, get: f.get, read: readFolded, fold: model.Fold,
	}.parse(p, v)
}

// countryField takes what writers take, so that a name finds what was written by its code, and refuses what would
// silently match nothing. A part of a code means nothing.
type countryField textField

func (f countryField) parse(p *parser, v any) (expr, error) {
	return text{
		place: func(at string) string { return at }, in: f.column, get: f.get, whole: true,
		fold: func(s string) string { return s },
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

// attributeField is one value of an object, by its key.
type attributeField struct {
	column // an object of folded values
	get    func(*Subject) map[string]string
}

func (f attributeField) parse(p *parser, v any) (expr, error) {
	m, err := p.enter(v)
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
		return nil, fault.WithPath("key", scalar(err))
	}
	x, err := text{
		place: func(at string) string { return "(" + at + ` ->> CAST(? AS text)) COLLATE "C"` }, vars: []any{key}, object: true,
		in: f.column, read: readFolded, fold: model.Fold,
		get: func(s *Subject) *string {
			if value, ok := f.get(s)[key]; ok {
				return &value
			}
			return nil
		},
	}.parse(p, m["value"])
	return x, fault.WithPath("value", err)
}

// text is a text of a row, folded by Go wherever it stands, and its operators.
type text struct {
	in     column
	place  func(column string) string // the text in the column, with a ? for each of vars
	vars   []any
	object bool // the column holds an object, and the text is what it holds under vars[0]
	whole  bool // the text is compared whole: no part of it means anything
	get    func(*Subject) *string
	read   func(any) (string, error)
	fold   func(string) string
}

func (t text) parse(p *parser, v any) (expr, error) {
	operators := map[string]func(any) (expr, error){
		"eq": func(v any) (expr, error) {
			want, err := t.read(v)
			return t.equals(want), err
		},
		"in": func(v any) (expr, error) {
			want, err := each(p, v, t.read)
			if len(want) == 1 {
				return t.equals(want[0]), err
			}
			return t.leaf(func(have string) bool { return slices.Contains(want, have) }, part{"= ANY(?)", pg.Array(want)}), err
		},
		"isNull": func(v any) (expr, error) {
			want, err := readBool(v)
			there := t.leaf(func(string) bool { return true }, part{sql: "IS NOT NULL"})
			if want && t.in.own != "response_texts" {
				missing := t.leaf(nil, part{sql: "IS NULL"})
				missing.inGo = notOf{there}.match
				return missing, err
			}
			return unless(!want, there), err // a response without texts has no row there
		},
	}
	if !t.whole {
		operators["contains"] = func(v any) (expr, error) {
			want, err := t.read(v)
			return t.leaf(func(have string) bool { return strings.Contains(have, want) }, part{"LIKE ?", "%" + pg.EscapeLike(want) + "%"}), err
		}
		operators["startsWith"] = func(v any) (expr, error) {
			want, err := t.read(v)
			return t.startsWith(want), err
		}
	}
	return p.operators(v, operators)
}

func (t text) equals(want string) leaf {
	same := func(have string) bool { return have == want }
	if !t.object {
		return t.leaf(same, part{"= ?", want})
	}
	pair, _ := json.Marshal(map[string]any{t.vars[0].(string): want}) // texts always marshal
	return leaf{
		inSQL: func(b *sqlBuilder) {
			t.in.holds(b, func(place string) string { return place + " @> CAST(? AS jsonb)" }, string(pair))
		},
		inGo: t.inGo(same),
	}
}

// startsWith is a range of texts, which a b-tree holds together, but for long texts: no b-tree holds these, and
// trigrams serve LIKE.
func (t text) startsWith(want string) leaf {
	inGo := func(have string) bool { return strings.HasPrefix(have, want) }
	if t.in.own == "response_texts" {
		return t.leaf(inGo, part{"LIKE ?", pg.EscapeLike(want) + "%"})
	}
	parts := []part{{">= ?", want}}
	if end, ok := after(want); ok {
		parts = append(parts, part{"< ?", end})
	}
	return t.leaf(inGo, parts...)
}

// part is one comparison of the text with a value; a nil value has no mark in the SQL.
type part struct {
	sql   string
	value any
}

// leaf makes a condition of which all parts hold.
func (t text) leaf(holds func(have string) bool, parts ...part) leaf {
	return leaf{
		inSQL: func(b *sqlBuilder) {
			var vars []any
			for _, one := range parts {
				if vars = append(vars, t.vars...); one.value != nil {
					vars = append(vars, one.value)
				}
			}
			t.in.holds(b, func(place string) string {
				sql := make([]string, len(parts))
				for i, one := range parts {
					sql[i] = t.place(place) + " " + one.sql
				}
				if len(sql) == 1 {
					return sql[0]
				}
				return "(" + strings.Join(sql, " AND ") + ")"
			}, vars...)
		},
		inGo: t.inGo(holds),
	}
}

func (t text) inGo(holds func(have string) bool) func(*Subject, model.UserID) bool {
	return func(s *Subject, _ model.UserID) bool {
		have := t.get(s)
		return have != nil && holds(t.fold(*have))
	}
}

func readFolded(v any) (string, error) {
	s, err := model.UnmarshalString(v)
	return model.Fold(s), err
}

// after is the first text, in the order of bytes, that is behind all that start with this one; false where there is
// none. UTF-8 sorts as its code points do.
func after(prefix string) (string, bool) {
	runes := []rune(prefix)
	for i := len(runes) - 1; i >= 0; i-- {
		next := runes[i] + 1
		if next == 0xD800 { // no text holds a surrogate
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
