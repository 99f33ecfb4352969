// Package keyword owns the words of a comment: where they begin and end, which keywords of themes are among them, and
// which words say nothing (stop.go). It is pure.
//
// Words are Unicode's (UAX #29), cut further at whatever is no letter, mark, number or underscore: so "seat's" has the
// word "seat", and "good.Seats" has two. They are compared as all text is (model.Fold). Chinese and Japanese have a
// word for each ideograph, so that a keyword of several is a phrase.
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
	lengthMax = 100 // characters of a keyword
	wordsMax  = 10  // words of a keyword
)

// Words are the words of a text, folded, in their order.
func Words(text string) []string {
	var words []string
	each(text, func(word string, _ bool) { words = append(words, word) })
	return words
}

// each calls with every folded word, and whether a star follows it at once.
func each(text string, do func(word string, star bool)) {
	rest, state := model.Fold(text), -1
	var part string
	for rest != "" {
		part, rest, state = uniseg.FirstWordInString(rest, state)
		for part != "" {
			end := strings.IndexFunc(part, apart)
			if end < 0 {
				end = len(part)
			}
			if end > 0 {
				do(part[:end], end == len(part) && starred(rest))
			}
			if part = part[end:]; part != "" {
				_, size := utf8.DecodeRuneInString(part)
				part = part[size:]
			}
		}
	}
}

// starred tells whether a star comes next, and no word right after it.
func starred(rest string) bool {
	after, star := strings.CutPrefix(rest, "*")
	next, _ := utf8.DecodeRuneInString(after)
	return star && (after == "" || apart(next))
}

// apart tells what stands between words.
func apart(r rune) bool { return !unicode.In(r, unicode.L, unicode.M, unicode.N) && r != '_' }

// pattern is a keyword ready to be looked for: words that follow each other.
type pattern []word

type word struct {
	text   string
	prefix bool // any word that begins with it
}

func (w word) is(have string) bool {
	return have == w.text || w.prefix && strings.HasPrefix(have, w.text)
}

// Check tells what is wrong with a keyword, in words for whoever wrote it; nil where nothing is.
func Check(keyword string) error {
	_, err := parse(keyword)
	return err
}

func parse(keyword string) (pattern, error) {
	if utf8.RuneCountInString(keyword) > lengthMax {
		return nil, fmt.Errorf("a keyword has %d characters at most", lengthMax)
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
		return nil, errors.New("a keyword has a word")
	case len(p) > wordsMax:
		return nil, fmt.Errorf("a keyword has %d words at most", wordsMax)
	case strings.Count(keyword, "*") > stars:
		return nil, errors.New("a * stands at the end of a word: it stands for any ending")
	}
	return p, nil
}

// Set is the keywords of several themes, ready to be looked for at once.
type Set struct {
	themes   []model.ThemeID
	whole    map[string][]entry // by the first word
	prefixes []entry            // whose first word is a prefix
}

type entry struct {
	theme int
	pattern
}

// Compile reads the keywords of themes, once for all the comments that they are looked for in.
func Compile(themes []*model.Theme) (*Set, error) {
	s := &Set{whole: map[string][]entry{}}
	for i, t := range themes {
		s.themes = append(s.themes, t.ID)
		for _, k := range t.Keywords {
			p, err := parse(k)
			if err != nil {
				return nil, fmt.Errorf("read the keyword %q of theme %s: %w", k, t.ID, err)
			}
			if e := (entry{i, p}); p[0].prefix {
				s.prefixes = append(s.prefixes, e)
			} else {
				s.whole[p[0].text] = append(s.whole[p[0].text], e)
			}
		}
	}
	return s, nil
}

// Match gives the themes that have a keyword in the text, in the order they were compiled in.
func (s *Set) Match(text string) []model.ThemeID {
	if len(s.whole)+len(s.prefixes) == 0 {
		return nil
	}
	words := Words(text)
	found := make([]bool, len(s.themes))
	for i, w := range words {
		for _, list := range [][]entry{s.whole[w], s.prefixes} {
			for _, e := range list {
				found[e.theme] = found[e.theme] || e.begins(words[i:])
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

func (p pattern) begins(words []string) bool {
	if len(p) > len(words) {
		return false
	}
	for i, w := range p {
		if !w.is(words[i]) {
			return false
		}
	}
	return true
}
