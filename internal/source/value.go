package source

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"
	"github.com/tidwall/gjson"

	"github.com/closeloop/closeloop/model"
)

// The functions below understand one value. Their errors say what kind of value was found, and never the value itself,
// because errors go to logs of tools.

// unwanted says what was found instead of what is wanted.
func unwanted(v gjson.Result, wanted string) error {
	found := "an object"
	switch {
	case v.Type == gjson.String:
		found = fmt.Sprintf("a text of %d characters", len([]rune(v.Str)))
	case v.Type == gjson.Number:
		found = "a number"
	case v.IsBool():
		found = "true or false"
	}
	return fmt.Errorf("%s was found where %s is wanted", found, wanted)
}

// asText takes numbers too: ids often are.
func asText(v gjson.Result) (s, shown string, err error) {
	switch v.Type {
	case gjson.String:
		s = strings.TrimSpace(v.Str)
	case gjson.Number:
		s = v.Raw
	case gjson.True, gjson.False:
		s = v.String()
	default:
		return "", "", unwanted(v, "a text")
	}
	return s, s, nil
}

// labelled is a score with its label, as choices have it: "10 - Extremely likely", "0 (not at all)". A range such as 9-10 is none.
var labelled = regexp.MustCompile(`^(\d{1,2})(?:\.0+)?(?:\s*[-–—:(=]\s*[^\d\s].*|\s+\pL.*)?$`)

func score(v gjson.Result) (n int, shown string, err error) {
	const wanted = "a score, a whole number from 0 to 10,"
	switch v.Type {
	case gjson.Number:
		if v.Num != math.Trunc(v.Num) || v.Num < 0 || v.Num > 10 {
			return 0, "", unwanted(v, wanted)
		}
		n = int(v.Num)
	case gjson.String:
		m := labelled.FindStringSubmatch(strings.TrimSpace(v.Str))
		if m == nil {
			return 0, "", unwanted(v, wanted)
		}
		if n, _ = strconv.Atoi(m[1]); n > 10 { // two digits always are a number
			return 0, "", unwanted(v, wanted)
		}
	default:
		return 0, "", unwanted(v, wanted)
	}
	return n, strconv.Itoa(n), nil
}

// timestamp is a time of its own type, so that one knows it by its type.
type timestamp struct{ time.Time }

// millis is the number from which a Unix time counts milliseconds: in seconds it would be the year 5138.
const millis = 100_000_000_000

// moment takes times of RFC 3339, whose offset may lack its colon, and Unix times.
func moment(v gjson.Result) (t timestamp, shown string, err error) {
	const wanted = "a time of RFC 3339, such as 2026-03-01T09:30:00Z, or a Unix time"
	s := strings.TrimSpace(v.String())
	switch v.Type {
	case gjson.Number, gjson.String:
		if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 && n < millis*1000 {
			if t.Time = time.Unix(n, 0); n >= millis {
				t.Time = time.UnixMilli(n)
			}
			break
		}
		for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999Z0700"} {
			if t.Time, err = time.Parse(layout, s); err == nil {
				break
			}
		}
		if err != nil || t.Year() < 1 || t.Year() > 9999 {
			return t, "", unwanted(v, wanted)
		}
	default:
		return t, "", unwanted(v, wanted)
	}
	t.Time = t.UTC()
	return t, t.Format(time.RFC3339Nano), nil
}

func truth(v gjson.Result) (b bool, shown string, err error) {
	if v.IsObject() {
		return false, "", unwanted(v, "true or false")
	}
	switch strings.ToLower(strings.TrimSpace(v.String())) {
	case "true", "yes", "y", "1", "on":
		return true, "true", nil
	case "false", "no", "n", "0", "off":
		return false, "false", nil
	}
	return false, "", unwanted(v, "true or false")
}

func fraction(v gjson.Result) (f float64, shown string, err error) {
	s := strings.TrimSpace(v.String())
	if f, err = strconv.ParseFloat(s, 64); err != nil || v.IsBool() || v.IsObject() {
		return 0, "", unwanted(v, "a number from 0 to 1")
	}
	return f, s, nil
}

func amount(v gjson.Result) (d decimal.Decimal, shown string, err error) {
	if d, err = model.UnmarshalDecimal(strings.TrimSpace(v.String())); err != nil || v.IsBool() || v.IsObject() {
		return d, "", unwanted(v, "a decimal number such as 1234.50")
	}
	return d, d.String(), nil
}
