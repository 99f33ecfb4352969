package country

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/biter777/countries"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// current gives the library's entries that are countries today.
func current() []countries.CountryCode {
	return slices.DeleteFunc(countries.All(), former)
}

func parses(t *testing.T, name, want string) {
	t.Helper()
	if got, ok := Parse(name); !ok || got != want {
		t.Errorf("Parse(%q) = %q, %v; want %q", name, got, ok, want)
	}
}

func refuses(t *testing.T, name string) {
	t.Helper()
	if got, ok := Parse(name); ok || got != "" {
		t.Errorf("Parse(%q) = %q, %v; want it refused", name, got, ok)
	}
}

func TestEveryCountryIsKnownByItsCodesAndName(t *testing.T) {
	t.Parallel()
	all := current()
	if len(all) != 250 { // ISO 3166-1 has 249, and Kosovo
		t.Fatalf("the list has %d countries, want 250", len(all))
	}
	for _, c := range all {
		code := c.Alpha2()
		for _, s := range []string{code, c.Alpha3(), c.String()} {
			for _, as := range []string{s, strings.ToLower(s), strings.ToUpper(s), " " + s + "\t"} {
				parses(t, as, code)
			}
		}
	}
}

func TestEveryFurtherNameMeansOneCountry(t *testing.T) {
	t.Parallel()
	means := map[string]string{}
	enter := func(name, code string) {
		straight, turned, ok := keys(name)
		if !ok {
			t.Errorf("%s: %q holds a sign that no name may have", code, name)
		}
		for _, k := range []string{straight, turned} {
			if was := means[k]; k != "" && was != "" && was != code {
				t.Errorf("%q is both %s and %s", name, was, code)
			}
			means[k] = code
		}
		if len(name) > longest {
			t.Errorf("%q is longer than Parse looks at", name)
		}
		parses(t, name, code)
	}
	codes := map[string]bool{}
	for _, c := range current() {
		codes[c.Alpha2()] = true
		enter(c.String(), c.Alpha2())
	}
	for _, code := range slices.Sorted(maps.Keys(further)) {
		if !codes[code] {
			t.Errorf("%s is no country of the list", code)
		}
		for _, name := range strings.Split(further[code], "|") {
			enter(name, code)
		}
	}
}

// The names of Unicode's CLDR come from elsewhere than the table, and are what much software shows and exports.
func TestTheNamesOfCLDRAreKnown(t *testing.T) {
	t.Parallel()
	namer := display.English.Regions()
	for _, c := range current() {
		region, err := language.ParseRegion(c.Alpha2())
		if err != nil {
			t.Fatal(err)
		}
		parses(t, namer.Name(region), c.Alpha2())
	}
}

func TestUsualNamesAreKnown(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"USA": "US", "U.S.A.": "US", "U.S.": "US", "the United States of America": "US",
		"UK": "GB", "U.K.": "GB", "Great Britain": "GB", "england": "GB", "Scotland": "GB", "Ireland, Northern": "GB",
		"South Korea": "KR", "Korea, Republic of": "KR", "Korea (the Republic of)": "KR", "KOREA, SOUTH": "KR",
		"North Korea": "KP", "Korea (Democratic People’s Republic of)": "KP",
		"Russia": "RU", "Russian Federation": "RU", "Viet Nam": "VN", "Vietnam": "VN",
		"Czech Republic": "CZ", "Czechia": "CZ",
		"Ivory Coast": "CI", "Côte d'Ivoire": "CI", "Cote d’Ivoire": "CI", "CÔTE D`IVOIRE": "CI",
		"Hong Kong": "HK", "Hong Kong SAR": "HK", "Macao": "MO", "Macau": "MO",
		"UAE": "AE", "U.A.E.": "AE", "United Arab Emirates": "AE", "Trinidad & Tobago": "TT", "Brunei": "BN",
		"Türkiye": "TR", "TÜRKİYE": "TR", "Turkey": "TR", "Curaçao": "CW", "Réunion": "RE", "Åland Islands": "AX",
		"São Tomé and Príncipe": "ST", "St. Lucia": "LC", "St Kitts & Nevis": "KN", "Timor Leste": "TL",
		"Bahamas, The": "BS", "Iran, Islamic Republic of": "IR", "Tanzania, United Republic of": "TZ",
		"Moldova, Republic of": "MD", "Virgin Islands, U.S.": "VI", "Virgin Islands (British)": "VG",
		"Congo, The Democratic Republic of the": "CD", "Congo": "CG", "Congo - Kinshasa": "CD",
		"Falkland Islands (the) [Malvinas]": "FK", "Lao People's Democratic Republic (the)": "LA",
		"Holland": "NL", "Burma": "MM", "Swaziland": "SZ", "Eswatini": "SZ", "Cabo Verde": "CV", "Kosovo": "XK",
		"United\u00a0Kingdom": "GB", "New  Zealand": "NZ", "France,": "FR", "\u200bFrance": "FR", "NA": "NA", "no": "NO",
	} {
		parses(t, name, want)
	}
}

func TestNothingIsGuessed(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", " ", "-", ".", ",", "()", "the", "None", "none", "N/A", "n.a.", "Unknown", "Other", "International", "World",
		"Earth", "Europe", "EU", "European Union", "Africa", "America", "Asia", "Null", "undefined", "not set",
		"Brasilia", "Brasil", "Deutschland", "Frances", "Franc", "Francce", "Germny", "Untied States", "Paris, France",
		"France (Paris)", "France?", "France2", "fr-FR", "GB-ENG", "F R", "U S", "U-S-A", "D.E.", "No.", "Virgin Islands",
		"Korea", "Guiana", "Yugoslavia", "YU", "YUG", "Netherlands Antilles", "AN", "ANT", "Czechoslovakia", "USSR",
		"Soviet Union", "EN", "ENG", "XX", "ZZ", "AA", "QQ", "ZZZ", "XKK", "004", "840", "1", "Inmarsat", "Austria Australia",
		"Republic of", "Republic", "Kingdom", "Georgia, USA", "Sultanate", "\x00", "US\x00", "\xff\xfe", "🇫🇷", "Франция",
		strings.Repeat("France ", 1000),
	} {
		refuses(t, name)
	}
}

func TestAnswersAreAlwaysAlpha2OfTheList(t *testing.T) {
	t.Parallel()
	for _, m := range []map[string]string{known().codes, known().names} {
		for k, code := range m {
			if len(code) != 2 || code != strings.ToUpper(code) {
				t.Errorf("%q gives %q", k, code)
			}
		}
	}
}
