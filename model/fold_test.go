package model_test

import (
	"testing"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/closeloop/closeloop/model"
)

func TestFold(t *testing.T) {
	t.Parallel()
	t.Run("ignores case", func(t *testing.T) {
		t.Parallel()
		for _, same := range [][]string{
			{"acme", "ACME", "Acme"},
			{"straße", "STRASSE", "Strasse", "STRAẞE"},
			{"ὀδυσσεύς", "ὈΔΥΣΣΕΎΣ", "ὀδυσσεύσ"}, // the final sigma too
			{"café", "CAFÉ", "cafe\u0301", "CAFE\u0301"},
			{"Å", "\u212B", "a\u030A", "å"}, // the sign of the ångström
			{"ﬁn", "FIN"},
			{"i̇zmi̇r", "İZMİR"},
			{"ᏔᎳ", "ꮤꮃ"}, // Cherokee folds to its upper case
			{"Ᏼ", "ᏼ"},
			{"ᾳ", "ΑΙ", "αι"},
			{"москва", "МОСКВА"},
			{"", ""},
		} {
			for _, s := range same[1:] {
				if model.Fold(s) != model.Fold(same[0]) {
					t.Errorf("%q is folded to %+q, and %q to %+q", s, model.Fold(s), same[0], model.Fold(same[0]))
				}
			}
		}
	})

	t.Run("keeps all other differences", func(t *testing.T) {
		t.Parallel()
		for _, c := range [][2]string{
			{"cafe", "café"}, {"ılık", "ILIK"}, {"ı", "i"}, {"İ", "I"}, {"a", "ä"}, {"a b", "ab"}, {"a", "a "}, {"1", "１"}, {"o", "ø"},
		} {
			if model.Fold(c[0]) == model.Fold(c[1]) {
				t.Errorf("%q and %q are folded to one %+q", c[0], c[1], model.Fold(c[0]))
			}
		}
	})

	// A folded text is folded again where it is compared: that must not change it.
	t.Run("changes no folded character", func(t *testing.T) {
		t.Parallel()
		for r := rune(0); r <= 0x1FFFF; r++ { // the last letters with case are in the first two planes
			if !utf8.ValidRune(r) {
				continue
			}
			s := string(r)
			once := model.Fold(s)
			if twice := model.Fold(once); twice != once {
				t.Errorf("%U is folded to %+q, and that to %+q", r, once, twice)
			}
			if apart := model.Fold(norm.NFD.String(s)); apart != once {
				t.Errorf("%U is folded to %+q, taken apart to %+q", r, once, apart)
			}
		}
	})
}

func TestFoldPointer(t *testing.T) {
	t.Parallel()
	if got := model.FoldPointer(nil); got != nil {
		t.Errorf("folded to %q", *got)
	}
	given := "Acme"
	if got := model.FoldPointer(&given); *got != "acme" || given != "Acme" {
		t.Errorf("folded to %q, the given is %q", *got, given)
	}
}

func FuzzFold(f *testing.F) {
	for _, s := range []string{"Café", "ὈΔΥΣΣΕΎΣ", "STRAẞE", "İI", "a\u0345\u0301", "\u1E9B\u0323", "ACME"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !utf8.ValidString(s) {
			return // none that is stored
		}
		folded := model.Fold(s)
		if c, d := model.Fold(norm.NFC.String(s)), model.Fold(norm.NFD.String(s)); c != folded || d != folded {
			t.Errorf("%+q is folded to %+q, composed to %+q, taken apart to %+q", s, folded, c, d)
		}
		if !norm.NFC.IsNormalString(folded) {
			t.Errorf("%+q is folded to %+q, which is not composed", s, folded)
		}
	})
}
