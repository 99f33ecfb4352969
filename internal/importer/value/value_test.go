package value

import (
	"slices"
	"testing"

	"github.com/closeloop/closeloop/model"
)

func TestScore(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"0": 0, "7": 7, "10": 10, "10.0": 10, "7.000": 7, "09": 9, "9,0": 9, "10.": 10, "+9": 9, "９": 9, "１０": 10, "9/10": 9, "9 / 10": 9, "8 out of 10": 8, "10 von 10": 10,
		"10 - Extremely likely": 10, "0 - Not at all likely": 0, "Not at all likely - 0": 0, "9: good": 9, "10 (best)": 10, "Promoter (9)": 9, "(9) very": 9, "9\nvery": 9, "10 – sehr": 10,
		"4.5": -1, "11": -1, "abc": -1, "-1": -1, "likely -1": -1, "10.01": -1, "1e1": -1, "0x7": -1, "99": -1, "100": -1, ".7": -1, "NaN": -1, "½": -1, "4/5": -1, "7th": -1,
		"★★★★★": -1, "5 stars": -1, "I'd give it 3": -1, "2 - 3 times": -1, "": -1, "11 - more": -1,
	} {
		got, err := Score(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q is read as %d, the error %v; want %d", text, got, err, want)
		}
	}
}

func TestBool(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"true": true, "TRUE": true, "Yes": true, "y": true, "1": true, "x": true, "Ja": true, "Sim": true, "Sí": true, "oui": true, "WAHR": true,
		"false": false, "No": false, "n": false, "0": false, "Nein": false, "não": false, "non": false, "nee": false, "FALSCH": false,
	} {
		if got, err := Bool(text); err != nil || got != want {
			t.Errorf("%q is read as %v, the error %v", text, got, err)
		}
	}
	for _, text := range []string{"2", "maybe", "1.0", "on", ""} {
		if _, err := Bool(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestLikelihood(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]float64{"0": 0, "1": 1, "0.25": 0.25, ".5": 0.5, "1.0": 1, "0.0": 0} {
		if got, err := Likelihood(text); err != nil || got != want {
			t.Errorf("%q is read as %v, the error %v", text, got, err)
		}
	}
	for _, text := range []string{"1.01", "-0.1", "80%", "80", "NaN", "Inf", "1e-1", "0x1p-2", "0_1", ""} {
		if _, err := Likelihood(text); err == nil {
			t.Errorf("%q is read", text)
		}
	}
}

func TestDecimal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		sign  Sign
		open  bool
		comma string // read where the column's sign is a comma
		point string
	}{
		"1234.50": {Point, false, "1234.5", "1234.5"}, "0": {"", false, "0", "0"}, "-12.3456": {Point, false, "-12.3456", "-12.3456"}, "1,234.50": {Point, false, "1234.5", "1234.5"},
		"1.234,50": {Comma, false, "1234.5", "1234.5"}, "99,00": {Comma, false, "99", "99"}, "1,234": {"", true, "1.234", "1234"}, "1.234": {"", true, "1234", "1.234"},
		"1.234.567": {Comma, false, "1234567", "1234567"}, "1,234,567": {Point, false, "1234567", "1234567"}, "1 234,5": {Comma, false, "1234.5", "1234.5"},
		"1\u00a0234": {"", false, "1234", "1234"}, "1'234.50": {Point, false, "1234.5", "1234.5"}, "0.123": {Point, false, "0.123", "0.123"}, "1234.567": {Point, false, "1234.567", "1234.567"},
		"€5": {"", false, "5", "5"}, "5 €": {"", false, "5", "5"}, "R$ 1.234,00": {Comma, false, "1234", "1234"}, "USD 12": {"", false, "12", "12"}, "12 EUR": {"", false, "12", "12"},
		"99999999999999999999": {"", false, "99999999999999999999", "99999999999999999999"},
		"1.23456":              {Point, false, "", ""}, "abc": {"", false, "", ""}, "1e3": {"", false, "", ""}, "1.2.3": {Comma, false, "", ""}, "12,34,56": {Point, false, "", ""}, "5 %": {"", false, "", ""},
		"1234567890123456789012": {"", false, "", ""}, "1 2": {"", false, "", ""}, "": {"", false, "", ""},
	} {
		if sign, open := SignOf(text); sign != want.sign || open != want.open {
			t.Errorf("%q has the sign %q, open %v; want %q, %v", text, sign, open, want.sign, want.open)
		}
		for sign, number := range map[Sign]string{Comma: want.comma, Point: want.point} {
			got, err := Decimal(text, sign)
			if (err == nil) != (number != "") || err == nil && got.String() != number {
				t.Errorf("%q with a %s is read as %v, the error %v; want %q", text, sign, got, err, number)
			}
		}
	}
}

func TestMissing(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "NA": true, "n/a": true, "-": true, "none": true, "None": true, "#N/A": true, "NULL": true,
		"Na": false, "Null": false, "No": false, "nothing": false, "--- ": false, "0": false} {
		if got := Missing(text, DefaultMissing); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
	if Missing("NA", []string{"nix"}) || !Missing("nix", []string{"nix"}) || !Missing("", nil) {
		t.Error("the caller's list is not the list")
	}
}

func TestClean(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{" a ": "a", "a\u200b": "a", "\u00a0a\u00a0": "a", "a\u00adb": "ab", "\ufeffa": "a", "a\x00": "a", "👩\u200d🚒": "👩\u200d🚒", "a b": "a b", "": ""} {
		if got := Clean(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func TestSplitName(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][2]string{"Ann Lee": {"Ann", "Lee"}, "Ann  Marie\u00a0Lee ": {"Ann Marie", "Lee"}, "Cher": {"", "Cher"}, "": {"", ""}} {
		if first, last := SplitName(text); first != want[0] || last != want[1] {
			t.Errorf("%q is %q, %q", text, first, last)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, seed := range []string{"10 - Extremely likely", "1.234,50 €", "R$ 5", "９", "9/10", "a;b|a", "\xff", "1'2", ",.", "+", "(9", "-,5"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		clean := Clean(text)
		if Clean(clean) != clean {
			t.Fatalf("%q is cleaned twice", text)
		}
		if n, err := Score(clean); err == nil && (n < 0 || n > 10) {
			t.Fatalf("%q is the score %d", text, n)
		}
		sign, open := SignOf(clean)
		if open && sign != "" {
			t.Fatalf("%q has a sign and has not", text)
		}
		comma, ofComma := Decimal(clean, Comma)
		point, ofPoint := Decimal(clean, Point)
		if !open && ofComma == nil && ofPoint == nil && !comma.Equal(point) {
			t.Fatalf("%q is %v and %v, and is not asked for", text, comma, point)
		}
		if ofPoint == nil {
			if _, err := model.UnmarshalDecimal(point.String()); err != nil {
				t.Fatalf("%q is %v, which cannot be stored", text, point)
			}
		}
		if list, _ := Drivers(clean); slices.Contains(list, "") {
			t.Fatalf("%q has an empty driver", text)
		}
	})
}
