// Package value reads the values in the cells of a file: scores, times, numbers, answers of yes or no, and texts that stand for
// a missing value.
//
// It refuses to guess: where a cell can be read in two ways, it says in which ones, and the importer decides by the whole column
// or asks.
package value

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"golang.org/x/text/unicode/norm"

	"github.com/closeloop/closeloop/model"
)

// Clean removes the spaces around a text, no-break spaces too, and characters that cannot be seen, which editors and copied
// pages leave in cells.
func Clean(s string) string {
	if clean(s) {
		return s
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if invisible(r) {
			return -1
		}
		return r
	}, s))
}

// clean reports whether s is plain already, which nearly all cells are.
func clean(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf || s[i] == 0 {
			return false
		}
	}
	return s == "" || !asciiSpace(s[0]) && !asciiSpace(s[len(s)-1])
}

func asciiSpace(b byte) bool { return b == ' ' || '\t' <= b && b <= '\r' }

// invisible reports whether a character at no place of a text is seen or changes another one. The joiners of emoji and of the
// scripts of India and Persia are not among them.
func invisible(r rune) bool {
	return r == 0 || r == '\u200b' || r == '\u2060' || r == '\ufeff' || r == '\u00ad' || r == '\u200e' || r == '\u200f'
}

// DefaultMissing are the texts that mean a missing value, as R, pandas, SQL and spreadsheets write it. They are compared letter
// for letter, because Null and Na are names of people.
var DefaultMissing = []string{"NA", "N/A", "n/a", "n.a.", "NULL", "null", "None", "none", "NaN", "nan", "nil", `\N`, "-", "--", "–", "—",
	"#N/A", "#NULL!", "#VALUE!", "#REF!", "#DIV/0!", "#NAME?", "#NUM!"}

// Missing reports whether a clean text stands for a missing value.
func Missing(s string, list []string) bool { return s == "" || slices.Contains(list, s) }

var (
	plainScore = regexp.MustCompile(`^\+?([0-9]{1,2})([.,]0*)?$`)
	outOfTen   = regexp.MustCompile(`^([0-9]{1,2}) ?(?:/|of|out of|von|de|sur|van) ?10$`)
	labelAfter = regexp.MustCompile(`^[(\[]?([0-9]{1,2})[)\]]?(?: ?[-–—:=] ?|[.)] |\n| ?\()[^0-9]{1,80}$`)
	labelFirst = regexp.MustCompile(`^[^0-9]{0,79}[^0-9+.,–-] ?(?:[-–—:=] |\n|\()([0-9]{1,2})\)?$`)
)

// Score reads a whole number from 0 to 10, alone, with its label ("10 - Extremely likely") or as "9/10".
func Score(s string) (int, error) {
	switch {
	case len(s) == 1 && '0' <= s[0] && s[0] <= '9': // nearly all scores
		return int(s[0] - '0'), nil
	case s == "10":
		return 10, nil
	case !clean(s):
		s = norm.NFKC.String(s) // full-width digits
	}
	for _, form := range []*regexp.Regexp{plainScore, outOfTen, labelAfter, labelFirst} {
		if m := form.FindStringSubmatch(s); m != nil {
			if n, err := strconv.Atoi(m[1]); err == nil && n <= 10 {
				return n, nil
			}
			break
		}
	}
	return 0, fmt.Errorf("%q is not a whole number from 0 to 10", Shorten(s))
}

