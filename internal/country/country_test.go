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

// current returns the library's entries that ISO 3166-1 has not withdrawn.
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
		t.Errorf("Parse(%q) = %q, %v; want a refusal", name, got, ok)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	t.Run("knows every country by its codes and name", func(t *testing.T) {
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
	})

	t.Run("maps every extra name to one country", func(t *testing.T) {
		t.Parallel()
		means := map[string]string{}
		check := func(name, code string) {
			direct, inverted, ok := keys(name)
			if !ok {
				t.Errorf("%s: %q holds a character that keys refuses", code, name)
			}
			for _, k := range []string{direct, inverted} {
				if other := means[k]; k != "" && other != "" && other != code {
					t.Errorf("%q means both %s and %s", name, other, code)
				}
				means[k] = code
			}
			if len(name) > nameMax {
				t.Errorf("%q is longer than the %d bytes that Parse reads", name, nameMax)
			}
			parses(t, name, code)
		}
		codes := map[string]bool{}
		for _, c := range current() {
			codes[c.Alpha2()] = true
			check(c.String(), c.Alpha2())
		}
		for _, code := range slices.Sorted(maps.Keys(extraNames)) {
			if !codes[code] {
				t.Errorf("extraNames has the code %s, which the library lacks", code)
			}
			for _, name := range strings.Split(extraNames[code], "|") {
				check(name, code)
			}
		}
	})

	// Much software shows and exports the names of Unicode's CLDR, and the table was not made from CLDR.
	t.Run("knows the names of CLDR", func(t *testing.T) {
		t.Parallel()
		namer := display.English.Regions()
		for _, c := range current() {
			region, err := language.ParseRegion(c.Alpha2())
			if err != nil {
				t.Fatal(err)
			}
			parses(t, namer.Name(region), c.Alpha2())
		}
	})

	t.Run("knows usual names", func(t *testing.T) {
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
	})

	t.Run("guesses nothing", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{
			"", " ", "-", ".", ",", "()", "the", "None", "none", "N/A", "n.a.", "Unknown", "Other", "International", "World",
			"Earth", "Europe", "EU", "European Union", "Africa", "America", "Asia", "Null", "undefined", "not set",
			"Frances", "Franc", "Francce", "Germny", "Untied States", "Paris, France",
			"France (Paris)", "France?", "France2", "fr-FR", "GB-ENG", "F R", "U S", "U-S-A", "D.E.", "No.", "Virgin Islands",
			"Korea", "Guiana", "Yugoslavia", "YU", "YUG", "Netherlands Antilles", "AN", "ANT", "Czechoslovakia", "USSR",
			"Soviet Union", "EN", "ENG", "XX", "ZZ", "AA", "QQ", "ZZZ", "XKK", "004", "840", "1", "Inmarsat", "Austria Australia",
			"Republic of", "Republic", "Kingdom", "Georgia, USA", "Sultanate", "\x00", "US\x00", "\xff\xfe", "🇫🇷",
			strings.Repeat("France ", 1000),
		} {
			refuses(t, name)
		}
	})

	t.Run("answers with alpha-2 codes only", func(t *testing.T) {
		t.Parallel()
		for _, m := range []map[string]string{known().codes, known().names} {
			for k, code := range m {
				if len(code) != 2 || code != strings.ToUpper(code) {
					t.Errorf("the table maps %q to %q, which is not an alpha-2 code", k, code)
				}
			}
		}
	})
}
