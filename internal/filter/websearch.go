package filter

import (
	"strings"
	"unicode"

	"github.com/closeloop/closeloop/internal/pg"
	"github.com/closeloop/closeloop/model"
)

// FullText makes the condition that a folded text matches a web search; condition is given the reference to the text, and
// returns SQL with a ? for each of the values. PostgreSQL finds words, in the index of the same expression. Its parser
// finds words by what stands between them; where a script writes nothing between them, a word of the search is looked for
// as a part of the text.
func FullText(search string) (condition func(ref string) string, values []any) {
	either := readWebSearch(model.Fold(search))
	if !unspaced(search) { // PostgreSQL joins the words itself, in one search of its index
		var words []string
		for _, all := range either {
			words = append(words, all.words())
		}
		return fullText, []any{strings.Join(words, " or ")}
	}
	write := func(ref string) (sql string, values []any) {
		var conditions []string
		for _, all := range either {
			condition, with := all.condition(ref)
			conditions, values = append(conditions, condition), append(values, with...)
		}
		return "(" + strings.Join(conditions, " OR ") + ")", values
	}
	_, values = write("")
	return func(ref string) string { sql, _ := write(ref); return sql }, values
}

// fullText has a ? for the words. The indexes of comments and notes are on the same expression; a change here needs new
// indexes.
func fullText(ref string) string {
	return "to_tsvector('simple', " + ref + ") @@ websearch_to_tsquery('simple', ?)"
}

// term is a word or a phrase of a web search.
type term struct {
	text    string
	quoted  bool
	without bool // a minus before it: the text must not have it
}

// terms are those between two 'or': a text must match all of them.
type terms []term

// readWebSearch reads a folded search as websearch_to_tsquery does, with one difference: a dash between spaces is
// punctuation. A text that somebody pasted has many.
func readWebSearch(s string) (either []terms) {
	var all terms
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		var t term
		switch t, s = readTerm(s); {
		case t.text == "":
		case t == term{text: "or"} && len(all) > 0 && strings.TrimSpace(s) != "":
			either, all = append(either, all), nil
		default:
			all = append(all, t)
		}
	}
	if len(all) > 0 {
		either = append(either, all)
	}
	return either
}

func readTerm(s string) (t term, rest string) {
	after := strings.TrimLeft(s, "-")
	t.without = len(s)-len(after) == 1
	if phrase, quoted := strings.CutPrefix(after, `"`); quoted {
		t.quoted = true
		t.text, rest, _ = strings.Cut(phrase, `"`)
		return t, rest
	}
	end := strings.IndexFunc(after, func(r rune) bool { return r == '"' || unicode.IsSpace(r) })
	if end < 0 {
		end = len(after)
	}
	t.text = after[:end]
	return t, after[end:]
}

// words writes the terms for PostgreSQL.
func (all terms) words() string {
	var words []string
	for _, t := range all {
		word := t.text
		if t.quoted {
			word = `"` + word + `"`
		}
		if t.without {
			word = "-" + word
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

// condition is the condition that a text matches all terms, where PostgreSQL does not find every one of them.
func (all terms) condition(ref string) (sql string, values []any) {
	var conditions []string
	var words terms
	for _, t := range all {
		switch {
		case unspaced(t.text):
			var parts []string
			for _, part := range t.parts() {
				parts, values = append(parts, ref+" LIKE ?"), append(values, "%"+pg.EscapeLike(part)+"%")
			}
			condition := strings.Join(parts, " AND ")
			if t.without {
				condition = "NOT (" + condition + ")"
			}
			conditions = append(conditions, condition)
		case strings.ContainsFunc(t.text, isWordSign): // beside words, PostgreSQL ignores punctuation
			words = append(words, t)
		}
	}
	if len(words) > 0 {
		conditions, values = append(conditions, fullText(ref)), append(values, words.words())
	}
	if len(conditions) == 0 { // punctuation alone finds nothing
		return "false", nil
	}
	return strings.Join(conditions, " AND "), values
}

// parts are what a text must contain for a term without spaces: a phrase as it is written, of a word what stands between
// punctuation.
func (t term) parts() []string {
	if t.quoted {
		return []string{strings.TrimSpace(t.text)}
	}
	return strings.FieldsFunc(t.text, func(r rune) bool { return !isWordSign(r) })
}

func isWordSign(r rune) bool { return unicode.In(r, unicode.L, unicode.M, unicode.N) }

// unspaced reports whether the text has letters of a script that writes no spaces between words.
func unspaced(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool {
		return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar) && unicode.IsLetter(r)
	})
}
