// Package country owns what a country is called: it turns an ISO 3166-1 code or an English name into the alpha-2 code
// that is stored.
//
// It refuses to guess: what is not in its table, letter for letter but for case, accents and punctuation, is no
// country. A wrong country would route a case to the wrong people without anybody noticing; an unknown one is reported.
package country

import (
	"strings"
	"sync"
	"unicode"

	"github.com/biter777/countries"
	"golang.org/x/text/unicode/norm"
)

// longest bounds the work spent on a cell that cannot be a name: the longest known one has fewer than 70 bytes.
const longest = 100

// Parse gives the ISO 3166-1 alpha-2 code, in upper case, of
//
//   - an alpha-2 or alpha-3 code in any case, with nothing but spaces around it. So "NA" is Namibia, not 'not
//     available', and "no" is Norway; "N/A", "None" and "n.a." are refused;
//   - an English name, common or official, or a usual short form ("USA", "UK", "UAE"), in any case, with or without
//     accents, dots, 'the', 'and' written as &, 'Saint' as St, and turned around at a comma or bracket as lists do
//     ("Korea, Republic of").
//
// The countries are those of ISO 3166-1 today, and Kosovo by its user-assigned XK, which ISO keeps free for such use.
// England, Scotland, Wales and Northern Ireland are GB. Names of more than one country ("Korea", "Virgin Islands")
// and of former ones ("Yugoslavia") are refused.
func Parse(s string) (code string, ok bool) {
	s = strings.TrimSpace(s)
	if s == "" || len(s) > longest {
		return "", false
	}
	t := known()
	if code, ok := t.codes[strings.ToUpper(s)]; ok {
		return code, true
	}
	straight, turned, ok := keys(s)
	if !ok {
		return "", false
	}
	if code, ok = t.names[straight]; !ok && turned != "" {
		code, ok = t.names[turned]
	}
	return code, ok
}

// Name is what English calls the country of an alpha-2 code; the code itself where it is not known.
func Name(code string) string {
	if name, ok := known().english[code]; ok {
		return name
	}
	return code
}

type table struct {
	codes   map[string]string // alpha-2 and alpha-3, upper case
	names   map[string]string // by key
	english map[string]string // by alpha-2 code
}

// known is made at the first call: a program that reads no country does not pay for it.
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
			t.add(head, code) // "Iran (Islamic Republic of)" is Iran as well
		}
		for _, name := range strings.Split(further[code], "|") {
			t.add(name, code)
		}
	}
	return t
})

// former tells the library's entries that ISO 3166-1 has withdrawn. The Netherlands Antilles and Yugoslavia fell
// apart into several countries; which of them is meant cannot be known.
func former(c countries.CountryCode) bool { return c == countries.ANT || c == countries.YUG }

// add enters a name under both its keys. The test asserts that no two countries share one.
func (t *table) add(name, code string) {
	straight, turned, _ := keys(name)
	for _, k := range []string{straight, turned} {
		if k != "" {
			t.names[k] = code
		}
	}
}

// keys reduces a name to what is compared: lower-case words without accents, 'the' left out. turned is the name turned
// around at its first comma or bracket, if it has one. ok is false where a sign stands in it that no name has.
func keys(s string) (straight, turned string, ok bool) {
	var b strings.Builder
	cut := -1
	// NFKD takes accents off their letters and makes a plain space of a no-break one.
	for _, r := range norm.NFKD.String(s) {
		switch {
		case unicode.IsLetter(r):
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
	straight = words(b.String())
	if cut >= 0 {
		if turned = words(b.String()[cut:] + " " + b.String()[:cut]); turned == straight {
			turned = ""
		}
	}
	return straight, turned, straight != ""
}

func words(s string) string {
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
