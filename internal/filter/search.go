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

// customerSearch requires each word to begin a word of the customer's name, e-mail address or company.
type customerSearch struct{ column }

func (f customerSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	var all allOf
	for _, word := range strings.Fields(model.Fold(s)) {
		all = append(all, sqlOnly(func(b *sqlBuilder) {
			f.writeCondition(b, func(ref string) string { return ref + " LIKE ?" }, "% "+pg.EscapeLike(word)+"%")
		}))
	}
	return all, err
}

// responseSearch searches the comment with the syntax of a web search: words, "a phrase", -not, or.
type responseSearch struct{ column }

func (f responseSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	if strings.TrimSpace(s) == "" {
		return allOf{}, err
	}
	return sqlOnly(func(b *sqlBuilder) {
		f.writeCondition(b, FullText, s)
	}), err
}

// FullText is the condition that a text matches a web search, with a ? for the search. The indexes of comments and
// notes are on the same expression; a change here needs new indexes.
func FullText(ref string) string {
	return "to_tsvector('simple', " + ref + ") @@ websearch_to_tsquery('simple', ?)"
}
