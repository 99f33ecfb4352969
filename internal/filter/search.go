package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const searchMax = 500 // characters

// readSearch reads the words of a search. Only PostgreSQL can evaluate a search, so that a stored filter, which Go
// evaluates, must not contain one.
func (p *parser) readSearch(v any) (string, error) {
	if p.strict {
		return "", fault.New(fault.CodeBadUserInput, "a stored filter cannot search: use contains or startsWith")
	}
	p.searches = true
	return ReadSearch(v)
}

// ReadSearch reads the text of a search box.
func ReadSearch(v any) (string, error) {
	s, err := model.UnmarshalString(v)
	if err != nil {
		return "", scalarFault(err)
	}
	if utf8.RuneCountInString(s) > searchMax {
		return "", fault.New(fault.CodeBadUserInput, "a search may have at most %d characters", searchMax)
	}
	return s, nil
}

// sqlOnly is a condition that Go cannot evaluate. A caller of Match refuses such a filter first: see Case.Searches.
func sqlOnly(sql func(*sqlBuilder)) expr {
	return leaf{writeSQL: sql, matches: func(*Subject, model.UserID) bool { return false }}
}

// customerSearch requires each word to begin a word of the customer's name, e-mail address or company, or to be a part of
// one where its script writes no spaces.
type customerSearch struct{ column }

func (f customerSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	var all allOf
	for _, word := range strings.Fields(model.Fold(s)) {
		pattern := "% " + pg.EscapeLike(word) + "%"
		if unspaced(word) {
			pattern = "%" + pg.EscapeLike(word) + "%"
		}
		all = append(all, sqlOnly(func(b *sqlBuilder) {
			f.writeCondition(b, func(ref string) string { return ref + " LIKE ?" }, pattern)
		}))
	}
	return all, err
}

// responseSearch searches the comment with the syntax of a web search: words, "a phrase", -not, or.
type responseSearch struct{ column }

func (f responseSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	if Blank(s) {
		return allOf{}, err
	}
	condition, values := FullText(s)
	return sqlOnly(func(b *sqlBuilder) { f.writeCondition(b, condition, values...) }), err
}

// Blank reports whether a search asks for nothing.
func Blank(search string) bool { return strings.TrimSpace(model.Fold(search)) == "" }
