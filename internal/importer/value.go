package importer

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/shopspring/decimal"

	"github.com/closeloop/closeloop/model"
)

// The functions below read a cell without the spaces around it, and never an empty cell. Users see their errors unchanged.

func readText(s string) (string, error) { return s, nil }

var wholeNumber = regexp.MustCompile(`^[0-9]{1,2}(\.0+)?$`)

// readScore accepts 7 and also 7.0, because spreadsheets and data frames write whole numbers in that form.
func readScore(s string) (int, error) {
	if wholeNumber.MatchString(s) {
		digits, _, _ := strings.Cut(s, ".")
		if n, err := strconv.Atoi(digits); err == nil && n <= 10 {
			return n, nil
		}
	}
	return 0, fmt.Errorf("%q is not a whole number from 0 to 10", shorten(s))
}

func readBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "yes", "y", "t", "1", "x":
		return true, nil
	case "false", "no", "n", "f", "0":
		return false, nil
	}
	return false, fmt.Errorf("%q is neither true, yes, y, t, 1, x nor false, no, n, f, 0", shorten(s))
}

var plainNumber = regexp.MustCompile(`^(0|1|[01]?\.[0-9]+)$`)

func readLikelihood(s string) (float64, error) {
	if plainNumber.MatchString(s) {
		if v, err := strconv.ParseFloat(s, 64); err == nil && v <= 1 {
			return v, nil
		}
	}
	return 0, fmt.Errorf("%q is not a number from 0 to 1, such as 0.8", shorten(s))
}

// readDecimal refuses thousands separators: 1.234 and 1,234 mean more than a thousand to some readers and a little over one
// to others.
func readDecimal(s string) (decimal.Decimal, error) {
	if strings.ContainsAny(s, ",'’\u00a0\u202f ") {
		return decimal.Decimal{}, fmt.Errorf("%q has a thousands separator or a decimal comma; write 1234.50", shorten(s))
	}
	return model.UnmarshalDecimal(s)
}

func readEmail(s string) (string, error) { return model.UnmarshalEmailAddress(s) }

// readDrivers separates drivers at ; and |, not at commas, because many drivers contain commas ("friendly, helpful staff").
func readDrivers(s string) ([]string, error) {
	var list []string
	seen := map[string]bool{}
	for _, d := range strings.FieldsFunc(s, func(r rune) bool { return r == ';' || r == '|' }) {
		if d = strings.TrimSpace(d); d != "" && !seen[d] {
			seen[d] = true
			list = append(list, d)
		}
	}
	return list, nil
}

// splitName splits a full name at its last space. A single word is a last name.
func splitName(s string) (first, last string) {
	words := strings.Fields(s)
	if len(words) == 0 {
		return "", ""
	}
	end := len(words) - 1
	return strings.Join(words[:end], " "), words[end]
}

// shorten truncates a text for use in a message.
func shorten(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most]) + "…"
}

// counted writes a number with its noun, such as 1 row and 1,257 rows.
func counted(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes a number with commas between groups of three digits.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
