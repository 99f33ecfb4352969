package model

import (
	"strings"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Fold is the one definition of 'the same text without regard to case': NFC, then Unicode's full case folding,
// then NFC again, because folding can take a letter apart. Accents count. PostgreSQL's lower() is never asked: it
// differs from Go's by up to 1,407 code points, so writers store what Fold says beside the text.
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
	return norm.NFC.String(strings.Map(cherokee, cases.Fold().String(norm.NFC.String(s))))
}

// cherokee mends what cases.Fold gets wrong (golang/go#46101): it swaps the cases of these letters. In Unicode the
// upper one is the folded one.
func cherokee(r rune) rune {
	switch {
	case 0xAB70 <= r && r <= 0xABBF:
		return r - 0xAB70 + 0x13A0
	case 0x13F8 <= r && r <= 0x13FD:
		return r - 0x13F8 + 0x13F0
	}
	return r
}

// FoldPointer folds a text that may be missing.
func FoldPointer(s *string) *string {
	if s == nil {
		return nil
	}
	folded := Fold(*s)
	return &folded
}
