package model_test

import (
	"testing"
	"unicode"
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
			{"a'b", "ab"}, {"a-b", "ab"}, {"a-b", "a b"}, {"'", `"`}, {"'", "`"}, {"a,b", "a\u201Ab"}, {"a\nb", "a b"}, {"l", "1"}, {"а", "a"},
		} {
			if model.Fold(c[0]) == model.Fold(c[1]) {
				t.Errorf("%q and %q are folded to one %+q", c[0], c[1], model.Fold(c[0]))
			}
		}
	})

	t.Run("writes typographic punctuation in its plain form", func(t *testing.T) {
		t.Parallel()
		for _, c := range []struct{ plain, typographic string }{
			{"'", "\u2018\u2019\u201A\u201B\u2039\u203A\u2032\u2035\u02B9\u0374\u02BB\u02BC\u02BD\u055A\u05F3\u00B4\u1FFD\u275B\u275C\uFF07"},
			{`"`, "\u201C\u201D\u201E\u201F\u00AB\u00BB\u301D\u301E\u301F\u275D\u275E\u2033\u2036\u02BA\u02EE\u05F4\uFF02"},
			{"-", "\u2010\u2011\u2012\u2013\u2014\u2015\u2043\u2212\u02D7\u05BE\u2E3A\u2E3B\uFE58\uFE63\uFF0D"},
			{" ", "\u00A0\u1680\u2000\u2001\u2002\u2003\u2009\u200A\u2028\u2029\u202F\u205F\u3000"},
			{"...", "\u2026"}, {"'''", "\u2034\u2037"}, {"''''", "\u2057"},
			{"", "\u00AD\u034F\u061C\u180E\u200B\u200C\u200D\u200E\u200F\u202A\u202E\u2060\u2064\u2066\u2069\uFE0E\uFE0F\uFEFF\U000E0100"},
		} {
			for _, r := range c.typographic {
				for _, around := range [][2]string{{"", ""}, {"can", "t"}, {"CAN", "T"}, {"é", "É"}, {"ᏼ", "ꮤ"}, {"東", "京"}} { // with and without Unicode's tables
					if got, want := model.Fold(around[0]+string(r)+around[1]), model.Fold(around[0]+c.plain+around[1]); got != want {
						t.Errorf("%q%U%q is folded to %+q, want %+q", around[0], r, around[1], got, want)
					}
				}
			}
		}
		for r := rune(0); r <= unicode.MaxRune; r++ { // all spaces of Unicode, not only those above
			if unicode.Is(unicode.Zs, r) && model.Fold(string(r)) != " " {
				t.Errorf("%U is folded to %+q", r, model.Fold(string(r)))
			}
		}
		if got := model.Fold("E\u00AD\u0301tat"); got != "état" { // what is left joins
			t.Errorf("folded to %+q", got)
		}
		if got := model.Fold("\u0149"); got != "'n" { // one letter, of which the apostrophe is a part
			t.Errorf("ŉ is folded to %+q", got)
		}
	})

	t.Run("keeps letters, digits and plain punctuation", func(t *testing.T) {
		t.Parallel()
		for _, s := range []string{
			"\t\n\r !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~0123456789", "\u064A\u05D9\u30FC\u30FB\u3001\u3002\u300C\u300D\u301C\u00B7\u00BF\u00A1\u2022",
			"\u02BE\u02BF\uA78C\u06D4\u0E33\u0E01\u0E48\u1780\u17D2", "\U0001F3F4\U000E0067\U000E0062\U000E007F",
		} {
			if got := model.Fold(s); got != s {
				t.Errorf("%+q is folded to %+q", s, got)
			}
		}
	})

	// A folded text is folded again where it is compared: that must not change it.
	t.Run("changes no folded character", func(t *testing.T) {
		t.Parallel()
		for r := rune(0); r <= 0xEFFFF; r++ { // the planes after it are private
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
	for _, s := range []string{"Café", "ὈΔΥΣΣΕΎΣ", "STRAẞE", "İI", "a\u0345\u0301", "\u1E9B\u0323", "ACME", "Can’t", "e\u00AD\u0301", "«É…»", "\u0345\u034F\u0301"} {
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
		if len(folded) > 3*len(s) {
			t.Errorf("%+q is folded to %+q, which is more than three times as long", s, folded)
		}
	})
}
