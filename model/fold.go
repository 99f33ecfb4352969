package model

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold defines 'the same text without regard to case' for the whole program: NFC, then Unicode's full case folding, then
// NFC again, because folding can decompose a letter. Accents count. PostgreSQL's lower() is never used, because it
// differs from Go's folding in up to 1,407 code points; writers store the folded text beside the text instead.
func Fold(s string) string {
	ascii := true
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x80 || ('A' <= c && c <= 'Z') {
			ascii = false
			break
		}
	}
	if ascii {
		return s
	}
	return norm.NFC.String(strings.Map(fixCherokee, cases.Fold().String(norm.NFC.String(s))))
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