// Bool reads an answer of yes or no in six languages.
func Bool(s string) (bool, error) {
	switch plain(s) {
	case "true", "yes", "y", "t", "1", "x", "ja", "j", "sim", "si", "oui", "wahr", "verdadeiro", "verdadero", "vrai", "waar", "✓":
		return true, nil
	case "false", "no", "n", "f", "0", "nein", "nao", "non", "nee", "falsch", "falso", "faux", "onwaar":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true, yes, y, t, 1, x nor false, no, n, f, 0", Shorten(s))
}

var plainNumber = regexp.MustCompile(`^(0|1|[01]?\.[0-9]+)$`)

// Likelihood reads a number from 0 to 1.
func Likelihood(s string) (float64, error) {
	if plainNumber.MatchString(s) {
		if v, err := strconv.ParseFloat(s, 64); err == nil && v <= 1 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%q is not a number from 0 to 1, such as 0.8", Shorten(s))
}

// Sign is the sign before the decimals of a number.
type Sign string

const (
	Point Sign = "point"
	Comma Sign = "comma"
)

var (
	currency = regexp.MustCompile(`^(?:[A-Z]{2,3}|R?\p{Sc}|Fr\.|kr) ?|(?: ?(?:[A-Z]{2,3}|\p{Sc}|Fr\.|kr))$`)
	grouped  = regexp.MustCompile(`^[+-]?[1-9][0-9]{0,2}(?:[,.' ’][0-9]{3})+$`)
	oneSign  = regexp.MustCompile(`^[+-]?([0-9]*)([.,])([0-9]*)$`)
)

// bare removes a currency and makes plain spaces of all kinds.
func bare(s string) string {
	if !clean(s) {
		s = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) {
				return ' '
			}
			return r
		}, s)
	}
	if s != "" && '0' <= s[0] && s[0] <= '9' && '0' <= s[len(s)-1] && s[len(s)-1] <= '9' {
		return s
	}
	return strings.TrimSpace(currency.ReplaceAllString(s, ""))
}

// SignOf says which decimal sign a number has. open: the number has one sign before three digits, which can stand between
// thousands or before decimals. Neither: the number has none, or it is none.
func SignOf(s string) (sign Sign, open bool) {
	s = bare(s)
	comma, point := strings.Count(s, ","), strings.Count(s, ".")
	switch {
	case comma+point == 0 || strings.Trim(s, "+-0123456789,.'’ ") != "":
		return "", false
	case comma > 0 && point > 0:
		if strings.LastIndex(s, ",") > strings.LastIndex(s, ".") {
			return Comma, false
		}
		return Point, false
	case comma > 1:
		return Point, false
	case point > 1:
		return Comma, false
	}
	m := oneSign.FindStringSubmatch(s)
	if m != nil && len(m[3]) == 3 && len(m[1]) >= 1 && len(m[1]) <= 3 && m[1] != "0" {
		return "", true
	}
	if comma > 0 {
		return Comma, false
	}
	return Point, false
}

// Decimal reads a number with or without a currency and separators between thousands. The sign is that of the column, for a
// number that does not say its own.
func Decimal(s string, sign Sign) (decimal.Decimal, error) {
	if own, _ := SignOf(s); own != "" {
		sign = own
	}
	fraction, group := ".", ","
	if sign == Comma {
		fraction, group = ",", "."
	}
	n := bare(s)
	whole, rest, _ := strings.Cut(n, fraction)
	if grouped.MatchString(whole) {
		whole = strings.NewReplacer(group, "", "'", "", "’", "", " ", "").Replace(whole)
	}
	if n = whole; rest != "" {
		n += "." + rest
	}
	d, err := model.UnmarshalDecimal(n)
	if err != nil {
		return d, fmt.Errorf("%q is not a number of at most 20 digits and 4 places, such as 1234.50", Shorten(s))
	}
	return d, nil
}

// Drivers separates drivers at ; and |, not at commas, because many drivers contain commas ("friendly, helpful staff").
func Drivers(s string) ([]string, error) {
	var list []string
	for _, d := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '|' }) {
		if d = strings.TrimSpace(d); d != "" && !slices.Contains(list, d) {
			list = append(list, d)
		}
	}
	return list, nil
}

// SplitName splits a full name at its last space. A single word is a last name.
func SplitName(s string) (first, last string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return "", ""
	}
	end := len(words) - 1
	return strings.Join(words[:end], " "), words[end]
}

// Shorten truncates a text for use in a message.
func Shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}
