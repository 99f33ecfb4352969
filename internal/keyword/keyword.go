// Package keyword owns the words of a comment: where a word begins and ends, which keywords of themes the comment
// contains, and which words carry no meaning of their own (stop.go). It is pure: it reads no database, and it refuses
// to decide what a match causes.
//
// Words are those of Unicode (UAX #29), split further at every character that is no letter, mark, number or
// underscore: "seat's" contains the word "seat", and "good.Seats" contains two words. Words are compared in folded form
// (model.Fold), as all text is. In Chinese and Japanese each ideograph is a word, so a keyword of several is a phrase.
package keyword

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/closeloop/closeloop/model"
)

const (
	lengthMax = 100 // characters in a keyword
	wordsMax  = 10  // words in a keyword
)

// Words returns the folded words of a text, in order.
func Words(text string) []string {
	var words []string
	each(text, func(word string, _ bool) { words = append(words, word) })
	return words
}

// each calls do for every folded word; star reports whether a star follows the word directly.
func each(text string, do func(word string, star bool)) {
	rest, state := model.Fold(text), -1
	var part string
	for rest != "" {
		part, rest, state = uniseg.FirstWordInString(rest, state)
		for part != "" {
			end := strings.IndexFunc(part, isSeparator)
			if end < 0 {
				end = len(part)
			}
			if end > 0 {
				do(part[:end], end == len(part) && startsWithStar(rest))
			}
			if part = part[end:]; part != "" {
				_, size := utf8.DecodeRuneInString(part)
				part = part[size:]
			}
		}
	}
}

// startsWithStar reports whether rest begins with a star that no word follows directly.
func startsWithStar(rest string) bool {
	after, star := strings.CutPrefix(rest, "*")
	next, _ := utf8.DecodeRuneInString(after)
	return star && (after == "" || isSeparator(next))
}

// isSeparator reports whether r separates words.
func isSeparator(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != '_' }

// pattern is a parsed keyword: words that follow each other.
type pattern []word

type word struct {
	text   string
	prefix bool // the word matches every word that begins with text
}

func (w word) matches(other string) bool {
	return other == w.text || w.prefix && strings.HasPrefix(other, w.text)
}

// Check returns nil for a valid keyword; otherwise an error whose text tells the keyword's author what to change.
func Check(keyword string) error {
	_, err := parse(keyword)
	return err
}

func parse(keyword string) (pattern, error) {
	if utf8.RuneCountInString(keyword) > lengthMax {
		return nil, fmt.Errorf("a keyword may have at most %d characters", lengthMax)
	}
	var p pattern
	stars := 0
	each(keyword, func(text string, star bool) {
		p = append(p, word{text, star})
		if star {
			stars++
		}
	})
	switch {
	case len(p) == 0:
		return nil, errors.New("a keyword needs at least one word")
	case len(p) > wordsMax:
		return nil, fmt.Errorf("a keyword may have at most %d words", wordsMax)
	case strings.Count(keyword, "*") > stars:
		return nil, errors.New("* is allowed only at the end of a word, where it matches any ending")
	}
	return p, nil
}

// Set holds the parsed keywords of several themes, so that one pass over a text finds all of them.
type Set struct {
	themes      []model.ThemeID
	byFirstWord map[string][]themePattern
	prefixes    []themePattern // the patterns whose first word is a prefix
}

type themePattern struct {
	theme int // index into Set.themes
	pattern
}

// Compile parses the keywords of the themes. A caller compiles once and matches many comments.
func Compile(themes []*model.Theme) (*Set, error) {
	s := &Set{byFirstWord: map[string][]themePattern{}}
	for i, t := range themes {
		s.themes = append(s.themes, t.ID)
		for _, k := range t.Keywords {
			p, err := parse(k)
			if err != nil {
				return nil, fmt.Errorf("parse the keyword %q of theme %s: %w", k, t.ID, err)
			}
			if tp := (themePattern{i, p}); p[0].prefix {
				s.prefixes = append(s.prefixes, tp)
			} else {
				s.byFirstWord[p[0].text] = append(s.byFirstWord[p[0].text], tp)
			}
		}
	}
	return s, nil
}

// Match returns the themes that have a keyword in the text, in the order in which Compile received them.
func (s *Set) Match(text string) []model.ThemeID {
	if len(s.byFirstWord)+len(s.prefixes) == 0 {
		return nil
	}
	words := Words(text)
	found := make([]bool, len(s.themes))
	for i, w := range words {
		for _, patterns := range [][]themePattern{s.byFirstWord[w], s.prefixes} {
			for _, tp := range patterns {
				found[tp.theme] = found[tp.theme] || tp.matchesStart(words[i:])
			}
		}
	}
	var ids []model.ThemeID
	for i, yes := range found {
		if yes {
			ids = append(ids, s.themes[i])
		}
	}
	return ids
}

// matchesStart reports whether words begins with the pattern.
func (p pattern) matchesStart(words []string) bool {
	if len(p) > len(words) {
		return false
	}
	for i, w := range p {
		if !w.matches(words[i]) {
			return false
		}
	}
	return true
}
