package filter

import (
	"strings"
	"unicode/utf8"

	"github.com/closeloop/closeloop/internal/fault"
	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

const searchMax = 500 // characters

// readSearch reads the words of a search. PostgreSQL alone decides it, so that it stands in nothing that Go decides.
func (p *parser) readSearch(v any) (string, error) {
	if p.strict {
		return "", fault.New(fault.CodeBadUserInput, "a search narrows lists only; in a filter that is kept say what a field contains, or starts with")
	}
	p.searches = true
	return ReadSearch(v)
}

// ReadSearch reads what somebody typed into a search box.
func ReadSearch(v any) (string, error) {
	s, err := model.UnmarshalString(v)
	if err != nil {
		return "", scalar(err)
	}
	if utf8.RuneCountInString(s) > searchMax {
		return "", fault.New(fault.CodeBadUserInput, "a search has %d characters at most", searchMax)
	}
	return s, nil
}

// onlyInSQL is a condition that Go cannot decide. Whoever asks Go has refused it before: see tree.Searches.
func onlyInSQL(sql func(*sqlBuilder)) expr {
	return leaf{inSQL: sql, inGo: func(*Subject, model.UserID) bool { return false }}
}

// customerSearch finds each word at the beginning of a word of the customer's name, e-mail address or company.
type customerSearch struct{ column }

func (f customerSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	var all allOf
	for _, word := range strings.Fields(model.Fold(s)) {
		all = append(all, onlyInSQL(func(b *sqlBuilder) {
			f.holds(b, func(place string) string { return place + " LIKE ?" }, "% "+pg.EscapeLike(word)+"%")
		}))
	}
	return all, err
}

// responseSearch looks for words in the comment, as a web search does: "a phrase", -not, or.
type responseSearch struct{ column }

func (f responseSearch) parse(p *parser, v any) (expr, error) {
	s, err := p.readSearch(v)
	if strings.TrimSpace(s) == "" {
		return allOf{}, err
	}
	return onlyInSQL(func(b *sqlBuilder) {
		f.holds(b, FullText, s)
	}), err
}

// FullText is the condition that a text holds the words of a web search, with a ? for these. The indexes of comments
// and notes are on the same expression.
func FullText(place string) string {
	return "to_tsvector('simple', " + place + ") @@ websearch_to_tsquery('simple', ?)"
}
