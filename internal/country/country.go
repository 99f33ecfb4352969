// Package country owns the names of countries: it turns an ISO 3166-1 code or a name in one of the languages of Unicode's CLDR
// into the alpha-2 code that the database stores.
//
// It refuses to guess: a name must match an entry of its table letter for letter, apart from case, accents and
// punctuation. A wrong country would route a case to the wrong people without notice; an unknown country is reported.
package country

import (
	"strings"
	"sync"
	"unicode"

	"github.com/biter777/countries"
	"golang.org/x/text/unicode/norm"
)

// nameMax limits the bytes that Parse reads. The longest known name has fewer than 70 bytes, so a longer text cannot be
// a name.
const nameMax = 100

// Parse returns the ISO 3166-1 alpha-2 code, in upper case, for
//
//   - an alpha-2 or alpha-3 code in any case, with optional spaces around the code. So "NA" is Namibia, not 'not
//     available', and "no" is Norway; Parse refuses "N/A", "None" and "n.a.";
//   - an English name, common or official, or a usual short form ("USA", "UK", "UAE"), in any case, with or without
//     accents, dots and 'the'. 'And' may be written as &, 'Saint' as St, and the name may be inverted at a comma or
//     bracket as lists do ("Korea, Republic of");
//   - the name in another language, as Unicode's CLDR has it ("Deutschland", "Brasil", "日本"), unless two countries share it.
//
// The countries are the current entries of ISO 3166-1, and Kosovo as XK, a code that ISO leaves free for users.
// England, Scotland, Wales and Northern Ireland are GB. Parse refuses names that several countries share ("Korea",
// "Virgin Islands") and names of former countries ("Yugoslavia").
func Parse(s string) (code string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > nameMax {
		return "", false
	}
	t := known()
	if code, ok := t.codes[strings.ToUpper(s)]; ok {
		return code, true
	}
	direct, inverted, ok := keys(s)
	if !ok {
		return "", false
	}
	if code, ok = t.names[direct]; !ok && inverted != "" {
		code, ok = t.names[inverted]
	}
	if !ok {
		code = inLanguages()[direct]
	}
	return code, code != ""
}

// Name returns the English name for an alpha-2 code, or the code itself when the code is unknown.
func Name(code string) string {
	if name, ok := known().english[code]; ok {
		return name
	}
	return code
}

type table struct {
	codes   map[string]string // alpha-2 and alpha-3, upper case
	names   map[string]string // alpha-2 code by key
	english map[string]string // English name by alpha-2 code
}

// known builds the table at the first call, so a command that reads no country does not pay for the table.
var known = sync.OnceValue(func() *table {
	t := &table{codes: map[string]string{}, names: map[string]string{}, english: map[string]string{}}
	for _, c := range countries.All() {
		code := c.Alpha2()
		if former(c) {
			continue
		}
		t.codes[code], t.codes[c.Alpha3()] = code, code
		name := c.String()
		t.english[code] = name
		t.add(name, code)
		if head, _, found := strings.Cut(name, " ("); found && strings.HasSuffix(name, ")") {
			t.add(head, code) // "Iran (Islamic Republic of)" is also "Iran"
		}
		for _, name := range strings.Split(extraNames[code], "|") {
			t.add(name, code)
		}
	}
	return t
})

// former reports whether ISO 3166-1 has withdrawn the library's entry. The Netherlands Antilles and Yugoslavia split
// into several countries, so their names do not say which of the successors is meant.
func former(c countries.CountryCode) bool { return c == countries.ANT || c == countries.YUG }

// add enters a name under both of its keys. A test asserts that no two countries share a key.
func (t *table) add(name, code string) {
	direct, inverted, _ := keys(name)
	for _, k := range []string{direct, inverted} {
		if k != "" {
			t.names[k] = code
		}
	}
}

// keys reduces a name to the form that Parse compares: lower-case words without accents and without 'the'. inverted is
// the name inverted at its first comma or bracket, or empty. ok is false when s holds a character that no name has.
func keys(s string) (direct, inverted string, ok bool) {
	var b strings.Builder
	cut := -1
	// NFKD separates accents from their letters and turns a no-break space into a plain space.
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.IsLetter(r), unicode.Is(unicode.Mc, r): // vowel signs of India's scripts are marks with a width
			b.WriteRune(unicode.ToLower(r))
		case unicode.Is(unicode.Mn, r), unicode.Is(unicode.Cf, r), r == '.':
		case r == '&':
			b.WriteString(" and ")
		case r == ',', r == '(', r == '[':
			if cut < 0 {
				cut = b.Len()
			}
			b.WriteByte(' ')
		case unicode.IsSpace(r), strings.ContainsRune("-‐‑–'’‘`)]", r):
			b.WriteByte(' ')
		default:
			return "", "", false
		}
	}
	direct = normalizeWords(b.String())
	if cut >= 0 {
		if inverted = normalizeWords(b.String()[cut:] + " " + b.String()[:cut]); inverted == direct {
			inverted = ""
		}
	}
	return direct, inverted, direct != ""
}

func normalizeWords(s string) string {
	kept := make([]string, 0, 8)
	for _, w := range strings.Fields(s) {
		switch w {
		case "the":
			continue
		case "st":
			w = "saint"
		}
		kept = append(kept, w)
	}
	return strings.Join(kept, " ")
}
