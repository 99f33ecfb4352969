package model

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold defines 'the same text' for the whole program: NFC, then Unicode's full case folding, then typographic punctuation
// in its plain form (plain), then NFC again, because folding can decompose a letter. Accents count. PostgreSQL's lower() is
// never used, because it differs from Go's folding in up to 1,407 code points; writers store the folded text beside the
// text instead. The folded text is at most three times as long.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return foldFrom(s, i)
		}
	}
	return s
}

// foldFrom folds a text that needs it from a place on.
func foldFrom(s string, from int) string {
	for _, r := range s[from:] {
		if r < 0x80 {
			continue
		}
		if _, typographic := plain(r); !typographic {
			return norm.NFC.String(replace(cases.Fold().String(norm.NFC.String(s))))
		}
	}
	return foldSimple(s)
}

// foldSimple folds a text of ASCII and typographic punctuation, which most texts are, without Unicode's tables.
func foldSimple(s string) string {
	b := make([]byte, 0, len(s)+len(s)/8)
	for i, r := range s {
		switch {
		case r >= 0x80:
			p, _ := plain(r)
			b = append(b, p...)
		case 'A' <= r && r <= 'Z':
			b = append(b, s[i]+'a'-'A')
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

// replace writes plain punctuation in a text whose case is folded, and corrects the folding of Cherokee.
func replace(s string) string {
	var b strings.Builder
	done := 0
	for i, r := range s {
		if r < 0x80 {
			continue
		}
		with, typographic := plain(r)
		if !typographic {
			fixed := fixCherokee(r)
			if fixed == r {
				continue
			}
			with = string(fixed)
		}
		b.WriteString(s[done:i])
		b.WriteString(with)
		done = i + utf8.RuneLen(r)
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

// fixCherokee corrects cases.Fold, which swaps the cases of the Cherokee letters (golang/go#46101): in Unicode their upper
// case is the folded form.
func fixCherokee(r rune) rune {
	switch {
	case 0xAB70 <= r && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case 0x13F8 <= r && r <= 0x13FD:
		return r - 0x13F8 + 0x13F0
	}
	return r
}

// FoldPointer folds a text that may be nil; nil stays nil.
func FoldPointer(s *string) *string {
	if s == nil {
		return nil
	}
	folded := Fold(*s)
	return &folded
}
